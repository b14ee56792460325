"""How far a policy has moved from its reference, and the controller that keeps it near."""

from dataclasses import dataclass

import torch
from torch.nn import functional


def exact(logits_NV: torch.Tensor, reference_NV: torch.Tensor) -> torch.Tensor:
    """(N,) KL(policy ‖ reference) in nats over the whole vocabulary, one value a position.

    Used where tokens are the expert's: they were not drawn from the policy, so an estimator that
    looks at those tokens alone would be biased.
    """
    policy = functional.log_softmax(logits_NV.float(), dim=-1)
    reference = functional.log_softmax(reference_NV.float(), dim=-1)
    return (policy.exp() * (policy - reference)).sum(-1)


def k3(logp_N: torch.Tensor, reference_N: torch.Tensor) -> torch.Tensor:
    """(N,) unbiased, never negative estimate of KL(policy ‖ reference) from tokens the policy drew.

        k3 = exp(d) - 1 - d        d = log reference - log policy

    Source: Schulman 2020, "Approximating KL divergence"; GRPO, arXiv 2402.03300, eq. 4.
    """
    difference = (reference_N - logp_N).clamp(max=20.0)
    return (difference.expm1() - difference).clamp(min=0.0)


@dataclass(frozen=True, slots=True)
class Controller:
    """Proportional control of the penalty's weight.

        e = clip(kl / target - 1, -0.2, 0.2)        weight ← weight · (1 + e · samples / horizon)

    Source: Ziegler et al. 2019, arXiv 1909.08593, section 2.2.
    """

    weight: float
    target: float
    horizon: float

    def after(self, kl: float, samples: int) -> "Controller":
        """The controller once `samples` samples with mean divergence `kl` (nats a token) were seen.

        A divergence that is not a number leaves the weight as it is.
        """
        error = min(0.2, max(-0.2, kl / self.target - 1.0)) if kl == kl else 0.0
        weight = self.weight * (1.0 + error * min(1.0, samples / self.horizon))
        return Controller(weight, self.target, self.horizon)
