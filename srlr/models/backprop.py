"""A network's blocks as the two passes that training keeps little for (models.passes).

Which networks are built so is found by their structure (models.blocks); that states and gradients
are the same is measured before they are used.
"""

import logging
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.activations import SiLUActivation

from srlr.models import abilities, blocks, passes
from srlr.models.abilities import REFUSALS
from srlr.models.stack import Stack

log = logging.getLogger(__name__)

ROW = 8
"""Tokens of the row on which gradients are compared; the last goes on from the middle."""
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""Of a gradient's deviation; a wrong one deviates by about 1."""

_MEASURED: dict[str, bool] = {}


@dataclass(frozen=True, slots=True)
class Body:
    """The part of a network that makes final states."""

    network: Any
    stack: Stack
    again: bool
    """Whether a block keeps nothing but its input, and is computed again as a whole (gradient
    checkpointing).
    """

    def states(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor
    ) -> torch.Tensor:
        """(B, T, E) final states.

        Args:
            attention_mask: (B, 1, T, T), bool: what each token sees, itself at least.
        """
        body: Any = self.stack.body
        x = body.embed_tokens(input_ids)
        cos, sin = body.rotary_emb(x, position_ids)
        seen = passes.Seen(~attention_mask[:, :, None], cos[:, :, None], sin[:, :, None])
        again = self.again and torch.is_grad_enabled()
        for layer in self.stack.layers:
            x = (
                checkpoint(_through, layer, x, seen, use_reentrant=False)
                if again
                else _through(layer, x, seen)
            )
        made: torch.Tensor = body.norm(x)
        return made


def _through(layer: Any, x: torch.Tensor, seen: passes.Seen) -> torch.Tensor:
    attention, mlp = layer.self_attn, layer.mlp
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    size, before, after = attention.head_dim, layer.input_layernorm, layer.post_attention_layernorm
    kv_heads = len(parts[1].weight) // size
    group = len(parts[0].weight) // size // kv_heads
    shape = passes.Shape(kv_heads, group, size, attention.scaling, before.variance_epsilon)
    apart = [part.weight for part in parts] + [p.bias for p in parts if p.bias is not None]
    x = passes.Attention.apply(x, seen, shape, before.weight, attention.o_proj.weight, *apart)  # type: ignore[no-untyped-call]
    own = (mlp.gate_proj.weight, mlp.up_proj.weight, mlp.down_proj.weight)
    made: torch.Tensor = passes.Mlp.apply(x, after.variance_epsilon, after.weight, *own)  # type: ignore[no-untyped-call]
    return made


def of(network: Any) -> Body | None:
    """The network's blocks, or None where they are built otherwise."""
    found = blocks.made_of(network)
    if found is None or not all(map(_is_plain, found.layers)):
        return None
    return Body(network, found, bool(getattr(network, "is_activation_checkpointing", False)))


def _is_plain(layer: Any) -> bool:
    """Whether nothing is in the block that the two passes leave out."""
    attention, mlp = layer.self_attn, layer.mlp
    norms = (layer.input_layernorm, layer.post_attention_layernorm)
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    others = (attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)
    return (
        isinstance(mlp.act_fn, nn.SiLU | SiLUActivation)
        and all(hasattr(norm, "variance_epsilon") for norm in norms)
        and all(one.bias is None for one in others)
        and len({one.bias is None for one in parts}) == 1
        and not getattr(attention, "attention_dropout", 0.0)
    )


def learns(network: Any, dtype: torch.dtype) -> Body | None:
    """As `of`, where states and gradients were found to be autograd's; measured once for all
    networks of the same architecture in this process.
    """
    body = of(network)
    if body is None:
        return None
    key = abilities.key(network, dtype)
    if key not in _MEASURED:
        _MEASURED[key] = _measure(body, dtype)
    return body if _MEASURED[key] else None


@torch.inference_mode(mode=False)
@torch.enable_grad()
def _measure(body: Body, dtype: torch.dtype) -> bool:
    """Whether states, and the gradients of the last two layers, are those of the network's own
    forward pass.
    """
    vocabulary = body.network.config.get_text_config().vocab_size
    device = body.network.device
    ids = torch.tensor([[(7919 * place + 13) % vocabulary for place in range(ROW)]], device=device)
    mask = torch.ones(ROW, ROW, dtype=torch.bool, device=device).tril()
    mask[-1, ROW // 2 : -1] = False
    position = torch.arange(ROW, device=device)[None]
    position[0, -1] = ROW // 2
    inputs = {"input_ids": ids, "attention_mask": mask[None, None], "position_ids": position}
    weights = [weight for layer in body.stack.layers[-2:] for weight in layer.parameters()]
    learnt = [weight.requires_grad for weight in weights]
    try:
        for weight in weights:
            weight.requires_grad_()
        theirs = body.stack.body(**inputs, use_cache=False).last_hidden_state
        toward = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(0)).to(theirs)
        pairs = zip(
            (theirs, *torch.autograd.grad(theirs, weights, toward)),
            ((ours := body.states(**inputs)), *torch.autograd.grad(ours, weights, toward)),
            strict=True,
        )
        return all(_same(own, truth, TOLERANCE[dtype]) for truth, own in pairs)
    except REFUSALS as error:
        log.debug("%s: %r", type(body.network).__name__, error)
        return False
    finally:
        for weight, before in zip(weights, learnt, strict=True):
            weight.requires_grad_(before)


def _same(own: torch.Tensor, truth: torch.Tensor, tolerance: float) -> bool:
    own, truth = own.float(), truth.float()
    return bool((own - truth).norm() <= tolerance * truth.norm())
