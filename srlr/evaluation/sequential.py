"""Is B better than A? A test that may be looked at after every answer, and stopped at once.

Half the money is bet on D = B − A having a mean above 0, half on one below, with several stakes:

    W±_t = mean over λ of Π_{i ≤ t} (1 ± λ·D_i)     λ in STAKES, D in [−1, 1]
    E_t  = max(W+_t, W−_t) / 2

Where B and A are alike, no way of betting makes money: both W are nonnegative martingales that
start at 1, and by Ville's inequality P(E_t ≥ 1/α for any t) ≤ α. Looking after each pair costs
nothing. The same bets against a mean of m, over all m, give an interval for the mean that holds at
all times; it leaves out 0 exactly where the test has stopped.

Source: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting",
JRSS B 86(1), arXiv:2010.09686, sections 3 and 4; a mixture over stakes as in Ramdas et al. 2023,
arXiv:2210.01948, section 4. Axes: S simulations, N pairs, U stakes.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from srlr.core.errors import ConfigError
from srlr.evaluation.outcomes import Floats

STAKES = np.geomspace(0.01, 0.9, 20)
"""From what finds a difference of 1 % to what ends a landslide after ten pairs."""
LOOK_EVERY = 25
"""Pairs after which it is asked whether the two are alike; whether they differ, after each."""
SIMULATIONS, MOMENTS = 400, 400
POWER = 0.8
STEP = 0.005
LARGEST = 600.0
"""Of a logarithm: more would be no float, and is far beyond any 1/α."""

Verdict = Literal["B", "A", "alike", "open"]
Counts = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rule:
    """When to stop: at a risk `alpha` of being wrong, and where the difference is surely within
    ±`alike`.

    Raises:
        ConfigError: alpha is not in (0, 1), or `alike` not in [0, 1).
    """

    alpha: float = 0.05
    alike: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0 or not 0.0 <= self.alike < 1.0:
            raise ConfigError(
                f"a risk of {self.alpha:g} and a margin of {self.alike:g} make no test",
                "--alpha 0.05 --alike 0.02",
            )


DEFAULT = Rule()


@dataclass(frozen=True, slots=True)
class Found:
    """What was known when it was stopped.

    `verdict`: who is better, "alike" within the margin, or "open" where the pairs ran out.
    `e_value` is the highest that E has been, and p is 1 over it; p and the interval of the mean
    difference may be read at any time.
    """

    verdict: Verdict
    pairs: int
    first: float
    second: float
    gap: float
    low: float
    high: float
    e_value: float
    p: float
    discordant: float
    """Mean of D²: for right and wrong, the share of pairs in which one alone is right."""


def decided(pairs: Iterable[tuple[float, float]], rule: Rule) -> Found:
    """Reads (outcome of A, outcome of B) until something is sure; outcomes lie in [0, 1].

    Raises:
        ConfigError: there is no pair, or an outcome is outside [0, 1] or no number.
    """
    seen: list[tuple[float, float]] = []
    verdict: Verdict = "open"
    logs_2U, highest = np.zeros((2, len(STAKES))), 0.0
    both_2U = np.stack([STAKES, -STAKES])
    for first, second in pairs:
        if not (0.0 <= first <= 1.0 and 0.0 <= second <= 1.0):
            raise ConfigError(
                f"pair {len(seen) + 1}: the outcomes {first!r} and {second!r} are not both in "
                "[0, 1]",
                "write 1 for right and 0 for wrong, or a score between",
            )
        seen.append((float(first), float(second)))
        logs_2U += np.log1p(both_2U * (second - first))
        up, down = (_mean_exp(logs_U) / 2 for logs_U in logs_2U)
        highest = max(highest, up, down)
        if highest >= 1 / rule.alpha:
            verdict = "B" if up > down else "A"
            break
        if rule.alike and len(seen) % LOOK_EVERY == 0 and _alike(seen, rule):
            verdict = "alike"
            break
    if not seen:
        raise ConfigError("there is not one pair of outcomes", "check the names of the two models")
    return _found(seen, verdict, highest, rule)


def _found(seen: list[tuple[float, float]], verdict: Verdict, highest: float, rule: Rule) -> Found:
    table = np.array(seen)
    differences = table[:, 1] - table[:, 0]
    low, high = bounds(differences, rule.alpha)
    return Found(
        verdict=verdict,
        pairs=len(seen),
        first=float(table[:, 0].mean()),
        second=float(table[:, 1].mean()),
        gap=float(differences.mean()),
        low=low,
        high=high,
        e_value=highest,
        p=min(1.0, 1 / highest) if highest > 0 else 1.0,
        discordant=float((differences**2).mean()),
    )


def _alike(seen: list[tuple[float, float]], rule: Rule) -> bool:
    table = np.array(seen)
    low, high = bounds(table[:, 1] - table[:, 0], rule.alpha)
    return -rule.alike < low and high < rule.alike


def bounds(differences_N: Floats, alpha: float) -> tuple[float, float]:
    """The interval of the mean difference that holds at all times with probability 1 − alpha.

    The bets that the mean is above m win less the higher m is, and are worth 2/α at most where m is
    the mean, but for a share α/2 of all cases; so the m at which they win that much is the lower
    end. The upper end is the same, mirrored.
    """
    values_N, times_N = np.unique(np.asarray(differences_N, dtype=np.float64), return_counts=True)
    counts_N = times_N.astype(np.float64)
    low = _lower(values_N, counts_N, alpha)
    return low, -_lower(-values_N, counts_N, alpha)


def _lower(values_N: Floats, counts_N: Floats, alpha: float) -> float:
    mean = float((values_N * counts_N).sum() / counts_N.sum())
    low, high = -1.0, mean
    if mean <= low + 1e-9:
        return low
    for _ in range(40):
        middle = (low + high) / 2
        # 1 + λ(D − m) with λ = u / (1 + m), which is never negative
        factors_UN = 1 + STAKES[:, None] * ((1 + values_N) / (1 + middle) - 1)
        wealth = _mean_exp((np.log(factors_UN) * counts_N).sum(axis=1))
        low, high = (middle, high) if wealth >= 2 / alpha else (low, middle)
    return low


def _mean_exp(logs_U: Floats) -> float:
    """The mean of exp(logs), which may be too large for a float: then infinity."""
    most = float(logs_U.max())
    if most > LARGEST:
        return math.inf
    return float(np.exp(logs_U).mean())


# -- power -----------------------------------------------------------------------------------------


def power(gap: float, discordant: float, pairs: int, rule: Rule = DEFAULT) -> float:
    """The share of tests that would end within so many pairs of right and wrong answers, where B is
    right more often by `gap` and they differ in a share `discordant` of pairs. Simulated.

    Raises:
        ConfigError: |gap| exceeds the share of pairs in which they differ, or that exceeds 1.
    """
    return float((_ends(gap, discordant, pairs, rule) <= pairs).mean())


def pairs_needed(gap: float, discordant: float, most: int, rule: Rule = DEFAULT) -> int | None:
    """Pairs within which 80 % of such tests would end; None where even `most` are too few."""
    ends = np.sort(_ends(gap, discordant, most, rule))
    needed = ends[math.ceil(POWER * len(ends)) - 1]
    return int(needed) if needed <= most else None


def detectable(discordant: float, pairs: int, rule: Rule = DEFAULT) -> float | None:
    """The smallest gap, to 0.005, that 80 % of tests of so many pairs would find; None: there is
    none.
    """
    steps = range(1, int(min(discordant, 1.0) / STEP) + 1)
    place = bisect_left(
        steps, True, key=lambda n: power(STEP * n, discordant, pairs, rule) >= POWER
    )
    return STEP * steps[place] if place < len(steps) else None


def _ends(gap: float, discordant: float, pairs: int, rule: Rule) -> Floats:
    """After how many pairs each simulated test ended; more than `pairs` where it did not. It looks
    at MOMENTS of them at most, and so ends no earlier than one that looks at all.
    """
    if not 0.0 < discordant <= 1.0 or abs(gap) > discordant:
        raise ConfigError(
            f"two models that differ in {discordant:g} of pairs cannot be {gap:g} apart",
            "a smaller gap, or more pairs in which only one is right",
        )
    draws_SN = _draws(pairs)
    moments_N = np.unique(np.linspace(1, pairs, min(pairs, MOMENTS)).round().astype(np.int64))
    up, down = (discordant + gap) / 2, (discordant - gap) / 2
    won_SN = np.cumsum(draws_SN < up, axis=1, dtype=np.int32)[:, moments_N - 1]
    lost_SN = np.cumsum(draws_SN >= 1 - down, axis=1, dtype=np.int32)[:, moments_N - 1]
    wealth_SN = np.maximum(_wealth(won_SN, lost_SN), _wealth(lost_SN, won_SN))
    over_SN = wealth_SN / 2 >= 1 / rule.alpha
    ends_S = moments_N[over_SN.argmax(axis=1)]
    return np.where(over_SN.any(axis=1), ends_S, pairs + 1).astype(np.float64)


def _wealth(won_SN: Counts, lost_SN: Counts) -> Floats:
    """Of bets on winning, after so many of either."""
    total_SN = np.zeros(won_SN.shape)
    for stake in STAKES:
        logs_SN = won_SN * math.log1p(stake) + lost_SN * math.log1p(-stake)
        total_SN += np.exp(np.minimum(logs_SN, LARGEST))
    return total_SN / len(STAKES)


@lru_cache(maxsize=2)
def _draws(pairs: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).random((SIMULATIONS, pairs), dtype=np.float32)
