"""The gate: which floors of evaluate.gate the final model does not reach.

    evaluate.gate.macro_f1=0.7             at least 0.7
    evaluate.gate.ece=0.1                  at most 0.1, where less is better
    evaluate.gate.vs_baseline=significant  the gain's whole interval on the better side of 0
    evaluate.gate.vs_baseline=0.02         … and at least 0.02 away from it

Any metric word goes, also one that is not in the table; what was not measured fails.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from srlr.core.errors import ConfigError
from srlr.core.evaluating import VERSUS, Gate
from srlr.evaluation import compare, sentences, tables
from srlr.evaluation.compare import Difference, Interval, Resampling
from srlr.evaluation.metrics import Metric, falls, named
from srlr.evaluation.outcomes import Schema, finite
from srlr.evaluation.value import METRIC_TITLES, TITLES, Check, Report

DRAWN = {"avg_at_k": "avg@k", "pass_at_k": "pass@k"}
"""Figures of drawn answers, which evaluate.samples > 1 brings."""
COST = "cost_per_1000_usd"


def require(gate: Gate, schema: Schema) -> None:
    """Raises ConfigError where a floor is set on what nothing measures, before anything is."""
    for word, floor in gate.items():
        if floor is None or word in (*DRAWN, COST):
            continue
        if not word.startswith(VERSUS):
            named(word, schema)
        elif (other := word.removeprefix(VERSUS)) not in TITLES:
            near = difflib.get_close_matches(other, TITLES, n=1, cutoff=0.4)
            raise ConfigError(
                f"evaluate.gate.{word}: there is no model {other!r}",
                f"evaluate.gate.{VERSUS}{near[0] if near else 'baseline'}=significant",
            )


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A report and what it was made from."""

    report: Report
    rows: tables.Rows
    schema: Schema
    how: Resampling


def checks(evaluated: Evaluated, gate: Gate) -> tuple[Check, ...]:
    """Every floor that is set, held against the final model."""
    return tuple(
        _versus(word, floor, evaluated)
        if word.startswith(VERSUS)
        else _floor(word, float(floor), evaluated)
        for word, floor in gate.items()
        if floor is not None
    )


def failed(report: Report) -> list[str]:
    """A sentence for each floor that the final model does not reach; empty when it reaches all."""
    return [
        f"{TITLES[report.final]}: {title(check.name)} is {check.measured}, the gate asks for "
        f"{check.required}"
        for check in report.gate
        if not check.passed
    ]


def title(word: str) -> str:
    """What a floor's word stands for, as a reader should see it."""
    if word.startswith(VERSUS):
        return f"gain over {TITLES[word.removeprefix(VERSUS)]}"
    return METRIC_TITLES.get(word) or DRAWN.get(word) or word


def _floor(word: str, floor: float, evaluated: Evaluated) -> Check:
    got = _measured(word, evaluated)
    ceiling = word == COST or falls(word)
    reached = got is not None and (got.value <= floor if ceiling else got.value >= floor)
    return Check(
        name=word,
        required=f"{'≤' if ceiling else '≥'} {floor:.3f}",
        measured=_said(got),
        passed=reached,
    )


def _measured(word: str, evaluated: Evaluated) -> Interval | None:
    """The figure of the final model; the ends of one without an interval are NaN."""
    report = evaluated.report
    if word == COST:
        speed = report.service.get(report.final)
        return _point(speed.cost_per_1000_usd if speed else None)
    if word in DRAWN:
        return _of_drawn(word, report)
    row = next(row for row in report.table if row.model == report.final)
    if word in row.metrics:
        return row.metrics[word]
    metric, rows = named(word, evaluated.schema), evaluated.rows[report.final]
    if isinstance(metric, Metric):
        return compare.interval(rows, word, evaluated.schema, evaluated.how)
    return _point(finite(metric(rows, evaluated.schema)))


def _of_drawn(word: str, report: Report) -> Interval | None:
    if report.sampled is None:
        return None
    if word == "avg_at_k":
        return report.sampled.figures.get(report.final)
    by_k: Mapping[int, Interval] = report.sampled.pass_at.get(report.final, {})
    return by_k.get(report.sampled.samples)


def _point(value: float | None) -> Interval | None:
    return None if value is None else Interval(value, math.nan, math.nan)


def _said(got: Interval | None) -> str:
    if got is None:
        return "not measured"
    if math.isnan(got.low):
        return f"{got.value:.3f}"
    return f"{got.value:.3f} [{got.low:.3f}, {got.high:.3f}]"


def _versus(word: str, floor: float | str, evaluated: Evaluated) -> Check:
    report, rows = evaluated.report, evaluated.rows
    other, main = word.removeprefix(VERSUS), report.main_metric
    gap = None
    if other in rows and other != report.final:
        both = rows[other], rows[report.final]
        gap = tables.gap(*both, main, evaluated.schema, evaluated.how)
    least = 0.0 if floor == "significant" else float(floor)
    required = "an interval on the better side of 0"
    if least:
        required = f"an interval that is better by at least {least:.3f}"
    return Check(
        name=word,
        required=required,
        measured=sentences.signed(gap) if gap else "not measured",
        passed=gap is not None and _gained(gap, main, least),
    )


def _gained(gap: Difference, word: str, least: float) -> bool:
    if not least:
        return tables.better(gap, word)
    return -gap.high >= least if falls(word) else gap.low >= least
