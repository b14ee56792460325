"""The closing table of a run, from its report.json."""

import fake_stages
import pytest

from srlr.cli import closing
from srlr.core.rundir import RunDir


@pytest.fixture
def rundir(tmp_path):
    return RunDir.create(tmp_path / "r", config_yaml="", command="", facts={})


def test_there_is_no_report_before_evaluate(rundir):
    assert closing.read(rundir) is None


def test_the_table_shows_stages_intervals_comparisons_and_remarks_in_80_columns(
    rundir, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    rundir.write_json("evaluate/report.json", fake_stages.REPORT)
    closing.show(closing.read(rundir), rundir)
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if " [." in line]

    assert [line.split("  ")[0] for line in table] == [
        "Baseline",
        "SRL",
        "RLVR",
        "VADER rules",
        "TF-IDF + LR",
    ]
    assert "0.740 [.700 .780]" in table[1]
    assert "RLVR: no gain" in lines
    assert any("stands in for a gold model" in line for line in lines)
    assert lines[-1] == f"report: {rundir.path}/evaluate/report.json"
    assert max(len(line) for line in table) <= 80


def test_a_figure_that_the_role_does_not_have_has_no_column(rundir, capsys):
    table = [
        {**row, "metrics": {k: v for k, v in row["metrics"].items() if k != "ece"}}
        for row in fake_stages.REPORT["table"]
    ]
    rundir.write_json("evaluate/report.json", {**fake_stages.REPORT, "table": table})
    closing.show(closing.read(rundir), rundir)
    out = capsys.readouterr().out

    assert "Valid" in out
    assert "ECE" not in out


def test_the_page_is_named_where_there_is_one(rundir, capsys):
    rundir.write_json("evaluate/report.json", fake_stages.REPORT)
    rundir.write_text("evaluate/report.html", "<html>")
    closing.show(closing.read(rundir), rundir)

    assert capsys.readouterr().out.endswith("evaluate/report.html\n")


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ({"value": 0.741, "low": 0.7, "high": 0.78}, "0.741 [.700 .780]"),
        ({"value": 1.0, "low": 0.99, "high": 1.0}, "1.000 [.990 1.000]"),
        (None, "–"),
    ],
)
def test_intervals_are_short(metric, text):
    assert closing.interval(metric) == text


def test_what_does_not_apply_is_a_dash():
    row = {"title": "VADER rules", "metrics": {}, "latency_s": {"mean": None}, "tokens": None}

    assert closing.row_cells(row, ["macro_f1"], ["ece"]) == ["VADER rules", "–", "–", "–", "–"]
