"""The objectives, as pure functions of log-probabilities."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from srlr.training.advantages import Scale


@dataclass(frozen=True, slots=True)
class Variant:
    """What a published relative of GRPO is made of."""

    scale: Scale
    """How rewards become advantages."""
    mean: Literal["token", "sequence", "constant", "answer"]
    """What a token counts: 1 / all tokens of the batch · 1 / its own answer's tokens, answers alike
    · 1 / the most tokens an answer may have · 1, so that an answer counts as its whole probability.
    All but the first are also divided by the number of answers."""
    ratio: Literal["token", "sequence"]
    """π / π_old of each token, or the geometric mean over the answer."""
    clip: Literal["pessimistic", "weight"]
    """PPO's minimum of clipped and unclipped, or REINFORCE weighed by the clipped ratio."""
    low: float
    high: float
    """How far a ratio may be below and above 1."""


VARIANTS = {
    # arXiv 2402.03300 eq. 3
    "grpo": Variant("group", "sequence", "token", "pessimistic", 0.2, 0.2),
    # arXiv 2503.20783 section 3.2: neither the deviation nor the answer's length is divided by
    "dr_grpo": Variant("none", "constant", "token", "pessimistic", 0.2, 0.2),
    # arXiv 2503.14476 eq. 8: mean over tokens, and room for rare tokens to grow
    "dapo": Variant("group", "token", "token", "pessimistic", 0.2, 0.28),
    # arXiv 2507.18071 eq. 5-7 and section 5.1
    "gspo": Variant("group", "sequence", "sequence", "pessimistic", 3e-4, 4e-4),
    # arXiv 2402.14740 section 2.2, with PPO's ratio of whole answers where a batch is used again
    "rloo": Variant("leave_one_out", "answer", "token", "pessimistic", 0.2, 0.2),
    # arXiv 2506.13585 eq. 4-5, the bound from arXiv 2510.13786: no token's gradient is dropped
    "cispo": Variant("group", "token", "token", "weight", 1.0, 4.0),
}


def imitation(logp_N: torch.Tensor, weight_N: torch.Tensor) -> torch.Tensor:
    """Σ w · -log p: each expert token weighed by what its step is worth (a sum, not a mean)."""
    return -(weight_N * logp_N).sum()


def clipped_policy(
    logp_N: torch.Tensor, old_N: torch.Tensor, advantage_N: torch.Tensor, low: float, high: float
) -> torch.Tensor:
    """Σ -min(ρA, clip(ρ, 1 - low, 1 + high)A), ρ = exp(logp - old) (a sum, not a mean).

    Source: PPO, arXiv 1707.06347, eq. 7, with group-relative advantages (GRPO, arXiv 2402.03300,
    eq. 3); two bounds: DAPO, arXiv 2503.14476, section 3.1.
    """
    ratio = (logp_N - old_N).exp()
    clipped = ratio.clamp(1.0 - low, 1.0 + high)
    return -torch.minimum(ratio * advantage_N, clipped * advantage_N).sum()


def clipped_weight(
    logp_N: torch.Tensor, old_N: torch.Tensor, advantage_N: torch.Tensor, low: float, high: float
) -> torch.Tensor:
    """Σ -sg(clip(ρ, 1 - low, 1 + high)) · A · logp: the ratio weighs, the gradient is REINFORCE's.

    Source: CISPO, arXiv 2506.13585, eq. 4.
    """
    weight = (logp_N.detach() - old_N).exp().clamp(1.0 - low, 1.0 + high)
    return -(weight * advantage_N * logp_N).sum()


def sequence_level(logp_N: torch.Tensor, log_ratio_N: torch.Tensor) -> torch.Tensor:
    """Stand-ins for old log-probabilities, with which a token's ratio is its answer's.

        s = exp(mean over the answer's tokens of log π - log π_old),  ρ_t = sg(s) · π_t / sg(π_t)

    Args:
        log_ratio_N: the answer's mean log-ratio, at each of its tokens; no gradient.

    Source: GSPO-token, arXiv 2507.18071, eq. 15-17, whose gradient is GSPO's where all tokens of an
    answer have one advantage.
    """
    return logp_N.detach() - log_ratio_N


def clipped_value(
    value_N: torch.Tensor, old_N: torch.Tensor, return_N: torch.Tensor, epsilon: float | None
) -> torch.Tensor:
    """(N,) max((V - R)², (V' - R)²), V' = V kept within `epsilon` of the old V; None: (V - R)².

    Source: PPO, arXiv 1707.06347, eq. 9; the clipping: Schulman's implementation of it, studied in
    Engstrom et al. 2020, arXiv 2005.12729, section 3.
    """
    plain = (value_N - return_N) ** 2
    if epsilon is None:
        return plain
    near_N = old_N + (value_N - old_N).clamp(-epsilon, epsilon)
    return torch.maximum(plain, (near_N - return_N) ** 2)


def entropy(logits_NV: torch.Tensor) -> torch.Tensor:
    """(N,) entropy in nats of the whole distribution at each position, in float32."""
    logp_NV = functional.log_softmax(logits_NV.float(), dim=-1)
    return -(logp_NV.exp() * logp_NV).sum(-1)


def beyond(
    logp_N: torch.Tensor, old_N: torch.Tensor, advantage_N: torch.Tensor, low: float, high: float
) -> torch.Tensor:
    """(N,) bool: whether a token has moved as far as its advantage may move it."""
    ratio = (logp_N - old_N).exp()
    up, down = (advantage_N > 0) & (ratio > 1.0 + high), (advantage_N < 0) & (ratio < 1.0 - low)
    return up | down


OBJECTIVES = {"pessimistic": clipped_policy, "weight": clipped_weight}
