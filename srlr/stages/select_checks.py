"""What the checks of a measured model are given, and how the record tells what was found."""

from collections.abc import Iterable, Mapping
from typing import Any

from srlr.core.hardware import Machine
from srlr.core.settings import ModelCard, Settings
from srlr.models import card as cards
from srlr.models.measured import Measured, Unmeasured
from srlr.models.validation import Wanted


def wanted(settings: Settings, machine: Machine, said: Mapping[str, Any]) -> Wanted:
    """What the role and the tier ask of the selected model on this machine."""
    needs, tier = settings.role.requirements, settings.tier
    return Wanted(
        memory_gb=machine.memory_gb * settings.select.memory_share,
        latency_max_ms=None if tier.asynchronous else needs.latency_max_ms,
        tier_latency_max_ms=None if tier.asynchronous else tier.latency_max_ms,
        stands_in=said.get("stand_in_for") is not None,
        accuracy_min=needs.accuracy_min,
        f1_min=needs.f1_min,
        throughput_rps=needs.throughput_rps,
        requests_per_month=needs.expected_requests_per_month,
        cost_max_per_1m_tokens=needs.cost_max_per_1m_tokens,
        price_usd_per_hour=settings.hardware.price_usd_per_hour,
    )


def claims(card: ModelCard) -> dict[str, float]:
    """The card's figures by name."""
    named = ((name, cards.number(card, name)) for name in card.facts)
    return {name: value for name, value in named if value is not None}


def told(found: Iterable[Measured | Unmeasured]) -> dict[str, dict[str, Any]]:
    """By model what was measured, and why the others were not."""
    every = list(found)
    return {
        "measured": {one.model: short(one) for one in every if isinstance(one, Measured)},
        "not_measured": {one.model: one.why for one in every if isinstance(one, Unmeasured)},
    }


def short(one: Measured) -> dict[str, Any]:
    """A model's figures as the record has them."""
    first = {f"p{n}": round(1000 * getattr(one.first_token_s, f"p{n}"), 1) for n in (50, 95, 99)}
    whole = {f"p{n}": round(1000 * getattr(one.answer_s, f"p{n}"), 1) for n in (50, 95, 99)}
    return {
        "first_token_ms": {**first, "count": one.first_token_s.count},
        "answer_ms": {**whole, "count": one.answer_s.count},
        "answers_per_s": round(one.answers_per_s, 2),
        "at_once": one.at_once,
        "load": None
        if one.load is None
        else {
            "offered_rps": one.load.offered_rps,
            "answer_ms_p95": round(1000 * one.load.latency_s.p95, 1),
            "kept_up": one.load.kept_up,
        },
        "accuracy": [round(x, 4) for x in (one.probe.accuracy, one.probe.low, one.probe.high)],
        "macro_f1": one.probe.f1 and [round(x, 4) for x in one.probe.f1],
        "tasks": one.probe.tasks,
        "busy_cores": round(one.busy_cores, 1),
        "peak_memory_gb": round(one.peak_gb, 3),
        "computed_memory_gb": round(one.computed_gb, 3),
    }
