"""The report's sentences: the headline that answers "did it work?", and the closing notes."""

from collections.abc import Mapping
from typing import Any, Literal

from srlr.core.settings import Settings
from srlr.evaluation.compare import Difference
from srlr.evaluation.tables import before_rlvr, better, difference, worse
from srlr.evaluation.value import METRIC_TITLES, TITLES, Report

Verdict = Literal["better", "unclear", "worse", "untrained"]


def signed(gap: Difference | None) -> str:
    """A difference with its interval, "+0.021 [0.003, 0.040]", or a dash."""
    if gap is None:
        return "–"
    return f"{gap.value:+.3f} [{gap.low:.3f}, {gap.high:.3f}]".replace("-", "−")


def p_value(p: float) -> str:
    """A p to three digits, or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def metric_name(word: str) -> str:
    """The metric's title as it stands inside a sentence: macro-F1, accuracy."""
    title = METRIC_TITLES.get(word, word)
    return title[0].lower() + title[1:]


def stand_in(settings: Settings, decision: Mapping[str, Any] | None) -> str | None:
    """What to say of a model that is only the tier's stand-in; None for a real candidate."""
    record = decision or {}
    record = record.get("model_selection", record)
    declared = record.get("stand_in_for") or (
        settings.tier.name if settings.tier.stand_in == settings.model.name else None
    )
    if not declared:
        return None
    low, high = settings.tier.parameters_min_b, settings.tier.parameters_max_b
    return (
        f"{settings.model.name} stands in for a {settings.tier.name} model ({low:g}–{high:g}B "
        "parameters): no candidate of that tier fits this machine. Its figures say nothing about "
        "the tier's latency or cost."
    )


def verdict(report: Report) -> tuple[Verdict, str]:
    """Whether the final model beats the baseline, as a word and as the headline."""
    name, title = metric_name(report.main_metric), TITLES[report.final]
    row = next(row for row in report.table if row.model == report.final)
    figure = row.metrics[report.main_metric]
    value = f"{figure.value:.3f}" if figure else "undefined"
    where = f"on {row.rows} {report.split} tasks"
    if report.final == "baseline":
        return "untrained", f"Nothing is trained yet: the baseline’s {name} is {value} {where}."
    gap = difference(report.tests, report.final, "baseline", report.main_metric)
    if gap is None:
        return "unclear", f"{title} reaches {name} {value} {where}; it has no baseline beside it."
    way = f"from {gap.first:.3f} to {gap.second:.3f} {where}"
    if better(gap, report.main_metric):
        moved = "rose" if gap.value > 0 else "fell"
        return "better", f"Training worked: {name} {moved} {way}."
    if worse(gap, report.main_metric):
        return "worse", f"Training made it worse: {name} went {way}."
    return "unclear", f"No clear effect: {name} went {way}, within what chance explains."


def notes(report: Report) -> tuple[str, ...]:
    """The closing lines: each stage's gain with its interval, comparisons, the stand-in remark."""
    main, lines = report.main_metric, []
    srl = difference(report.tests, "srl", "baseline", main)
    if srl is not None:
        lines.append(f"SRL: {signed(srl)}" if better(srl, main) else "SRL: no gain")
    rlvr = before_rlvr(report.tests, main)
    if rlvr is not None:
        lines.append(f"RLVR: {signed(rlvr)}" if report.rlvr_gain else "RLVR: no gain")
    for other in ("tfidf", "vader"):
        gap = difference(report.tests, report.final, other, main)
        if gap is not None and not better(gap, main):
            lines.append(
                f"{TITLES[report.final]} is not clearly better than {TITLES[other]}: {signed(gap)}"
            )
    classes = report.per_class.get(report.final, ())
    there = [one.label for one in classes if one.support]
    if len(there) == 1 and len(classes) > 1:
        lines.append(
            f"All tasks have the label {there[0]}: the figures say nothing about the others."
        )
    if report.split == "dev":
        lines.append("These tasks also chose the checkpoints, so the figures flatter.")
    if report.stand_in:
        lines.append(report.stand_in)
    return tuple(lines)


def alarms(results: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """A line for each alarm that was raised in training."""
    return tuple(
        f"{TITLES[stage]}: alarm {one['name']} at step {one['step']}{_part(one)} "
        f"({one['action']}): {one['why']}"
        for stage, result in results.items()
        for one in result.get("alarms", ())
    )


def _part(alarm: Mapping[str, Any]) -> str:
    """Of which part of a stage, where it has several."""
    return f" of the {alarm['part']}" if "part" in alarm else ""
