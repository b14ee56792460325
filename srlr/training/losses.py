"""The objectives, as pure functions of log-probabilities."""

import torch


def imitation(logp_N: torch.Tensor, weight_N: torch.Tensor) -> torch.Tensor:
    """Σ w · -log p: each expert token weighed by what its step is worth (a sum, not a mean)."""
    return -(weight_N * logp_N).sum()


def clipped_policy(
    logp_N: torch.Tensor, old_N: torch.Tensor, advantage_N: torch.Tensor, epsilon: float
) -> torch.Tensor:
    """Σ -min(ρA, clip(ρ, 1 ± ε)A), ρ = exp(logp - old) (a sum, not a mean).

    Source: PPO, arXiv 1707.06347, eq. 7, with group-relative advantages (GRPO, arXiv 2402.03300,
    eq. 3).
    """
    ratio = (logp_N - old_N).exp()
    clipped = ratio.clamp(1.0 - epsilon, 1.0 + epsilon)
    return -torch.minimum(ratio * advantage_N, clipped * advantage_N).sum()
