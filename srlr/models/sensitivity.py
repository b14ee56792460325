"""How sure a choice is of its weights: how far each can move before another model wins, and how
often each model wins when nobody knows the weights.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from srlr.models.ranking import Ranked

DRAWS = 2000
"""A share is then known to within 0.02."""
SEED = 0


@dataclass(frozen=True, slots=True)
class Range:
    """The winner stays the same while the criterion's weight is within [low, high]; outside `then`
    wins."""

    criterion: str
    weight: float
    low: float
    high: float
    then: tuple[str, ...]


def ranges(ranked: Sequence[Ranked]) -> list[Range]:
    """For each criterion that weighs something how far its weight can move, the others keeping
    their proportions, before another wins."""
    if not ranked:
        return []
    criteria = ranked[0].criteria
    return [_range(ranked, place) for place, one in enumerate(criteria) if one.weight > 0]


def wins(ranked: Sequence[Ranked], draws: int = DRAWS, seed: int = SEED) -> dict[str, float]:
    """By candidate the share of random weights under which it wins: uniform over all weights of the
    criteria that weigh something (Dirichlet with every alpha 1), the same for the same seed.

    Equal scores are decided as they are in the ranking: by name.
    """
    if not ranked:
        return {}
    rng = random.Random(seed)
    by_name = sorted(ranked, key=lambda one: one.name)
    rows = [(one.name, [c.score for c in one.weighed]) for one in by_name]
    count = dict.fromkeys((name for name, _ in rows), 0)
    for _ in range(draws):
        # exponential draws over their sum are Dirichlet; who wins does not depend on the sum
        weights = [rng.expovariate(1.0) for _ in rows[0][1]]
        best, most = rows[0][0], -1.0
        for name, scores in rows:
            score = round(sum(w * s for w, s in zip(weights, scores, strict=True)), 12)
            if score > most:
                best, most = name, score
        count[best] += 1
    return {one.name: count[one.name] / draws for one in ranked}


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
