"""Which base model fits a role best: constraints first, then one weighted sum. Pure functions of
the facts.

Every criterion is normalised to [0, 1] against anchors from the role and the tier, never against
the other candidates, so a candidate's score does not depend on who else is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srlr.core.errors import ConfigError
from srlr.core.layers import nearest

NEUTRAL = 0.5
"""For latency and cost that cannot be computed here: neither a merit nor a fault."""

UNCLAIMED = 0.0
"""For quality that nobody published: a claim must have a source to count."""

NON_COMMERCIAL = ("cc-by-nc", "qwen-research", "-nc-", "research")
"""Parts of licence names that forbid commercial use; where a role lists no licences, only these
are refused."""

CLAIMS = {
    "accuracy": "ifeval",
    "performance": "ifeval",
    "quality": "mmlu_redux",
    "f1": "f1",
    "creativity": "creativity",
    "tools": "tool_calling",
}
"""Criteria that rest on a card's claim, and the claim. IFEval: the share of instructions followed
to the letter."""

CRITERIA = ("latency", "cost", *CLAIMS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of one model on one machine; None is unknown."""

    name: str
    parameters_b: float | None
    context_tokens: float | None
    licence: str | None
    memory_gb: float | None
    latency_ms: float | None
    cost_usd: float | None
    claims: Mapping[str, float]
    for_pay: bool = False
    unobtainable: str = ""


@dataclass(frozen=True, slots=True)
class Demands:
    """What the role and the tier ask, and the machine allows: constraints and the anchors of the
    criteria."""

    parameters_min_b: float
    parameters_max_b: float
    memory_gb: float
    context_min_tokens: int
    licences: tuple[str, ...] = ()
    latency_max_ms: float | None = None
    cost_max_usd: float | None = None
    latency_anchor_ms: float = 1000.0
    """Scores 0 where no bound is stated: nobody waits longer than a second."""
    cost_anchor_usd: float = 10.0
    """Scores 0 where no ceiling is stated."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A constraint that a candidate does not meet. `excess` orders near misses before hopeless
    ones."""

    constraint: str
    figure: str
    excess: float


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of one candidate: its share of the weight, its score in [0, 1], what it rests
    on."""

    name: str
    weight: float
    score: float
    note: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score in [0, 1], the weighted sum of its criteria."""

    name: str
    score: float
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The winner stays the same while the criterion's weight is within [low, high]; outside `then`
    wins."""

    criterion: str
    weight: float
    low: float
    high: float
    then: tuple[str, ...]


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights divided by their sum.

    Raises:
        ConfigError: a weight is for no criterion, or all are 0.
    """
    wrong = [name for name in weights if name not in CRITERIA]
    if wrong:
        close = nearest(wrong[0], CRITERIA)
        raise ConfigError(
            f"role.weights: no such criterion {', '.join(map(repr, wrong))}",
            f"did you mean {close!r}?" if close else f"there is {', '.join(CRITERIA)}",
        )
    total = sum(weights.values())
    if total <= 0:
        raise ConfigError("role.weights: every weight is 0", "give one criterion a weight")
    return {name: weight / total for name, weight in weights.items()}


def breaches(one: Candidate, demands: Demands) -> list[Breach]:
    """The constraints that the candidate does not meet, in the order in which they are worth
    fixing."""
    found = [
        _outside(one.parameters_b, demands.parameters_min_b, demands.parameters_max_b),
        _above("memory", one.memory_gb, demands.memory_gb, "GB to train", "GB"),
        _above("latency", one.latency_ms, demands.latency_max_ms, "ms", "ms"),
        _above("cost", one.cost_usd, demands.cost_max_usd, "$ per 1M tokens", "$"),
        _context(one.context_tokens, demands.context_min_tokens),
        _licence(one.licence, demands.licences),
        Breach("for_pay", "its weights cannot be trained", 9.0) if one.for_pay else None,
        Breach("weights", one.unobtainable, 1.0) if one.unobtainable else None,
    ]
    return [breach for breach in found if breach is not None]


def rank(
    candidates: Sequence[Candidate], weights: Mapping[str, float], demands: Demands
) -> list[Ranked]:
    """The candidates by falling score, equal ones by name."""
    parts = shares(weights)
    ranked = [_scored(one, parts, demands) for one in candidates]
    return sorted(ranked, key=lambda one: (-one.score, one.name))


def sensitivity(ranked: Sequence[Ranked]) -> list[Range]:
    """For each criterion how far its weight can move, the others keeping their proportions, before
    another wins."""
    if not ranked:
        return []
    return [_range(ranked, index) for index in range(len(ranked[0].criteria))]


def _scored(one: Candidate, parts: Mapping[str, float], demands: Demands) -> Ranked:
    criteria = tuple(
        Criterion(name, weight, *_criterion(name, one, demands))
        for name, weight in sorted(parts.items())
    )
    # rounded, so that the order of the weights' names cannot break a tie by the last bit
    return Ranked(one.name, round(sum(c.weight * c.score for c in criteria), 12), criteria)


def _criterion(name: str, one: Candidate, demands: Demands) -> tuple[float, str]:
    if name == "latency":
        # the bound scores a half: within it there is still more and less
        anchor = 2 * demands.latency_max_ms if demands.latency_max_ms else demands.latency_anchor_ms
        return _falling(one.latency_ms, anchor, "ms to the first token, computed")
    if name == "cost":
        anchor = demands.cost_max_usd or demands.cost_anchor_usd
        return _falling(one.cost_usd, anchor, "$ per 1M tokens, computed")
    claim = CLAIMS[name]
    value = one.claims.get(claim)
    if value is None:
        return UNCLAIMED, f"no source claims {claim}: scored {UNCLAIMED:g}"
    return min(1.0, max(0.0, value)), f"{claim} {value:g}, claimed"


def _falling(value: float | None, anchor: float, unit: str) -> tuple[float, str]:
    if value is None:
        return NEUTRAL, f"unknown on this machine: scored {NEUTRAL:g}"
    return max(0.0, 1 - value / anchor), f"{value:.3g} {unit}; {anchor:g} scores 0"


def _outside(value: float | None, low: float, high: float) -> Breach | None:
    if value is None:
        return Breach("parameters", "the card does not say how many", 9.0)
    if low <= value <= high:
        return None
    excess = (low - value) / max(low, 1e-9) if value < low else (value - high) / high
    return Breach("parameters", f"{value:g}B, the tier takes {low:g} to {high:g}B", excess)


def _above(
    name: str, value: float | None, limit: float | None, unit: str, of: str
) -> Breach | None:
    if value is None and name == "memory":
        return Breach(name, "unknown: the card does not say how many parameters", 9.0)
    if value is None or limit is None or value <= limit:
        return None
    over = (value - limit) / max(limit, 1e-9)
    return Breach(name, f"{value:.3g} {unit}, allowed are {limit:.3g} {of}", over)


def _context(value: float | None, needed: int) -> Breach | None:
    if value is not None and value >= needed:
        return None
    said = "unknown" if value is None else f"{value:g} tokens"
    return Breach("context", f"{said}, the role needs {needed}", 1.0)


def _licence(value: str | None, accepted: Sequence[str]) -> Breach | None:
    if value is None:
        return Breach("licence", "the card names none", 1.0)
    if accepted:
        fits = value in accepted
        return (
            None if fits else Breach("licence", f"{value}, accepted are {', '.join(accepted)}", 1.0)
        )
    forbidden = any(part in value for part in NON_COMMERCIAL)
    return Breach("licence", f"{value} forbids commercial use", 1.0) if forbidden else None


def _range(ranked: Sequence[Ranked], index: int) -> Range:
    """Scores are linear in the weight x: S(x) = x s + (1 - x) r, r the rest's weighted mean;
    crossings are solved for."""
    winner = ranked[0]
    here = winner.criteria[index]
    low, high, then = 0.0, 1.0, {"low": "", "high": ""}
    for other in ranked[1:]:
        slope, start = _line(winner, index), _line(other, index)
        gap, tilt = slope[0] - start[0], slope[1] - start[1]
        if tilt == 0:
            continue
        crossing = -gap / tilt
        if low < crossing <= here.weight and tilt > 0:
            low, then["low"] = crossing, other.name
        elif here.weight <= crossing < high and tilt < 0:
            high, then["high"] = crossing, other.name
    names = tuple(dict.fromkeys(name for name in then.values() if name))
    return Range(here.name, here.weight, low, high, names)


def _line(one: Ranked, index: int) -> tuple[float, float]:
    """(S(0), S'(x)) of a candidate as the weight of one criterion moves from 0 to 1."""
    here = one.criteria[index]
    rest = 1 - here.weight
    others = [c for place, c in enumerate(one.criteria) if place != index]
    mean = sum(c.weight * c.score for c in others) / rest if rest > 1e-12 else 0.0
    return mean, here.score - mean
