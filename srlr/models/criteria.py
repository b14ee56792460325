"""By what models are compared: five families of criteria, each criterion a pure function of the
facts of one model, in [0, 1].

    falling   1 - value / anchor      less is better; the anchor scores 0
    rising    value / anchor          more is better; the anchor scores 1

Anchors come from the role, the tier and the machine, never from other candidates, so a score does
not depend on who else is there. What is absent is scored by one of two rules, and the mark says so:

    a claim nobody published       0     it must have a source to count
    what cannot be computed here   0.5   it is so for every candidate alike: no merit and no fault
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from srlr.models.candidate import Candidate, Demands, figure

NEUTRAL = 0.5
UNCLAIMED = 0.0

LATENCY_ANCHOR_MS = 1000.0
"""Scores 0 where no bound is stated: nobody waits longer than a second."""
COST_ANCHOR_USD = 10.0
"""Per 10^6 tokens; scores 0 where no ceiling is stated."""
DOWNLOADS_ANCHOR = 1e6
"""A month; as widely used as models are. Counted in powers of ten."""
AGE_ANCHOR_MONTHS = 36.0
"""A model of that age has been followed by several others."""
COPIES_ANCHOR = 4.0
"""That many on one machine leave room for any peak."""
LIBRARIES = ("transformers", "vllm")
"""What trains models here, and what serves them to many."""
MODALITIES, TUNING_METHODS = 4.0, 3.0
"""Text, image, audio, video; full, lora, qlora."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A criterion's score in [0, 1], what it rests on in words, and whether that is a claim,
    computed, or absent.
    """

    score: float
    note: str
    basis: Literal["claimed", "computed", "absent"]


Judge = Callable[[Candidate, Demands], Mark]


def falling(value: float | None, anchor: float | None, unit: str) -> Mark:
    """Less is better, down to nothing; the anchor scores 0."""
    if value is None or anchor is None:
        return _unknown(unit)
    score = 1 - value / anchor if anchor > 0 else 0.0
    return Mark(_clamped(score), f"{figure(value)} {unit}; {figure(anchor)} scores 0", "computed")


def rising(value: float | None, anchor: float | None, unit: str) -> Mark:
    """More is better, up to the anchor, which scores 1."""
    if value is None or anchor is None:
        return _unknown(unit)
    score = value / anchor if anchor > 0 else 1.0
    return Mark(_clamped(score), f"{figure(value)} {unit}; {figure(anchor)} scores 1", "computed")


def _unknown(unit: str) -> Mark:
    return Mark(NEUTRAL, f"{unit}: cannot be computed here, scored {NEUTRAL:g}", "absent")


def _clamped(score: float) -> float:
    return min(1.0, max(0.0, score))


def _absent(what: str) -> Mark:
    return Mark(UNCLAIMED, f"no source claims {what}: scored {UNCLAIMED:g}", "absent")


def _claim(*names: str) -> Judge:
    """The first of the claims that the card makes: a share, or whether it is so."""

    def judge(one: Candidate, demands: Demands) -> Mark:
        for name in names:
            if name in one.claims:
                value = one.claims[name]
                return Mark(_clamped(value), f"{name} {value:g}, claimed", "claimed")
        return _absent(" or ".join(names))

    return judge


def _counted(attribute: str, anchor: float, what: str) -> Judge:
    """How many of a list that the card makes."""

    def judge(one: Candidate, demands: Demands) -> Mark:
        has = getattr(one, attribute)
        if not has:
            return _absent(what)
        return Mark(_clamped(len(set(has)) / anchor), f"{', '.join(has)}, claimed", "claimed")

    return judge


# -- performance -----------------------------------------------------------------------------------


def _quality(one: Candidate, demands: Demands) -> Mark:
    """The mean of the role's benchmarks; one that nobody published counts as 0."""
    names = demands.benchmarks
    said = {name: one.claims[name] for name in names if name in one.claims}
    if not said:
        return _absent(", ".join(names) or "a benchmark of the role's")
    score = sum(_clamped(value) for value in said.values()) / len(names)
    missing = [name for name in names if name not in said]
    note = ", ".join(f"{name} {value:g}" for name, value in said.items()) + ", claimed"
    if missing:
        note += f"; {', '.join(missing)} by nobody: 0"
    return Mark(score, note, "claimed")


def _latency(one: Candidate, demands: Demands) -> Mark:
    # the bound scores a half: within it there is still more and less
    bound = demands.latency_max_ms
    anchor = 2 * bound if bound else LATENCY_ANCHOR_MS
    return falling(one.latency_ms, anchor, "ms to the first token")


def _throughput(one: Candidate, demands: Demands) -> Mark:
    wanted = demands.requests_per_s
    return rising(one.requests_per_s, wanted and 2 * wanted, "requests a second on a machine")


# -- resources -------------------------------------------------------------------------------------


def _parameters(one: Candidate, demands: Demands) -> Mark:
    return falling(one.parameters_b, demands.parameters_max_b, "x 10^9 parameters")


def _memory(one: Candidate, demands: Demands) -> Mark:
    return falling(one.memory_gb, demands.memory_gb, "GB to train")


def _hardware_fit(one: Candidate, demands: Demands) -> Mark:
    return falling(one.serving_gb, demands.memory_gb, "GB to answer")


def _container(one: Candidate, demands: Demands) -> Mark:
    return falling(one.container_gb, demands.memory_gb, "GB of weights in an image")


def _scaling(one: Candidate, demands: Demands) -> Mark:
    need = one.serving_gb
    copies = None if need is None else demands.memory_gb / max(need, 1e-9)
    return rising(copies, COPIES_ANCHOR, "copies on one machine")


# -- cost ------------------------------------------------------------------------------------------


def _cost(one: Candidate, demands: Demands) -> Mark:
    return falling(one.cost_usd, demands.cost_max_usd or COST_ANCHOR_USD, "$ per 1M tokens")


def _request(one: Candidate, demands: Demands) -> Mark:
    return falling(one.request_usd, demands.request_max_usd, "$ a request")


def _training(one: Candidate, demands: Demands) -> Mark:
    return falling(one.training_usd, demands.training_max_usd, "$ for one training")


def _infrastructure(one: Candidate, demands: Demands) -> Mark:
    return falling(one.monthly_usd, demands.monthly_max_usd, "$ a month for machines")


def _break_even(one: Candidate, demands: Demands) -> Mark:
    """A year or less scores 1, later in proportion, never 0."""
    months = one.break_even_months
    if months is None:
        return _unknown("months to break even")
    score = 12 / months if months > 12 else 1.0
    said = "nothing is saved" if math.isinf(months) else f"{figure(months)} months to break even"
    return Mark(score, f"{said}; 12 score 1", "computed")


# -- operational -----------------------------------------------------------------------------------


def _maturity(one: Candidate, demands: Demands) -> Mark:
    downloads = one.claims.get("hub_downloads_per_month")
    if downloads is None:
        return _absent("hub_downloads_per_month")
    score = math.log10(1 + max(0.0, downloads)) / math.log10(DOWNLOADS_ANCHOR)
    return Mark(_clamped(score), f"{downloads:,.0f} downloads a month, claimed", "claimed")


def _maintenance(one: Candidate, demands: Demands) -> Mark:
    if one.age_months is None:
        return _absent("release_date")
    mark = falling(one.age_months, AGE_ANCHOR_MONTHS, "months since its release")
    return Mark(mark.score, mark.note, "claimed")


def _compatibility(one: Candidate, demands: Demands) -> Mark:
    if not one.libraries:
        return _absent("libraries")
    named = [name for name in LIBRARIES if name in one.libraries]
    note = f"{', '.join(named) or 'none'} of {', '.join(LIBRARIES)}, claimed"
    return Mark(len(named) / len(LIBRARIES), note, "claimed")


def _documentation(one: Candidate, demands: Demands) -> Mark:
    if one.facts_stated is None:
        return _absent("anything")
    said = f"{one.facts_stated:.0%} of what a card should say"
    return Mark(_clamped(one.facts_stated), said, "claimed")


# -- capabilities ----------------------------------------------------------------------------------


def _context(one: Candidate, demands: Demands) -> Mark:
    if one.context_tokens is None:
        return _absent("context_tokens")
    mark = rising(one.context_tokens, 4.0 * demands.context_min_tokens, "tokens of context")
    return Mark(mark.score, mark.note, "claimed")


FAMILIES: Mapping[str, Mapping[str, Judge]] = {
    "performance": {
        "accuracy": _claim("accuracy", "ifeval"),
        "f1": _claim("f1"),
        "quality": _quality,
        "creativity": _claim("creativity"),
        "latency": _latency,
        "throughput": _throughput,
    },
    "resource_fit": {
        "parameters": _parameters,
        "memory": _memory,
        "hardware_fit": _hardware_fit,
        "container": _container,
        "scaling": _scaling,
    },
    "cost": {
        "cost": _cost,
        "request_cost": _request,
        "training_cost": _training,
        "infrastructure": _infrastructure,
        "break_even": _break_even,
    },
    "operational": {
        "maturity": _maturity,
        "maintenance": _maintenance,
        "compatibility": _compatibility,
        "documentation": _documentation,
    },
    "capabilities": {
        "tools": _claim("tool_calling"),
        "context": _context,
        "modalities": _counted("modalities", MODALITIES, "modalities"),
        "tuning": _counted("tuning_methods", TUNING_METHODS, "tuning_methods"),
    },
}
"""Family -> criterion -> its function."""

CRITERIA: Mapping[str, Judge] = {
    name: judge for judges in FAMILIES.values() for name, judge in judges.items()
}

SPREAD: Mapping[str, tuple[str, ...]] = {
    "performance": ("accuracy", "quality", "latency", "throughput"),
    **{
        family: tuple(judges)
        for family, judges in FAMILIES.items()
        if family not in ("performance", "cost")
    },
}
"""A family's name as a weight is shared among these evenly; `cost` is the price of tokens, f1 and
creativity are asked for by name, because few cards claim them."""

WORDS = (*CRITERIA, *SPREAD)
"""All that can be weighed."""
