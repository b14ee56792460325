"""How tokens are drawn from logits: exactly, from numbers that are uniform in [0, 1).

Truncation (top-k, top-p) changes which tokens may come, not what is said about them: log-probs and
entropies are those of softmax(logits / temperature) over the whole vocabulary, the policy that is
trained, so that they serve as old log-probs in a ratio of policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

BLOCK = 256
"""Vocabulary entries a block: a draw looks at block sums first and then inside one block."""
NUCLEUS = 256
"""Tokens among which the top-p set is looked for before the whole vocabulary is sorted."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn and what is told of them."""

    max_new_tokens: int
    batch_size: int = 64
    """Answers generated together."""
    samples: int = 1
    """Answers to each prompt."""
    temperature: float = 0.0
    """0 takes the likeliest token; above, tokens are drawn from softmax(logits / temperature)."""
    top_k: int | None = None
    """Only so many of the likeliest tokens may come."""
    top_p: float = 1.0
    """Of those, only the fewest likeliest that have this share of their mass, in (0, 1]."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; they are not part of it."""
    seed: int = 0
    log_probs: bool = False
    """Completion.logps is wanted."""
    entropies: bool = False
    """Completion.entropies is wanted: one more pass over the vocabulary a token."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token for each of S samples; what is not wanted is None."""

    token_S: torch.Tensor
    logp_S: torch.Tensor | None = None
    entropy_S: torch.Tensor | None = None


@dataclass(slots=True)
class Said:
    """An answer while it grows; the lists of what is not wanted stay empty."""

    tokens: list[int] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)


def add(drawn: Drawn, answers: Sequence[Said]) -> list[int]:
    """Appends to each of S answers what was drawn for it; returns the tokens."""
    tokens: list[int] = drawn.token_S.tolist()
    for answer, token in zip(answers, tokens, strict=True):
        answer.tokens.append(token)
    if drawn.logp_S is not None:
        for answer, logp in zip(answers, drawn.logp_S.tolist(), strict=True):
            answer.logps.append(logp)
    if drawn.entropy_S is not None:
        for answer, entropy in zip(answers, drawn.entropy_S.tolist(), strict=True):
            answer.entropies.append(entropy)
    return tokens


def draw(
    logits_UV: torch.Tensor, sampling: Sampling, uniform_S: torch.Tensor, row_S: torch.Tensor
) -> Drawn:
    """One token a sample, with its log-probability and the entropy where they are wanted.

    Both are in nats and of softmax(logits / temperature) in float32, untruncated; at temperature 0,
    of softmax(logits).

    Args:
        logits_UV: one row for all samples that have said the same.
        uniform_S, row_S: a sample's number and its row of logits.
    """
    row_S = row_S.to(logits_UV.device)
    greedy = sampling.temperature == 0.0
    if greedy and not (sampling.log_probs or sampling.entropies):
        return Drawn(logits_UV.argmax(dim=-1)[row_S])
    mass_UV = torch.softmax(logits_UV.float() / (sampling.temperature or 1.0), dim=-1)
    if greedy:
        token_S = logits_UV.argmax(dim=-1)[row_S]
    elif sampling.top_k is None and sampling.top_p == 1.0:
        token_S = pick(mass_UV, uniform_S, row_S)
    else:
        token_S = pick_truncated(mass_UV, sampling, uniform_S, row_S)
    return Drawn(
        token_S,
        # A token that is drawn has mass, and the largest has at least 1/V: no logarithm of 0.
        mass_UV[row_S, token_S].log() if sampling.log_probs else None,
        torch.special.entr(mass_UV).sum(-1)[row_S] if sampling.entropies else None,
    )


def pick(mass_UV: torch.Tensor, uniform_S: torch.Tensor, row_S: torch.Tensor) -> torch.Tensor:
    """(S,) tokens, exactly distributed as their mass.

    Inverse transform sampling in two strides: the block whose cumulated mass passes the uniform
    number, then the entry inside it, so no cumulative sum over the whole vocabulary is needed.
    """
    U, V = mass_UV.shape
    mass = torch.nn.functional.pad(mass_UV, (0, -V % BLOCK)).view(U, -1, BLOCK)
    block_end = mass.sum(-1).double().cumsum(-1)[row_S]
    target = uniform_S.double() * block_end[:, -1]
    block = torch.searchsorted(block_end, target[:, None], right=True)[:, 0]
    block = block.clamp(max=mass.shape[1] - 1)
    before = block_end.gather(1, (block - 1).clamp(min=0)[:, None])[:, 0]
    before = torch.where(block > 0, before, 0.0)
    inside = mass[row_S, block].double().cumsum(-1)
    return block * BLOCK + _place(inside, target - before)


def pick_truncated(
    mass_UV: torch.Tensor, sampling: Sampling, uniform_S: torch.Tensor, row_S: torch.Tensor
) -> torch.Tensor:
    """(S,) tokens, distributed as their mass among those that top-k and top-p leave."""
    kept_UK, token_UK = truncated(mass_UV, sampling.top_k, sampling.top_p)
    ends = kept_UK.double().cumsum(-1)[row_S]
    place = _place(ends, uniform_S.double() * ends[:, -1])
    return token_UK[row_S, place]


def truncated(
    mass_UV: torch.Tensor, top_k: int | None, top_p: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest tokens, likeliest first: (U, K) mass, 0 where a token may not come, and (U, K)
    tokens.

    The `top_k` likeliest are taken, then the fewest of them whose mass reaches `top_p` of theirs;
    the likeliest always stays. Of tokens that are equally likely, those that torch sorts first.
    """
    V = mass_UV.shape[1]
    for size in (min(top_k or NUCLEUS, V), V):
        kept_UK, token_UK = mass_UV.topk(size)
        end_UK = kept_UK.double().cumsum(-1)
        aim = top_p * (end_UK[:, -1:] if top_k else mass_UV.double().sum(-1, keepdim=True))
        if top_k or bool((end_UK[:, -1:] >= aim).all()):
            break
    return kept_UK.masked_fill(end_UK - kept_UK >= aim, 0.0), token_UK


def _place(end_SK: torch.Tensor, target_S: torch.Tensor) -> torch.Tensor:
    """(S,) the first entry whose cumulated mass is above the target."""
    # Rounding may leave the target past the last entry with mass: take that entry.
    last = (end_SK < end_SK[:, -1:]).sum(-1)
    return torch.searchsorted(end_SK, target_S[:, None], right=True)[:, 0].minimum(last)
