from dataclasses import replace

import pytest

from srlr.core.rundir import RunDir
from srlr.evaluation import page, report
from srlr.evaluation.compare import Resampling
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.sampled import build, interval, paired, pooled, shares

HOW = Resampling(1, 500)
SCHEMA = Schema(labels=("negative", "neutral", "positive"))


def drawn(model, right, samples=4):
    """Rows of tasks of which so many samples are right."""
    return [
        {
            "model": model,
            "task": f"t{number}",
            "answer": {"label": "positive" if k < count else "negative"},
            "gold": {"label": "positive"},
            "valid": True,
        }
        for number, count in enumerate(right)
        for k in range(samples)
    ]


def test_a_tasks_share_is_that_of_its_right_answers():
    assert shares(drawn("srl", [4, 1, 0]), SCHEMA) == {"t0": 1.0, "t1": 0.25, "t2": 0.0}


def test_the_figure_is_the_mean_over_tasks_and_lies_in_its_interval():
    found = interval({"a": 1.0, "b": 0.25, "c": 0.25}, HOW)

    assert found.value == 0.5
    assert 0.25 <= found.low < 0.5 < found.high <= 1.0


def test_the_difference_is_paired_by_task_whatever_their_order():
    first, second = {"a": 0.0, "b": 0.5}, {"b": 0.75, "a": 0.25}
    found = paired(first, second, HOW)

    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)
    assert (found.first, found.second) == (0.25, 0.5)


def test_pooled_runs_tell_each_ones_difference():
    one = ({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 0.0})
    other = ({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5})

    assert pooled([one, other], HOW).runs == (0.5, 0.0)
    assert pooled([one, other], HOW).value == 0.25


def test_the_reports_part_has_every_model_and_the_pairs_among_them():
    rows = drawn("baseline", [0, 0, 1, 0]) + drawn("srl", [4, 3, 4, 2])
    found = build(rows, SCHEMA, HOW, 0.7)

    assert (found.samples, found.temperature) == (4, 0.7)
    assert {name: one.value for name, one in found.figures.items()} == pytest.approx(
        {"baseline": 1 / 16, "srl": 13 / 16}
    )
    assert [test.title for test in found.tests] == ["SRL − Baseline"]


def test_without_drawn_answers_there_is_no_such_part():
    assert build([], SCHEMA, HOW, 1.0) is None


def test_the_report_has_it_only_where_answers_were_drawn(
    attempts, settings, decision, metrics_rows, extras, tmp_path
):
    every = {"decision": decision, "metrics_rows": metrics_rows}
    samples = drawn("srl", [4, 3]) + drawn("rlvr", [4, 4])
    plain = report.build(attempts, settings, extras=extras, **every)
    more = report.build(attempts, settings, extras=replace(extras, sampled=samples), **every)
    rundir = RunDir.create(tmp_path / "r", config_yaml="", command="srlr", facts={})
    page.write(plain, rundir)
    without = rundir.read_json("evaluate/report.json")
    page.write(more, rundir)
    having = rundir.read_json("evaluate/report.json")

    assert "sampled" not in without
    assert having.pop("sampled")["figures"]["srl"]["value"] == 7 / 8
    assert having == without
    assert "avg@4 at temperature 1" in rundir.read_text("evaluate/report.md")
    assert "RLVR − SRL" in rundir.read_text("evaluate/report.md")
    assert "Drawn answers" in rundir.read_text("evaluate/report.html")
