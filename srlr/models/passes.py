"""The two halves of a block for training: their forward pass keeps little, their backward pass
computes the rest again.

Autograd keeps whatever an operation may want again: of one token in one block some twenty vectors,
among them float32 copies for the norms and the probabilities of every head. Of these only x, the
turned queries, keys and values, what attention makes of them, and the two halves of the MLP are
kept here; norms, probabilities and activations follow from them by work that is small beside the
products.

Source: selective recomputation, Korthikanti et al. 2022, arXiv 2205.05198, section 4.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from srlr.models import blocks
from srlr.models.blocks import together


@dataclass(frozen=True, slots=True)
class Seen:
    """What attention needs beside the states, alike in all blocks: masks and angles."""

    hidden_BTT: torch.Tensor
    """(B, 1, 1, T, T), true where a token must not look."""
    cos: torch.Tensor
    """(B, T, 1, D)."""
    sin: torch.Tensor


@dataclass(frozen=True, slots=True)
class Shape:
    """How attention divides its states; the queries of a group look at the same keys."""

    kv_heads: int
    group: int
    size: int
    scaling: float
    eps: float


def _normed(x: torch.Tensor, weight: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """RMSNorm (arXiv 1910.07467), and 1 / root mean square of each token, in float32."""
    wide = x.float()
    scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return weight * (wide * scale).to(x.dtype), scale


def _norm_back(
    gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient by x, and by the weight, of `_normed`."""
    unit = x.float() * scale
    by_weight = (gradient * unit.to(x.dtype)).flatten(0, -2).sum(0)
    wide = (gradient * weight).float()
    wide -= unit * (wide * unit).mean(-1, keepdim=True)
    return (wide * scale).to(x.dtype), by_weight


def _probabilities(query: torch.Tensor, key: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """(B, kv_heads, group·T, T) of scaled queries (B, kv_heads, group·T, D)."""
    scores = query @ key.transpose(-1, -2)
    B, heads, _, T = scores.shape
    scores.view(B, heads, -1, T, T).masked_fill_(hidden, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1)


class Attention(torch.autograd.Function):
    """x + attention of the normed x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        seen: Seen,
        shape: Shape,
        norm: torch.Tensor,
        out: torch.Tensor,
        *apart: torch.Tensor,
    ) -> torch.Tensor:
        """`apart` are the weights of queries, keys and values, then their biases if any."""
        B, T, _ = x.shape
        states, scale = _normed(x, norm, shape.eps)
        bias = torch.cat(apart[3:]) if apart[3:] else None
        qkv = functional.linear(states, together(apart[:3]), bias).view(B, T, -1, shape.size)
        turned = blocks.rotated(qkv[:, :, : -shape.kv_heads], seen.cos, seen.sin)
        query = turned[:, :, : -shape.kv_heads] * shape.scaling
        query = query.view(B, T, shape.kv_heads, -1, shape.size).permute(0, 2, 3, 1, 4)
        query = query.reshape(B, shape.kv_heads, -1, shape.size)
        key = turned[:, :, -shape.kv_heads :].transpose(1, 2).contiguous()
        value = qkv[:, :, -shape.kv_heads :].transpose(1, 2).contiguous()
        looked = _probabilities(query, key, seen.hidden_BTT) @ value
        looked = looked.view(B, shape.kv_heads, shape.group, T, shape.size).permute(0, 3, 1, 2, 4)
        looked = looked.reshape(B, T, -1)
        ctx.save_for_backward(x, scale, query, key, value, looked, norm, out, *apart)
        ctx.seen, ctx.shape = seen, shape
        return x + functional.linear(looked, out)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        (gradient,) = gradients
        x, scale, query, key, value, looked, norm, out, *apart = ctx.saved_tensors
        seen, shape = ctx.seen, ctx.shape
        B, T, E = x.shape
        by_out = None
        if ctx.needs_input_grad[4]:
            by_out = gradient.reshape(-1, E).T @ looked.view(B * T, -1)
        back = (gradient @ out).view(B, T, shape.kv_heads, shape.group, shape.size)
        back = back.permute(0, 2, 3, 1, 4).reshape(query.shape)
        sure = _probabilities(query, key, seen.hidden_BTT)
        by_value = sure.transpose(-1, -2) @ back
        by_scores = torch._softmax_backward_data(back @ value.transpose(-1, -2), sure, -1, x.dtype)
        by_query = (by_scores @ key).mul_(shape.scaling)
        by_key = by_scores.transpose(-1, -2) @ query
        by_query = by_query.view(B, -1, T, shape.size).transpose(1, 2)
        both = torch.cat([by_query, by_key.transpose(1, 2)], dim=2)
        both = blocks.rotated(both, seen.cos, -seen.sin)
        by_qkv = torch.cat([both, by_value.transpose(1, 2)], dim=2).view(B * T, -1)
        del sure, by_scores
        by_apart: list[torch.Tensor | None] = [None] * len(apart)
        if ctx.needs_input_grad[5]:
            states = norm * (x.float() * scale).to(x.dtype)
            sizes = [len(weight) for weight in apart[:3]]
            by_apart[:3] = torch.split(by_qkv.T @ states.view(B * T, E), sizes)
            if apart[3:]:
                by_apart[3:] = torch.split(by_qkv.sum(0), sizes)
        by_states = (by_qkv @ together(apart[:3])).view(B, T, E)
        by_x, by_norm = _norm_back(by_states, x, norm, scale)
        return (gradient + by_x, None, None, by_norm, by_out, *by_apart)


class Mlp(torch.autograd.Function):
    """x + the gated MLP of the normed x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        eps: float,
        norm: torch.Tensor,
        gate: torch.Tensor,
        up: torch.Tensor,
        down: torch.Tensor,
    ) -> torch.Tensor:
        states, scale = _normed(x, norm, eps)
        both = functional.linear(states, together([gate, up]))
        ctx.save_for_backward(x, scale, both, norm, gate, up, down)
        opened, raised = both.chunk(2, dim=-1)
        return x + functional.linear(functional.silu(opened).mul_(raised), down)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        (gradient,) = gradients
        x, scale, both, norm, gate, up, down = ctx.saved_tensors
        E = x.shape[-1]
        opened, raised = both.chunk(2, dim=-1)
        sigma = functional.silu(opened)
        flat = gradient.reshape(-1, E)
        by_down = by_gate = by_up = None
        if ctx.needs_input_grad[5]:
            by_down = flat.T @ (sigma * raised).view(len(flat), -1)
        back = gradient @ down
        by_both = torch.empty_like(both)
        half = opened.shape[-1]
        torch.mul(back, sigma, out=by_both[..., half:])
        by_both[..., :half] = torch.ops.aten.silu_backward(back.mul_(raised), opened)
        del back, sigma
        if ctx.needs_input_grad[3]:
            states = norm * (x.float() * scale).to(x.dtype)
            whole = by_both.view(len(flat), -1).T @ states.view(-1, E)
            by_gate, by_up = torch.split(whole, len(gate))
        by_x, by_norm = _norm_back(by_both @ together([gate, up]), x, norm, scale)
        return (gradient + by_x, None, by_norm, by_gate, by_up, by_down)
