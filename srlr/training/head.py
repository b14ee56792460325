"""Logits a few at a time, and the gradient of the layer that makes them."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional

from srlr.models.fit import LOGIT_TOKENS


def through_head(
    weight_VD: torch.Tensor,
    states_ND: torch.Tensor,
    leaf: torch.Tensor,
    loss_of: Callable[[torch.Tensor, slice], torch.Tensor],
) -> None:
    """Adds the gradient of Σ loss_of(logits, tokens) over pieces of the N tokens, for an output
    layer that learns: that of its weight, a fifth of all weights of a small model, is one product
    and is added up once, not once a piece.

    Args:
        leaf: a copy of `states_ND`, whose grad is what else the loss asks of them.
    """
    leaf.grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    gradient_NV = leaf.new_empty(len(leaf), len(weight_VD))
    for piece in pieces(len(leaf)):
        with torch.no_grad():
            logits = functional.linear(leaf[piece], weight_VD)
        torch.autograd.backward(loss_of(logits.requires_grad_(), piece))
        assert logits.grad is not None
        gradient_NV[piece] = logits.grad
        leaf.grad[piece] += logits.grad @ weight_VD.detach()
    learnt = _Head.apply(weight_VD, gradient_NV, leaf.detach())  # type: ignore[no-untyped-call]
    torch.autograd.backward((states_ND, learnt), (leaf.grad, torch.ones_like(learnt)))


class _Head(torch.autograd.Function):
    """0, whose gradient by the weight of an output layer is that of the logits' loss."""

    @staticmethod
    def forward(
        ctx: Any, weight_VD: torch.Tensor, gradient_NV: torch.Tensor, states_ND: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(gradient_NV, states_ND)
        return weight_VD.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *one: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        gradient_NV, states_ND = ctx.saved_tensors
        return gradient_NV.T @ states_ND, None, None


def pieces(tokens: int) -> Iterator[slice]:
    """0 … tokens in slices of LOGIT_TOKENS."""
    for start in range(0, tokens, LOGIT_TOKENS):
        yield slice(start, min(start + LOGIT_TOKENS, tokens))
