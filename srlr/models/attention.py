"""Attention for short rows on few cores, with masks that need not be causal in memory order.

transformers repeats keys and values for every query head of a group before it calls torch; for rows
of a hundred tokens that copy, and the fused kernel's set-up, cost more than the products
themselves. Here the heads of one group are folded into rows of a single matrix product
(grouped-query attention, arXiv 2305.13245), so nothing is repeated. Long rows go to torch's fused
kernel, which needs no T×T.
"""

from typing import Any

import torch
from torch.nn import functional

NAME = "srlr_grouped"
LONGEST_ROW_TOKENS = 1024
"""Keys per query above which the scores of a whole row are no longer held at once."""


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """softmax(q·kᵀ·scaling + mask)·v, as (rows, queries, heads, size).

    Args:
        query: (B, heads, Q, D); heads is a multiple of kv_heads.
        key, value: (B, kv_heads, K, D).
        attention_mask: bool, True where a query may look; broadcastable to (B, 1, Q, K). None is
            causal, the queries being the last Q of the K positions.
        softcap: scores s become softcap · tanh(s / softcap) before the mask.
    """
    B, H, Q, D = query.shape
    kv_heads, K = key.shape[1], key.shape[2]
    scaling = D**-0.5 if scaling is None else scaling
    if attention_mask is None and Q > 1:
        attention_mask = torch.ones(Q, K, dtype=torch.bool, device=query.device).tril(K - Q)[
            None, None
        ]
    if (K > LONGEST_ROW_TOKENS or dropout) and softcap is None:
        out = functional.scaled_dot_product_attention(
            query, key, value, attention_mask, dropout, scale=scaling, enable_gqa=kv_heads != H
        )
        return out.transpose(1, 2), None
    rows = (query * scaling).reshape(B, kv_heads, H // kv_heads * Q, D)
    scores = rows @ key.transpose(-1, -2)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if attention_mask is not None:
        scores = scores.view(B, kv_heads, H // kv_heads, Q, K)
        scores = scores.masked_fill(~attention_mask[:, :, None], torch.finfo(scores.dtype).min)
        scores = scores.view(B, kv_heads, H // kv_heads * Q, K)
    out = torch.softmax(scores, dim=-1) @ value
    return out.view(B, H, Q, D).transpose(1, 2), None


def register() -> str:
    """Makes the function known to transformers under NAME (its public attention interface).

    Masks that transformers makes for it, of padding and windows, are bool ones, as for its "sdpa".
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, grouped_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME
