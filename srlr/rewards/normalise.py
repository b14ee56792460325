"""Step rewards on one scale, and the weights that imitation makes of them."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, pstdev


def normalise(rewards: Sequence[float], method: str) -> list[float]:
    """Rewards on a common scale.

    `z_score`: mean 0, deviation 1 · `min_max`: 0 to 1 · `rank`: 1/n to 1, equal rewards sharing
    their mean rank · `none`: as they are. Where all rewards are equal, z_score gives 0, min_max 1.
    """
    if method == "z_score":
        mean, spread = fmean(rewards), pstdev(rewards)
        return [(r - mean) / spread if spread > 1e-12 else 0.0 for r in rewards]
    if method == "min_max":
        low, high = min(rewards), max(rewards)
        return [(r - low) / (high - low) if high - low > 1e-12 else 1.0 for r in rewards]
    if method == "rank":
        ordered = sorted(rewards)
        below = {r: bisect_left(ordered, r) for r in set(rewards)}
        ties = Counter(rewards)
        return [(below[r] + (ties[r] + 1) / 2) / len(rewards) for r in rewards]
    return list(rewards)


def weights(rewards: Sequence[float], method: str) -> list[float]:
    """Non-negative weights with mean 1: an expert's accepted step is never pushed away from.

    z-scores pass through the logistic function, so that an outlier counts at most about twice the
    mean; other scales are cut at 0. Where nothing positive is left, every weight is 1.
    """
    scaled = normalise(rewards, method)
    if method == "z_score":
        scaled = [1.0 / (1.0 + math.exp(-z)) for z in scaled]
    positive = [max(0.0, value) for value in scaled]
    mean = fmean(positive)
    return [value / mean for value in positive] if mean > 0.0 else [1.0] * len(positive)
