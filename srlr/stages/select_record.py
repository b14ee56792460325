"""What select tells: the decision record as data, and report.md made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from srlr.core.hardware import Machine
from srlr.core.settings import Settings
from srlr.models import ranking
from srlr.models.ranking import Candidate, Ranked

if TYPE_CHECKING:
    from srlr.stages.select import Choice

UNMEASURED = {
    "benchmark_match": "claimed benchmarks are not run here; evaluate measures the role's task",
    "latency_verified": "no weights have been loaded yet; evaluate measures latency",
    "quality_floor": "the model has not been trained; evaluate compares it with the role's floor",
    "peak_load": "nothing serves yet",
}
"""Checks that this stage cannot make, and why; they are never recorded as passed."""


def record(settings: Settings, machine: Machine, choice: "Choice", at: str) -> dict[str, Any]:
    """The decision record in its documented form, under `model_selection`."""
    one = choice.candidates[choice.selected.name]
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
            "chosen_by": {"ranked": "score", "stand-in": "stand-in", "user": "the user"}[
                choice.how
            ],
            "stand_in_for": choice.stand_in_for,
            "selection_score": round(choice.selected.score, 4),
            "criteria_breakdown": _breakdown(choice, one),
            "reasoning": _reasoning(settings, machine, choice, one),
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
            "sensitivity": [_moves(one) for one in ranking.sensitivity(choice.ranked)],
            "validation_results": _validation(choice, one),
        }
    }


def _breakdown(choice: "Choice", one: Candidate) -> dict[str, Any]:
    criteria = {c.name: c for c in choice.selected.criteria}
    performance = {
        name: _criterion(c) for name, c in criteria.items() if name not in ("cost", "tools")
    }
    return {
        "performance": performance,
        "cost": _criterion(criteria["cost"]) if "cost" in criteria else {"usd": one.cost_usd},
        "resource_fit": {
            "parameters_b": one.parameters_b,
            "training_memory_gb": None if one.memory_gb is None else round(one.memory_gb, 2),
            "memory_allowed_gb": round(choice.demands.memory_gb, 2),
        },
        "operational": {"licence": one.licence, "context_tokens": one.context_tokens},
        **({"capabilities": _criterion(criteria["tools"])} if "tools" in criteria else {}),
    }


def _criterion(one: ranking.Criterion) -> dict[str, Any]:
    return {"weight": round(one.weight, 4), "score": round(one.score, 4), "note": one.note}


def _moves(one: ranking.Range) -> dict[str, Any]:
    return {
        "criterion": one.criterion,
        "weight": round(one.weight, 4),
        "same_choice_from": round(one.low, 4),
        "same_choice_to": round(one.high, 4),
        "else": list(one.then),
    }


def _reasoning(settings: Settings, machine: Machine, choice: "Choice", one: Candidate) -> list[str]:
    name, tier = choice.selected.name, settings.tier.name
    if choice.how == "user":
        lines = [f"{name} was chosen by the user (model={name}); it was not ranked against others"]
    elif choice.how == "stand-in":
        lines = [f"{name} stands in for tier {tier}: none of its candidates fits this machine"]
    else:
        lines = [
            f"{name} scores {choice.selected.score:.3f}, the best of {len(choice.ranked)} that fit"
        ]
    heaviest = sorted(choice.selected.criteria, key=lambda c: -c.weight)
    lines += [f"{c.name} (weight {c.weight:.2f}): {c.score:.2f}, {c.note}" for c in heaviest]
    lines.append(
        f"{machine.device_name}: {machine.memory_gb:g} GB, "
        f"{choice.demands.memory_gb:.1f} GB allowed; "
        + ("size unknown" if one.memory_gb is None else f"training needs {one.memory_gb:.1f} GB")
    )
    return lines + [f"breach: {b.constraint}: {b.figure}" for b in choice.breaches]


def _alternatives(choice: "Choice") -> list[dict[str, Any]]:
    best = choice.selected
    return [
        {"name": one.name, "score": round(one.score, 4), "why_not": _behind(best, one)}
        for one in choice.ranked
        if one.name != best.name
    ]


def _behind(best: Ranked, other: Ranked) -> str:
    """Where the other loses most against the winner."""
    if best.score == other.score:
        return "the same score; the first by name is taken"
    gap, name = max(
        (mine.weight * (mine.score - its.score), mine.name)
        for mine, its in zip(best.criteria, other.criteria, strict=True)
    )
    return f"{best.score - other.score:.3f} behind, {gap:.3f} of it in {name}"


def _validation(choice: "Choice", one: Candidate) -> dict[str, str]:
    broken = {breach.constraint: breach.figure for breach in choice.breaches}

    def judged(constraint: str, known: bool, passed: str, unknown: str) -> str:
        if constraint in broken:
            return f"fail: {broken[constraint]}"
        return f"pass: {passed}" if known else f"not_measured: {unknown}"

    demands = choice.demands
    memory = "" if one.memory_gb is None else f"{one.memory_gb:.2f} of {demands.memory_gb:.2f} GB"
    cost_known = one.cost_usd is not None and demands.cost_max_usd is not None
    results = {
        "hardware_compatible": judged("memory", bool(memory), memory, "size unknown"),
        "cost_within_budget": judged(
            "cost",
            cost_known,
            f"{one.cost_usd or 0:.3g} of {demands.cost_max_usd or 0:g} $ per 1M tokens, computed",
            "needs hardware.price_usd_per_hour, hardware.memory_bandwidth_gb_s and a cost ceiling",
        ),
        "latency_computed": judged(
            "latency",
            one.latency_ms is not None,
            f"{one.latency_ms or 0:.3g} ms to the first token",
            "hardware.memory_bandwidth_gb_s is not stated",
        ),
        "licence_accepted": judged("licence", True, str(one.licence), ""),
        "weights_obtainable": judged("weights", True, "an asset, a folder or a hub in reach", ""),
    }
    return {**results, **{name: f"not_measured: {why}" for name, why in UNMEASURED.items()}}


def report(decision: Mapping[str, Any]) -> str:
    """The record as Markdown."""
    said = decision["model_selection"]
    stand_in = f", standing in for tier {said['stand_in_for']}" if said["stand_in_for"] else ""
    parts = [
        f"# Selected: {said['selected_model']}{stand_in}",
        f"Role {said['role']}, tier {said['tier']}, {said['timestamp']}; "
        f"review by {said['review_by']}.",
        "\n".join(f"- {line}" for line in said["reasoning"]),
        _section("Alternatives", ("name", "score", "why_not"), said["alternatives_considered"]),
        _section("Excluded", ("name", "constraint", "figure"), said["excluded"]),
        _section(
            "How far a weight can move",
            ("criterion", "weight", "same_choice_from", "same_choice_to", "else"),
            said["sensitivity"],
        ),
        "## Checks\n\n"
        + "\n".join(f"- {name}: {result}" for name, result in said["validation_results"].items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "| " + " | ".join(column.replace("_", " ") for column in columns) + " |"
    rule = "|" + "---|" * len(columns)
    body = ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    return "\n".join([f"## {title}\n", head, rule, *body])


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("|", "\\|")
