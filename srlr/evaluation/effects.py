"""How large a difference is, beside how sure: effect sizes, and p-values of several tests at once.

Sizes do not grow with the number of tasks, as p-values shrink with it. Axes: N tasks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srlr.core.errors import ConfigError
from srlr.evaluation.compare import align
from srlr.evaluation.outcomes import Attempt, Floats, Schema, outcomes


@dataclass(frozen=True, slots=True)
class Effect:
    """How far two models' shares of right answers lie apart, on the same tasks."""

    cohen_h: float
    """2·arcsin √second − 2·arcsin √first, in [−π, π]; 0.2 is small, 0.5 medium, 0.8 large."""
    cohen_d: float | None
    """Mean over standard deviation of right₂ − right₁ by task; None where nothing flips one way."""
    odds_ratio: float | None
    """fixed / broken; None where nothing was broken."""
    cohen_g: float | None
    """fixed / (fixed + broken) − 0.5, in [−0.5, 0.5]; None where nothing flipped."""


def effect(first: Sequence[Attempt], second: Sequence[Attempt], schema: Schema) -> Effect:
    """How much better the second model answers than the first.

    Raises:
        ConfigError: they were not asked the same tasks once each, or none.
    """
    pairs = align(first, second).values()
    was_N = outcomes([one for one, _ in pairs], schema).correct
    return sized(was_N, outcomes([one for _, one in pairs], schema).correct)


def sized(was_N: Floats, now_N: Floats) -> Effect:
    """How far two models' answers lie apart, 1 where right and 0 where wrong, task by task.

    Source: Cohen 1988, "Statistical Power Analysis", 2.5 (d), 5.2 (g), 6.2 (h).
    """
    fixed, broken = int((now_N > was_N).sum()), int((now_N < was_N).sum())
    gap_N = now_N - was_N
    spread = float(gap_N.std(ddof=1)) if len(gap_N) > 1 else 0.0
    return Effect(
        cohen_h=2 * math.asin(math.sqrt(now_N.mean())) - 2 * math.asin(math.sqrt(was_N.mean())),
        cohen_d=float(gap_N.mean()) / spread if spread > 0 else None,
        odds_ratio=fixed / broken if broken else None,
        cohen_g=fixed / (fixed + broken) - 0.5 if fixed + broken else None,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p adjusted for all of them: the chance that any true null is rejected stays below α
    where those with an adjusted p below α are.

        adjusted₍ᵢ₎ = max over j ≤ i of min(1, (m − j + 1) · p₍ⱼ₎)      p₍₁₎ ≤ … ≤ p₍ₘ₎

    Raises:
        ConfigError: a p outside [0, 1], or none.

    Source: Holm 1979, Scandinavian Journal of Statistics 6(2).
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ConfigError(f"{p!r} is no p-value", "give numbers from 0 to 1")
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def split_p(inside: Sequence[bool], outside: Sequence[bool]) -> float:
    """Fisher's exact p, two-sided: is the share of True the same in two disjoint groups?

    The sum of the chances of all tables with these margins that are no likelier than this one.

    Raises:
        ConfigError: one of the groups is empty.

    Source: Fisher 1935; two-sided as in R's fisher.test and scipy's fisher_exact.
    """
    if not inside or not outside:
        raise ConfigError("a group without members has no share", "give both groups members")
    hits, right, n = sum(inside), sum(inside) + sum(outside), len(inside) + len(outside)
    low, high = max(0, right - len(outside)), min(len(inside), right)
    logs = [_log_chance(k, len(inside), right, n) for k in range(low, high + 1)]
    here = logs[hits - low]
    # tables as likely as this one count, whatever rounding says
    return min(1.0, math.fsum(math.exp(one) for one in logs if one <= here + 1e-7))


def _log_chance(hits: int, drawn: int, right: int, n: int) -> float:
    """Of `hits` among `drawn`, where `right` of n are hits: hypergeometric."""
    return _log_choose(right, hits) + _log_choose(n - right, drawn - hits) - _log_choose(n, drawn)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def pass_at(right: int, drawn: int, k: int) -> float:
    """The chance that one of k answers is right, without bias, where `right` of `drawn` were.

        pass@k = 1 − C(n − c, k) / C(n, k)

    Raises:
        ConfigError: k is not in 1 … drawn, or `right` not in 0 … drawn.

    Source: Chen et al. 2021, arXiv:2107.03374, eq. 1.
    """
    if not 1 <= k <= drawn or not 0 <= right <= drawn:
        raise ConfigError(
            f"pass@{k} of {right} right answers among {drawn} is not defined",
            "draw at least k answers: evaluate.samples=K",
        )
    if drawn - right < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(drawn - right + 1, drawn + 1)))
