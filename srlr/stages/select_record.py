"""What select tells: the decision record as data, and the files made from it."""

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.models import sensitivity
from srlr.models.candidate import Candidate
from srlr.models.constraints import breaches
from srlr.models.criteria import FAMILIES
from srlr.models.ranking import Ranked
from srlr.models.validation import CHECKS
from srlr.stages import select_report

if TYPE_CHECKING:
    from srlr.stages.select import Choice

UNMEASURED = "not_measured: run srlr select --measure"

NOT_COMPARED = "not measured here; its score is of claims, and not compared with measured ones"

CHOSEN_BY = {"ranked": "score", "stand-in": "stand-in", "user": "the user"}


def write(
    settings: Settings, machine: Machine, choice: "Choice", at: str, rundir: RunDir
) -> dict[str, Any]:
    """Makes the record, writes its files, and returns it."""
    made = record(settings, machine, choice, at)
    publish(made, rundir)
    return made


def publish(made: Mapping[str, Any], rundir: RunDir) -> None:
    """Writes select/report.md, report.html and decision.yaml, which comes last, from one record."""
    import yaml

    rundir.write_text("select/report.md", select_report.markdown(made))
    if importlib.util.find_spec("jinja2") and importlib.util.find_spec("matplotlib"):
        from srlr.stages import select_page

        rundir.write_text("select/report.html", select_page.html(made))
    text = yaml.safe_dump(dict(made), sort_keys=False, allow_unicode=True, width=100)
    rundir.write_text("select/decision.yaml", text)


def record(settings: Settings, machine: Machine, choice: "Choice", at: str) -> dict[str, Any]:
    """The decision record in its documented form, under `model_selection`. Its validation results
    are for whoever measures the selected model to fill in.
    """
    review = datetime.fromisoformat(at) + timedelta(days=settings.select.update_frequency_days)
    return {
        "model_selection": {
            "role": settings.role.name,
            "tier": settings.tier.name,
            "timestamp": at,
            "review_by": review.isoformat(timespec="seconds"),
            "machine": asdict(machine),
            "candidates_evaluated": sorted(choice.candidates),
            "selected_model": choice.selected.name,
            "chosen_by": CHOSEN_BY[choice.how],
            "decided_on": "measurements" if choice.is_measured else "claims",
            "stand_in_for": choice.stand_in_for,
            "selection_score": round(choice.selected.score, 4),
            "criteria_breakdown": breakdown(choice.selected),
            "decision_tree": _tree(settings, choice),
            "reasoning": _reasoning(settings, machine, choice),
            "alternatives_considered": _alternatives(choice),
            "excluded": [
                {"name": name, "constraint": breach.constraint, "figure": breach.figure}
                for name, found in sorted(choice.excluded.items())
                for breach in found
            ],
            "breaches": [
                {"constraint": breach.constraint, "figure": breach.figure}
                for breach in choice.breaches
            ],
            "sensitivity": {
                "weights": [_moves(one) for one in sensitivity.ranges(choice.ranked)],
                "wins_under_random_weights": {
                    "draws": sensitivity.DRAWS,
                    "seed": sensitivity.SEED,
                    "share": sensitivity.wins(choice.ranked),
                },
            },
            "scores": {
                one.name: {c.name: round(c.score, 4) for c in one.weighed} for one in choice.ranked
            },
            "computed_checks": _checks(choice),
            "validation_results": dict.fromkeys(CHECKS, UNMEASURED),
        }
    }


def breakdown(one: Ranked) -> dict[str, Any]:
    """Every criterion by family; those that weigh nothing tell what else is known."""
    return {
        family: {
            c.name: {
                "weight": round(c.weight, 4),
                "score": round(c.score, 4),
                "basis": c.basis,
                "note": c.note,
            }
            for c in one.criteria
            if c.family == family
        }
        for family in FAMILIES
    }


def _tree(settings: Settings, choice: "Choice") -> dict[str, Any]:
    """What the tree of the role's family said, by which way, and what became of it."""
    advice = choice.advice
    branch = advice.branch
    low, high = advice.parameters_b
    if branch is None:
        use = f"family {settings.role.family} has no tree"
    elif advice.applied:
        use = f"{low:g} to {high:g}B is what it and tier {settings.tier.name} have in common"
    else:
        use = (
            f"tier {settings.tier.name} has nothing of these sizes: its own hold, "
            f"{low:g} to {high:g}B, and the tree's constraints are set aside"
        )
    said = None if branch is None else branch.model_dump(mode="json", exclude_defaults=True)
    return {
        "family": settings.role.family,
        "path": list(advice.path),
        "said": said,
        "use": use,
        "weights_from": advice.weights_from,
    }


def _moves(one: sensitivity.Range) -> dict[str, Any]:
    return {
        "criterion": one.criterion,
        "weight": round(one.weight, 4),
        "same_choice_from": round(one.low, 4),
        "same_choice_to": round(one.high, 4),
        "else": list(one.then),
    }


def _reasoning(settings: Settings, machine: Machine, choice: "Choice") -> list[str]:
    name, tier = choice.selected.name, settings.tier.name
    one = choice.candidates[name]
    if choice.how == "user":
        lines = [f"{name} was chosen by the user (model={name}); it was not ranked against others"]
    elif choice.how == "stand-in":
        lines = [f"{name} stands in for tier {tier}: none of its candidates fits this machine"]
    else:
        among = "fit and were measured" if choice.is_measured else "fit"
        lines = [
            f"{name} scores {choice.selected.score:.3f}, the best of {len(choice.ranked)} "
            f"that {among}"
        ]
    heaviest = sorted(choice.selected.weighed, key=lambda c: -c.weight)
    lines += [f"{c.name} (weight {c.weight:.2f}): {c.score:.2f}, {c.note}" for c in heaviest]
    lines.append(
        f"{machine.device_name}: {machine.memory_gb:g} GB, "
        f"{choice.demands.memory_gb:.1f} GB allowed; "
        + ("size unknown" if one.memory_gb is None else f"training needs {one.memory_gb:.1f} GB")
    )
    return lines + [f"breach: {b.constraint}: {b.figure}" for b in choice.breaches]


def _alternatives(choice: "Choice") -> list[dict[str, Any]]:
    best = choice.selected
    why = {one.name: behind(best, one) for one in choice.ranked if one.name != best.name}
    why |= dict.fromkeys((one.name for one in choice.unmeasured), NOT_COMPARED)
    return [
        {"name": one.name, "score": round(one.score, 4), "why_not": why[one.name]}
        for one in (*choice.ranked, *choice.unmeasured)
        if one.name in why
    ]


def behind(best: Ranked, other: Ranked) -> str:
    """By how much the other is outranked, and by which criteria."""
    if best.score == other.score:
        return "the same score; the first by name is taken"
    lost = [(c, gap) for c, gap in gaps(best, other) if gap > 0]
    said = ", ".join(f"{gap:.3f} in {c}" for c, gap in lost)
    won = ", ".join(f"{-gap:.3f} in {c}" for c, gap in gaps(best, other) if gap < 0)
    return f"{best.score - other.score:.3f} behind: it loses {said}" + (
        f", and gains {won}" if won else ""
    )


def gaps(best: Ranked, other: Ranked) -> list[tuple[str, float]]:
    """How much of the difference each criterion makes, the largest loss of the other first."""
    found = [
        (mine.name, mine.weight * (mine.score - its.score))
        for mine, its in zip(best.weighed, other.weighed, strict=True)
    ]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _checks(choice: "Choice") -> dict[str, str]:
    """What arithmetic on claims can say before anything is loaded; each pass, fail or unknown."""
    one, demands = choice.candidates[choice.selected.name], choice.demands
    claimed = replace(one, observed=None)
    broken = {breach.constraint: breach for breach in breaches(claimed, demands)}

    def judged(constraint: str, passed: str | None, unknown: str) -> str:
        if constraint in broken:
            return f"fail: {broken[constraint].figure}"
        return f"unknown: {unknown}" if passed is None else f"pass: {passed}"

    return {
        "memory": judged("memory", _memory(one, demands.memory_gb), "size unknown"),
        "cost": judged(
            "cost",
            _cost(one, demands.cost_max_usd),
            "needs hardware.price_usd_per_hour, hardware.memory_bandwidth_gb_s and a ceiling",
        ),
        "latency": judged(
            "latency",
            None if one.latency_ms is None else f"{one.latency_ms:.3g} ms to the first token",
            "hardware.memory_bandwidth_gb_s is not stated",
        ),
        "licence": judged("licence", str(one.licence), ""),
        "weights": judged("weights", "an asset, a folder or a hub in reach", ""),
    }


def _memory(one: Candidate, allowed_gb: float) -> str | None:
    return None if one.memory_gb is None else f"{one.memory_gb:.2f} of {allowed_gb:.2f} GB"


def _cost(one: Candidate, ceiling_usd: float | None) -> str | None:
    if one.cost_usd is None or ceiling_usd is None:
        return None
    return f"{one.cost_usd:.3g} of {ceiling_usd:g} $ per 1M tokens"
