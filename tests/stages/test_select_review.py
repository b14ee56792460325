"""Decisions that are due: which, what would be decided today, and what changed since."""

import functools
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from srlr.core import compose, hardware
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir
from srlr.models import catalog, precision
from srlr.stages import select, select_record
from srlr.stages.select_review import review

BIG = Machine("cuda", "big", 8, 200.0, 190.0, 1000.0, "bfloat16", bandwidth_gb_s=600.0)
SMALL = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """The machine is BIG, until a test puts another one in its place."""
    now = {"machine": BIG}
    monkeypatch.setattr(catalog, "out_of_reach", lambda *_: {})
    monkeypatch.setattr(hardware, "probe", lambda node, place=None: now["machine"])
    monkeypatch.setattr(precision, "known", lambda threads: None)
    return now


@functools.cache
def composed(*words):
    return compose.compose(words, environ={})


def run(tmp_path, name, days, *words, change=None):
    """A run whose decision is so many days old."""
    made = composed(*words)
    rundir = RunDir.create(
        tmp_path / name, config_yaml=made.yaml, command="srlr select", facts={"seed": 1}
    )
    at = (NOW - timedelta(days=days)).isoformat(timespec="seconds")
    choice = select.choose(made.settings, BIG, NOW.date())
    record = select_record.record(made.settings, BIG, choice, at)
    if change:
        change(record["model_selection"])
    rundir.write_text("select/decision.yaml", yaml.safe_dump(record, sort_keys=False))
    return RunDir(rundir.path)


def test_what_is_older_than_the_days_is_due_and_the_oldest_is_first(tmp_path):
    runs = [run(tmp_path, name, days) for name, days in (("a", 6.9), ("b", 7.1), ("c", 30))]
    empty = RunDir.create(tmp_path / "none", config_yaml="", command="", facts={})
    found = review([*runs, empty], NOW, 7)

    assert [(one.run[-1], one.age_days) for one in found.due] == [("c", 30.0), ("b", 7.1)]
    assert (found.fresh, found.unreadable) == (1, ())


def test_the_same_choice_on_the_same_ground_needs_no_reason(tmp_path):
    one = review([run(tmp_path, "a", 9)], NOW, 7).due[0]

    assert (one.verdict, one.model, one.model_today) == ("same", *["llama-3.2-3b-instruct"] * 2)
    assert (one.score_today, one.why) == (pytest.approx(one.score, abs=1e-4), ())
    assert one.as_dict()["why"] == []


def test_another_choice_says_what_changed(tmp_path, machine):
    rundir = run(tmp_path, "a", 9)
    machine["machine"] = SMALL
    one = review([rundir], NOW, 7).due[0]

    assert (one.verdict, one.model_today) == ("other", "smollm2-135m-instruct")
    assert one.why[0].startswith("llama-3.2-3b-instruct is excluded by its memory: 73.7 GB")
    assert "smollm2-135m-instruct is new candidate" in one.why
    assert any("phi-3.5-mini-instruct is now excluded by its memory" in why for why in one.why)
    assert "qwen2.5-7b-instruct is no longer excluded by its latency" in one.why


def test_an_outranked_choice_says_by_how_much_and_scores_that_moved_are_told(tmp_path):
    def older(said):
        said["selected_model"] = "phi-3.5-mini-instruct"
        said["scores"]["phi-3.5-mini-instruct"]["accuracy"] = 0.9

    one = review([run(tmp_path, "a", 9, change=older)], NOW, 7).due[0]

    assert one.verdict == "other"
    assert one.why[0].startswith("phi-3.5-mini-instruct is 0.0")
    assert "phi-3.5-mini-instruct: accuracy 0.900 then, 0.592 now, ifeval 0.592, claimed" in one.why


def test_a_model_that_is_gone_is_said_to_be_gone(tmp_path):
    def older(said):
        said["selected_model"] = "long-gone"
        said["candidates_evaluated"] = [*said["candidates_evaluated"], "long-gone"]

    why = review([run(tmp_path, "a", 9, change=older)], NOW, 7).due[0].why

    assert why[:2] == (
        "long-gone is not a candidate any more",
        "long-gone is no longer a candidate",
    )


def test_a_run_that_nothing_fits_any_more_is_told_and_not_fatal(tmp_path, machine):
    rundir = run(tmp_path, "a", 9, "tier.stand_in=null")
    machine["machine"] = SMALL
    one = review([rundir], NOW, 7).due[0]

    assert (one.verdict, one.model_today) == ("cannot be decided again", None)
    assert "no base model fits role 'sentiment'" in one.why[0]


def test_a_run_whose_config_no_longer_composes_is_told(tmp_path):
    rundir = run(tmp_path, "a", 9)
    (rundir.path / "config.yaml").write_text("role: {name: gone}\n")
    one = review([rundir], NOW, 7).due[0]

    assert one.verdict == "cannot be decided again"
    assert one.why


def test_a_damaged_decision_is_told_and_not_fatal(tmp_path):
    texts = [
        "{",
        "",
        "model_selection: {}\n",
        "model_selection: [1]\n",
        "model_selection: {a: 1}\n",
    ]
    runs = [run(tmp_path, f"r{place}", 9) for place, _ in enumerate(texts)]
    for text, rundir in zip(texts, runs, strict=True):
        (rundir.path / "select/decision.yaml").write_text(text)
    found = review([*runs, run(tmp_path, "whole", 9)], NOW, 7)

    assert [place for place, _ in found.unreadable] == [str(one.path) for one in runs]
    assert all("decision.yaml" in why for _, why in found.unreadable)
    assert len(found.due) == 1


def test_a_timestamp_that_is_none_is_damage_and_one_without_a_zone_is_utc(tmp_path):
    def bad(said):
        said["timestamp"] = "yesterday"

    def bare(said):
        said["timestamp"] = "2026-11-10T12:00:00"

    found = review([run(tmp_path, "a", 9, change=bad), run(tmp_path, "b", 9, change=bare)], NOW, 7)

    assert "yesterday" in found.unreadable[0][1]
    assert found.due[0].age_days == 13.0


def test_equal_configs_are_decided_once(tmp_path, monkeypatch):
    runs = [run(tmp_path, name, 9) for name in "abc"]
    calls = []
    choose = select.choose
    monkeypatch.setattr(select, "choose", lambda *a, **b: calls.append(a) or choose(*a, **b))
    review(runs, NOW, 7)

    assert len(calls) == 1
