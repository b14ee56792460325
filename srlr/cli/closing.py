"""The closing table: baseline → SRL → RLVR with intervals, comparison rows, and what it means.

Reads evaluate/report.json as plain JSON: no numeric library is needed to look at a finished run.
"""

from collections.abc import Mapping
from typing import Any

from srlr.cli import render
from srlr.core.rundir import RunDir

REPORT = "evaluate/report.json"

SHOWN = ("headline", "verdict", "notes", "stand_in", "rlvr_gain", "final", "table", "tests", "gate")
"""The parts of a report that `--json` repeats; the whole is in the run."""

SHORT_TITLES = {"macro_f1": "Macro-F1", "accuracy": "Accuracy", "validity": "Valid", "ece": "ECE"}


def read(rundir: RunDir) -> dict[str, Any] | None:
    """The run's report, None before there is one."""
    if not (rundir.path / REPORT).exists():
        return None
    report: dict[str, Any] = rundir.read_json(REPORT)
    return report


def show(report: Mapping[str, Any], rundir: RunDir) -> None:
    """Prints the table, its notes and the report's path."""
    wide = list(dict.fromkeys((report["main_metric"], "accuracy")))
    narrow = [name for name in ("validity", "ece") if name in report["table"][0]["metrics"]]
    titles = [SHORT_TITLES.get(name, name) for name in (*wide, *narrow)]
    rows = [row_cells(row, wide, narrow) for row in report["table"]]
    level = f"{report['level']:.0%}"
    render.text(f"\n{report['role']} · {report['tier']} · {report['model']}")
    right = (*titles, "s", "Tokens")
    render.table(["Model", *right], rows, right=right, whole=["Model"])
    render.text(f"[{level} interval]; s: seconds an answer. {report['machine']}".rstrip())
    render.text(report["headline"])
    for note in report["notes"]:
        render.text(note)
    if report.get("stand_in") and report["stand_in"] not in report["notes"]:
        render.text(report["stand_in"])
    page = rundir.path / "evaluate" / "report.html"
    render.text(f"report: {page if page.exists() else page.with_name('report.json')}")


def row_cells(row: Mapping[str, Any], wide: list[str], narrow: list[str]) -> list[str]:
    """One line of the table; `wide` metrics carry their intervals, an undefined one is a dash."""
    metrics = row["metrics"]
    latency = row["latency_s"]["mean"]
    return [
        row["title"],
        *(interval(metrics.get(name)) for name in wide),
        *(figure(metrics.get(name)) for name in narrow),
        "–" if latency is None else f"{latency:.2f}",
        "–" if row["tokens"] is None else f"{row['tokens']:.0f}",
    ]


def interval(metric: Mapping[str, float] | None) -> str:
    """`0.741 [.700 .780]`: short enough for two of them in 80 columns."""
    if metric is None:
        return "–"
    low, high = (f"{metric[end]:.3f}".removeprefix("0") for end in ("low", "high"))
    return f"{metric['value']:.3f} [{low} {high}]"


def figure(metric: Mapping[str, float] | None) -> str:
    """`0.993`, or a dash where the metric does not apply."""
    return "–" if metric is None else f"{metric['value']:.3f}"
