"""What a sample did better than its group, or a token better than was expected."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Literal

Scale = Literal["group", "batch", "none", "leave_one_out"]
"""What a reward's distance from its group's mean is divided by; see `centred` and `scaled`."""


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


def has_spread(rewards: Sequence[float], min_spread: float) -> bool:
    """Whether the population deviation is over `min_spread`."""
    return pstdev(rewards) > min_spread


def centred(rewards: Sequence[float]) -> list[float]:
    """r - mean of the group: no group weighs more because its answers are nearly all alike.

    Source: Dr. GRPO, arXiv 2503.20783, section 3.2.
    """
    mean = fmean(rewards)
    return [reward - mean for reward in rewards]


def leave_one_out(rewards: Sequence[float]) -> list[float]:
    """r - mean of the *other* samples of the group, G / (G - 1) times `centred`: an unbiased
    baseline, as it does not depend on the sample itself. A group has at least two samples.

    Source: RLOO, arXiv 2402.14740, section 2.2.
    """
    others = len(rewards) - 1
    total = sum(rewards)
    return [reward - (total - reward) / others for reward in rewards]


def of_groups(
    groups_PG: Sequence[Sequence[float]], scale: Scale, min_spread: float
) -> list[list[float] | None]:
    """The advantages of each group's samples; None for a group whose spread is at most
    `min_spread`.

    `group`: `group_relative` · `batch`: `centred`, over the deviation of all kept samples (ScaleRL,
    arXiv 2510.13786) · `none`: `centred` · `leave_one_out`: `leave_one_out`.
    """
    if scale == "group":
        return [group_relative(group, min_spread) for group in groups_PG]
    baseline = leave_one_out if scale == "leave_one_out" else centred
    found = [baseline(group) if has_spread(group, min_spread) else None for group in groups_PG]
    if scale != "batch":
        return found
    every = [one for group in found if group is not None for one in group]
    spread = pstdev(every) if every else 1.0
    return [None if group is None else [one / spread for one in group] for group in found]


def decoupled(
    parts_PG: Sequence[Sequence[Mapping[str, float]]], weights: Mapping[str, float]
) -> list[list[float]]:
    """Rewards that are each brought to deviation 1 inside their group before they are summed.

        Σ w · (r - mean) / deviation of that reward in the group

    A sum first would let the reward with the widest spread decide alone. A reward without spread in
    a group says nothing there.

    Args:
        parts_PG: a sample's rewards by name; one that could not be judged is absent and counts as
            its group's mean.

    Source: GDPO, arXiv 2601.05242, eq. 4 (its normalisation over the batch is `of_groups`).
    """
    return [
        [sum(one) for one in zip(*_standard(group, weights), strict=True)] for group in parts_PG
    ]


def gae(
    rewards_T: Sequence[float], values_T: Sequence[float], gamma: float, lam: float
) -> tuple[list[float], list[float]]:
    """Advantages of an answer's tokens, and the returns that its values are to learn.

        δ_t = r_t + γ · V_t+1 - V_t        A_t = δ_t + γ · λ · A_t+1        R_t = A_t + V_t

    After the last token nothing more is to be had, whether the answer has ended or was cut off.

    Args:
        values_T: what was expected before each token.

    Source: Schulman et al. 2015, arXiv 1506.02438, eq. 16.
    """
    advantages, after, later = [0.0] * len(rewards_T), 0.0, 0.0
    for place in reversed(range(len(rewards_T))):
        after = rewards_T[place] + gamma * later - values_T[place] + gamma * lam * after
        advantages[place], later = after, values_T[place]
    returns = [one + value for one, value in zip(advantages, values_T, strict=True)]
    return advantages, returns


def whitened(values: Sequence[float]) -> list[float]:
    """Brought to mean 0 and deviation 1; all 0 where they do not differ by more than rounding."""
    mean, spread = fmean(values), math.sqrt(_variance(values))
    if spread <= 1e-8:
        return [0.0] * len(values)
    return [(value - mean) / spread for value in values]


def explained_variance(returns: Sequence[float], values: Sequence[float]) -> float:
    """1 - variance of (return - value) / variance of the returns: 1 where values foretell all, 0
    where they say no more than a constant, negative where they mislead; 0 where returns are alike.
    """
    spread = _variance(returns)
    if spread <= 1e-16:
        return 0.0
    missed = [one - value for one, value in zip(returns, values, strict=True)]
    return 1.0 - _variance(missed) / spread


def _variance(values: Sequence[float]) -> float:
    """The population's; statistics.pvariance is exact, and slow on every token of a rollout."""
    mean = fmean(values)
    return fmean((value - mean) ** 2 for value in values)


def _standard(
    group: Sequence[Mapping[str, float]], weights: Mapping[str, float]
) -> list[list[float]]:
    """For each reward, the samples' weighed distances from the mean in deviations."""
    out = []
    for name, weight in weights.items():
        judged = [parts[name] for parts in group if name in parts]
        spread = pstdev(judged) if judged else 0.0
        mean = fmean(judged) if judged else 0.0
        unit = weight / spread if spread > 1e-12 else 0.0
        out.append([unit * (parts.get(name, mean) - mean) for parts in group])
    return out
