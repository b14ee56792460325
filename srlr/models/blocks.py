"""A network's blocks taken apart, for steps of one token a row.

transformers' own forward pass computes a block in seven products. The three that read the same
states, and the two, are one each where their weights lie next to each other in memory. A product of
a few rows costs little more than reading its weights, and where these are in the order in which the
processor takes them up, half of that. Which networks are built so is found by their structure; that
the result is the same is measured (models.abilities).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from srlr.models import stack
from srlr.models.stack import Stack

ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
MLP = {"gate_proj", "up_proj", "down_proj", "act_fn"}
LAYER = {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}
"""The parts of a block, no more and no less; LLaMA, arXiv 2302.13971, section 2.2."""

PACKED_FOR = 32
"""Rows for which weights are packed; any number works."""

Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""attend(layer, q (R, kv_heads, group, D), k and v (R, kv_heads, D)): (R, kv_heads, group, D)."""


@dataclass(frozen=True, slots=True)
class Product:
    """A linear layer. `packed` is its weight in oneDNN's order, which only oneDNN can read."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    packed: torch.Tensor | None

    @classmethod
    def of(cls, linear: Sequence[nn.Linear], *, pack: bool) -> "Product":
        """Several layers that read the same states as one."""
        weight = together([one.weight for one in linear])
        biases: list[torch.Tensor] = [one.bias for one in linear if one.bias is not None]
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_FOR) if pack else None
        return cls(weight, torch.cat(biases) if biases else None, packed)

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        if self.packed is None:
            return functional.linear(states, self.weight, self.bias)
        made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            states.contiguous(), self.packed, self.bias, "none", [], ""
        )
        return made


@dataclass(frozen=True, slots=True)
class Block:
    """A layer."""

    before: nn.Module
    qkv: Product
    out: Product
    scaling: float
    after: nn.Module
    gate_up: Product
    act: nn.Module
    down: Product


@dataclass(frozen=True, slots=True)
class Blocks:
    """A network as embeddings, blocks, norm and head."""

    body: Any
    blocks: tuple[Block, ...]
    head: Product
    head_size: int

    def logits(
        self, token_R: torch.Tensor, position_R: torch.Tensor, attend: Attend
    ) -> torch.Tensor:
        """(R, V) after one more token of each row."""
        return self.head(self.states(token_R, position_R, attend))

    def states(
        self, token_R: torch.Tensor, position_R: torch.Tensor, attend: Attend
    ) -> torch.Tensor:
        """(R, E), which the head makes logits of, after one more token of each row.

        Args:
            attend: adds keys and values to what it knows of the row, and looks at all of it.
        """
        R, D = len(token_R), self.head_size
        x_RE = self.body.embed_tokens(token_R)
        cos_RD, sin_RD = (
            one[:, 0] for one in self.body.rotary_emb(x_RE[:, None], position_R[:, None])
        )
        for number, block in enumerate(self.blocks):
            qkv = block.qkv(block.before(x_RE)).view(R, -1, D)
            kv_heads = (qkv.shape[1] - block.out.weight.shape[1] // D) // 2
            turned = rotated(qkv[:, :-kv_heads], cos_RD[:, None], sin_RD[:, None])
            query = (turned[:, :-kv_heads] * block.scaling).view(R, kv_heads, -1, D)
            seen = attend(number, query, turned[:, -kv_heads:], qkv[:, -kv_heads:])
            x_RE = x_RE + block.out(seen.reshape(R, -1))
            gate, up = block.gate_up(block.after(x_RE)).chunk(2, dim=-1)
            x_RE = x_RE + block.down(block.act(gate) * up)
        normed: torch.Tensor = self.body.norm(x_RE)
        return normed


def rotated(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """States turned by their position's angles, the two halves of a head together.

    Source: RoFormer, arXiv 2104.09864, section 3.4.2.
    """
    first, second = states.chunk(2, dim=-1)
    return states * cos + torch.cat((-second, first), dim=-1) * sin


def of(network: Any, *, pack: bool = False) -> Blocks | None:
    """The network taken apart, or None where it is built otherwise. Moves its weights so that those
    that are one product here lie next to each other; they stay the network's own.

    Args:
        pack: makes a copy of all weights in oneDNN's order, as they are now; for CPUs.
    """
    found, head = made_of(network), network.get_output_embeddings()
    if found is None or type(head) is not nn.Linear:
        return None
    blocks = tuple(_block(layer, pack=pack) for layer in found.layers)
    first: Any = found.layers[0]
    return Blocks(found.body, blocks, Product.of([head], pack=pack), first.self_attn.head_dim)


def made_of(network: Any) -> Stack | None:
    """Where a network keeps its layers, if it is embeddings, blocks and a norm; None otherwise."""
    found = stack.find(network)
    if found is None or not all(_is_block(layer) for layer in found.layers):
        return None
    if found.norm is not getattr(found.body, "norm", None):
        return None
    known = all(hasattr(found.body, name) for name in ("embed_tokens", "rotary_emb"))
    return found if known else None


def _is_block(layer: Any) -> bool:
    """Whether a layer has the parts of a block, all of them plain."""
    if {name for name, _ in layer.named_children()} != LAYER:
        return False
    attention, mlp = dict(layer.self_attn.named_children()), dict(layer.mlp.named_children())
    if set(attention) != ATTENTION or set(mlp) != MLP:
        return False
    # Adapters and 4-bit weights are other classes.
    linear = [*attention.values(), *(one for name, one in mlp.items() if name != "act_fn")]
    return all(type(one) is nn.Linear for one in linear) and all(
        hasattr(layer.self_attn, name) for name in ("scaling", "head_dim")
    )


def _block(layer: Any, *, pack: bool) -> Block:
    attention, mlp = layer.self_attn, layer.mlp
    return Block(
        before=layer.input_layernorm,
        qkv=Product.of([attention.q_proj, attention.k_proj, attention.v_proj], pack=pack),
        out=Product.of([attention.o_proj], pack=pack),
        scaling=attention.scaling,
        after=layer.post_attention_layernorm,
        gate_up=Product.of([mlp.gate_proj, mlp.up_proj], pack=pack),
        act=mlp.act_fn,
        down=Product.of([mlp.down_proj], pack=pack),
    )


def together(weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """The weights, each (N, K), as one (ΣN, K) that is no copy of them: where they do not lie next
    to each other, they are moved.
    """
    first = weights[0].data
    starts = accumulate((weight.nbytes for weight in weights), initial=first.data_ptr())
    storage = first.untyped_storage().data_ptr()
    if not all(
        weight.data_ptr() == start
        and weight.untyped_storage().data_ptr() == storage
        and weight.is_contiguous()
        for weight, start in zip(weights, starts, strict=False)
    ):
        with torch.inference_mode(mode=False):
            first = torch.cat([weight.data for weight in weights])
            for weight, own in zip(
                weights, torch.split(first, list(map(len, weights))), strict=True
            ):
                weight.data = own
    return first.as_strided((sum(map(len, weights)), first.shape[1]), first.stride())
