"""What a sample did better than its group."""

from collections.abc import Sequence
from statistics import fmean, pstdev


def group_relative(rewards: Sequence[float], min_spread: float) -> list[float] | None:
    """(r - mean) / standard deviation of a group; None where the spread is at most `min_spread`.

    The deviation is the population's, over the group's own samples. A group without spread has no
    better or worse answer, so it teaches nothing and should not dilute the batch.

    Source: GRPO, arXiv 2402.03300, section 4.1; the filter: DAPO, arXiv 2503.14476, section 3.2.
    """
    spread = pstdev(rewards)
    if spread <= min_spread:
        return None
    mean = fmean(rewards)
    return [(reward - mean) / spread for reward in rewards]
