"""By what models are compared: five families of criteria, each criterion a pure function of the
facts of one model, in [0, 1].

    falling   1 - value / anchor      less is better; the anchor scores 0
    rising    value / anchor          more is better; the anchor scores 1

Anchors come from the role, the tier and the machine, never from other candidates, so a score does
not depend on who else is there. What is absent is scored by one of two rules, and the mark says so:

    a claim nobody published       0     it must have a source to count
    what cannot be computed here   0.5   it is so for every candidate alike: no merit and no fault

What was measured of a candidate counts instead of what is claimed or computed; the note has both.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
    """A criterion's score in [0, 1], what it rests on in words, and whether that was measured, is
    claimed, is computed from claims, or is absent.
    """

    score: float
    note: str
    basis: Literal["measured", "claimed", "computed", "absent"]


Judge = Callable[[Candidate, Demands], Mark]
Anchor = Callable[[Demands], float | None]
Score = Callable[[float | None], Mark]


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


def _less(name: str, anchor: Anchor, unit: str) -> Judge:
    """`falling` of the candidate's figure of that name."""
    return lambda one, demands: _best(one, name, lambda v: falling(v, anchor(demands), unit))


def _more(name: str, anchor: Anchor, unit: str) -> Judge:
    """`rising` of the candidate's figure of that name."""
    return lambda one, demands: _best(one, name, lambda v: rising(v, anchor(demands), unit))


def _best(one: Candidate, name: str, score: Score) -> Mark:
    """The score of what was measured where that is so, and beside it what was computed."""
    computed = score(getattr(one, name))
    if (seen := one.seen(name)) is None:
        return computed
    mark = score(seen)
    return mark if mark.basis == "absent" else _measured(mark, computed)


def _measured(mark: Mark, before: Mark) -> Mark:
    """The measured mark, with what is claimed or computed beside it."""
    beside = before.note
    if before.basis == "computed":
        beside = f"computed: {beside.partition(';')[0]}"
    elif before.basis == "absent":
        beside = "nothing claimed" if before.score == UNCLAIMED else "nothing computed"
    return Mark(mark.score, f"{mark.note}, measured ({beside})", "measured")


def _claim(*names: str, seen: str = "") -> Judge:
    """The first of the claims that the card makes: a share, or whether it is so; before them what
    was measured and is called `seen`.
    """

    def judge(one: Candidate, demands: Demands) -> Mark:
        said = next((name for name in names if name in one.claims), None)
        if said is None:
            return _probed(one, seen, _absent(" or ".join(names)))
        value = one.claims[said]
        return _probed(one, seen, Mark(_clamped(value), f"{said} {value:g}, claimed", "claimed"))

    return judge


def _probed(one: Candidate, name: str, claimed: Mark) -> Mark:
    """The measured share of that name, where there is one, instead of a claim."""
    if (seen := one.seen(name)) is None:
        return claimed
    note = f"{name} {figure(seen)} on the role's own tasks"
    return _measured(Mark(_clamped(seen), note, "measured"), claimed)


def _counted(attribute: str, anchor: float) -> Judge:
    """How many of a list that the card makes."""

    def judge(one: Candidate, demands: Demands) -> Mark:
        has = getattr(one, attribute)
        if not has:
            return _absent(attribute)
        return Mark(_clamped(len(set(has)) / anchor), f"{', '.join(has)}, claimed", "claimed")

    return judge


def _quality(one: Candidate, demands: Demands) -> Mark:
    """The mean of the role's benchmarks, of which one that nobody published counts as 0; the share
    of the role's own tasks where that was measured.
    """
    names = demands.benchmarks
    said = {name: one.claims[name] for name in names if name in one.claims}
    if not said:
        return _probed(one, "accuracy", _absent(", ".join(names) or "a benchmark of the role's"))
    score = sum(_clamped(value) for value in said.values()) / len(names)
    missing = [name for name in names if name not in said]
    note = ", ".join(f"{name} {value:g}" for name, value in said.items()) + ", claimed"
    if missing:
        note += f"; {', '.join(missing)} by nobody: 0"
    return _probed(one, "accuracy", Mark(score, note, "claimed"))


def _latency_anchor(demands: Demands) -> float:
    # the bound scores a half: within it there is still more and less
    return 2 * demands.latency_max_ms if demands.latency_max_ms else LATENCY_ANCHOR_MS


def _scaling(one: Candidate, demands: Demands) -> Mark:
    def score(need: float | None) -> Mark:
        copies = None if need is None else demands.memory_gb / max(need, 1e-9)
        return rising(copies, COPIES_ANCHOR, "copies on one machine")

    return _best(one, "serving_gb", score)


def _break_even(one: Candidate, demands: Demands) -> Mark:
    """A year or less scores 1, later in proportion, never 0."""

    def score(months: float | None) -> Mark:
        if months is None:
            return _unknown("months to break even")
        never = math.isinf(months)
        said = "nothing is saved" if never else f"{figure(months)} months to break even"
        return Mark(12 / months if months > 12 else 1.0, f"{said}; 12 score 1", "computed")

    return _best(one, "break_even_months", score)


def _maturity(one: Candidate, demands: Demands) -> Mark:
    downloads = one.claims.get("hub_downloads_per_month")
    if downloads is None:
        return _absent("hub_downloads_per_month")
    score = math.log10(1 + max(0.0, downloads)) / math.log10(DOWNLOADS_ANCHOR)
    return Mark(_clamped(score), f"{downloads:,.0f} downloads a month, claimed", "claimed")


def _maintenance(one: Candidate, demands: Demands) -> Mark:
    if one.age_months is None:
        return _absent("release_date")
    since = falling(one.age_months, AGE_ANCHOR_MONTHS, "months since its release")
    return replace(since, basis="claimed")


def _compatibility(one: Candidate, demands: Demands) -> Mark:
    if not one.libraries:
        return _absent("libraries")
    named = [name for name in LIBRARIES if name in one.libraries]
    note = f"{', '.join(named) or 'none'} of {', '.join(LIBRARIES)}, claimed"
    return Mark(len(named) / len(LIBRARIES), note, "claimed")


def _documentation(one: Candidate, demands: Demands) -> Mark:
    if one.facts_stated is None:
        return _absent("anything")
    share = one.facts_stated
    return Mark(_clamped(share), f"{share:.0%} of what a card should say", "claimed")


def _context(one: Candidate, demands: Demands) -> Mark:
    if one.context_tokens is None:
        return _absent("context_tokens")
    mark = rising(one.context_tokens, 4.0 * demands.context_min_tokens, "tokens of context")
    return replace(mark, basis="claimed")


FAMILIES: Mapping[str, Mapping[str, Judge]] = {
    "performance": {
        "accuracy": _claim("accuracy", "ifeval", seen="accuracy"),
        "f1": _claim("f1", seen="f1"),
        "quality": _quality,
        "creativity": _claim("creativity"),
        "latency": _less("latency_ms", _latency_anchor, "ms to the first token"),
        "throughput": _more(
            "requests_per_s",
            lambda asked: asked.requests_per_s and 2 * asked.requests_per_s,
            "requests a second on a machine",
        ),
    },
    "resource_fit": {
        "parameters": _less(
            "parameters_b", lambda asked: asked.parameters_max_b, "x 10^9 parameters"
        ),
        "memory": _less("memory_gb", lambda asked: asked.memory_gb, "GB to train"),
        "hardware_fit": _less("serving_gb", lambda asked: asked.memory_gb, "GB to answer"),
        "container": _less(
            "container_gb", lambda asked: asked.memory_gb, "GB of weights in an image"
        ),
        "scaling": _scaling,
    },
    "cost": {
        "cost": _less(
            "cost_usd", lambda asked: asked.cost_max_usd or COST_ANCHOR_USD, "$ per 1M tokens"
        ),
        "request_cost": _less("request_usd", lambda asked: asked.request_max_usd, "$ a request"),
        "training_cost": _less(
            "training_usd", lambda asked: asked.training_max_usd, "$ for one training"
        ),
        "infrastructure": _less(
            "monthly_usd", lambda asked: asked.monthly_max_usd, "$ a month for machines"
        ),
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
        "modalities": _counted("modalities", MODALITIES),
        "tuning": _counted("tuning_methods", TUNING_METHODS),
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
