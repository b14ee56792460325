"""The one generation engine: used to train, to evaluate, to measure and to predict.

Prompts are sorted by length and read once each, however many samples are drawn from them; the part
all prompts share is read once for all; the cache is reserved in full before the first step; rows
that have ended leave the batch. Uniform numbers are drawn per row before anything is generated, so
a row's answer does not depend on which rows it shared a batch with (up to rounding).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers.cache_utils import Cache

from srlr.core.types import Message, Progress
from srlr.models import local
from srlr.models.cache import reserve, select
from srlr.models.local import LocalModel

SHRINK_AT = 0.75
"""Rows are dropped from the cache when at most this share of them still runs: dropping copies
it.
"""
PADDED_AT_MOST = 1.3
"""How much longer than the shortest the longest of prompts that are read together may be."""
BLOCK = 256
"""Vocabulary entries a block: a draw looks at block sums first and then inside one block."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: its text, its tokens (the stop token included if it came), its share of the
    time.
    """

    text: str
    tokens: list[int]
    stopped: bool
    seconds: float


def generate(
    model: LocalModel,
    prompts: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 64,
    progress: Progress | None = None,
    what: str = "answers",
) -> list[Completion]:
    """`samples` answers to each chat, in the prompts' order, a prompt's samples next to each other.

    Args:
        temperature: 0 takes the likeliest token; above, tokens are drawn from softmax(logits / t).
        batch_size: rows (answers) generated together.
    """
    tokens = [model.encode_chat(prompt) for prompt in prompts]
    return generate_tokens(
        model,
        tokens,
        max_new_tokens=max_new_tokens,
        samples=samples,
        temperature=temperature,
        seed=seed,
        batch_size=batch_size,
        progress=progress,
        what=what,
    )


@torch.inference_mode()
def generate_tokens(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 64,
    progress: Progress | None = None,
    what: str = "answers",
) -> list[Completion]:
    """As `generate`, for prompts that are tokens already."""
    if not prompts:
        return []
    model.model.eval()
    shared = _shared_prefix(prompts)
    prefix = _read_prefix(model, prompts[0][:shared]) if shared else None
    draws = torch.rand(
        len(prompts) * samples, max_new_tokens, generator=torch.Generator().manual_seed(seed)
    )
    order = sorted(range(len(prompts)), key=lambda p: len(prompts[p]))
    per_batch = max(1, batch_size // samples)
    out: list[Completion | None] = [None] * (len(prompts) * samples)
    done = 0
    for start in range(0, len(order), per_batch):
        chosen = order[start : start + per_batch]
        began = time.perf_counter()
        rows = [p * samples + s for p in chosen for s in range(samples)]
        answers = _batch(
            model,
            [prompts[p][shared:] for p in chosen],
            prefix,
            samples,
            max_new_tokens,
            temperature,
            draws[rows].to(model.device),
        )
        seconds = (time.perf_counter() - began) / len(rows)
        for row, answer in zip(rows, answers, strict=True):
            stopped = bool(answer) and answer[-1] == model.stop_token
            out[row] = Completion(model.decode(answer), answer, stopped, seconds)
        done += len(rows)
        if progress:
            progress(what, done, len(out))
    local.release()
    return [completion for completion in out if completion is not None]


def _shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts have in common; each keeps at least one of its own."""
    first, last = min(map(list, prompts)), max(map(list, prompts))
    limit = min(len(prompt) for prompt in prompts) - 1
    shared = 0
    while shared < limit and first[shared] == last[shared]:
        shared += 1
    return shared


def _read_prefix(model: LocalModel, tokens: Sequence[int]) -> Cache:
    cache = reserve(model.model.config.num_hidden_layers, len(tokens))
    ids = torch.tensor([list(tokens)], device=model.device)
    model.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache


def _batch(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    prefix: Cache | None,
    samples: int,
    max_new_tokens: int,
    temperature: float,
    draws: torch.Tensor,
) -> list[list[int]]:
    """Answers to prompts that follow `prefix`; draws is (P·G, T), uniform in [0, 1)."""
    cache, seen, position, logits = _read(model, prompts, prefix)
    device = model.device
    fan_out = torch.arange(len(prompts), device=device).repeat_interleave(samples)
    cache = select(cache, fan_out, cache.get_seq_length() + max_new_tokens)
    seen, logits, position = seen[fan_out], logits[fan_out], position[fan_out]
    alive = torch.arange(len(fan_out), device=device)
    answers: list[list[int]] = [[] for _ in fan_out]
    for step in range(max_new_tokens):
        token = _pick(logits, temperature, draws[alive, step])
        for row, picked in zip(alive.tolist(), token.tolist(), strict=True):
            if not answers[row] or answers[row][-1] != model.stop_token:
                answers[row].append(picked)
        running = torch.tensor(
            [answers[row][-1] != model.stop_token for row in alive.tolist()], device=device
        )
        if step + 1 == max_new_tokens or not running.any():
            break
        if running.float().mean() <= SHRINK_AT:
            keep = running.nonzero().flatten()
            cache = select(cache, keep, cache.layers[0].capacity)
            alive, token, seen, position = alive[keep], token[keep], seen[keep], position[keep]
        position = position + 1
        seen = torch.cat([seen, torch.ones(len(alive), 1, dtype=torch.bool, device=device)], dim=1)
        logits = model.model(
            input_ids=token[:, None],
            attention_mask=seen[:, None, None],
            position_ids=position[:, None],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
    return answers


def _read(
    model: LocalModel, prompts: Sequence[Sequence[int]], prefix: Cache | None
) -> tuple[Cache, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Reads prompts, shortest first, that follow `prefix`; they end in the same column.

    Returns:
        the cache of P rows, where (P, K) it holds no padding, last positions (P,), logits (P, V).
    """
    before = prefix.get_seq_length() if prefix else 0
    width = max(len(prompt) for prompt in prompts)
    parts = [
        (run, *_read_padded(model, prompts[run], prefix)) for run in runs(list(map(len, prompts)))
    ]
    cache = reserve(len(parts[0][1].layers), before + width)
    for index, layer in enumerate(cache.layers):
        layer.gather([(run, own.layers[index]) for run, own, *_ in parts], before, width)
    pad = torch.tensor([width - len(prompt) for prompt in prompts], device=model.device)
    column = torch.arange(before + width, device=model.device)
    seen = (column < before) | (column >= before + pad[:, None])
    return cache, seen, before + width - 1 - pad, torch.cat([logits for *_, logits in parts])


def runs(lengths: Sequence[int]) -> list[slice]:
    """Neighbours among ascending lengths that are padded to the longest of them at little cost."""
    cuts = [0]
    for index, length in enumerate(lengths):
        if length > PADDED_AT_MOST * lengths[cuts[-1]]:
            cuts.append(index)
    return [slice(start, end) for start, end in zip(cuts, [*cuts[1:], len(lengths)], strict=True)]


def _read_padded(
    model: LocalModel, prompts: Sequence[Sequence[int]], prefix: Cache | None
) -> tuple[Cache, torch.Tensor]:
    """The cache of prompts padded on the left to the longest, and the logits after each."""
    width = max(len(prompt) for prompt in prompts)
    before = prefix.get_seq_length() if prefix else 0
    device = model.device
    ids = torch.full((len(prompts), width), model.stop_token)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(list(prompt))
    pad = torch.tensor([width - len(prompt) for prompt in prompts], device=device)
    everyone = torch.zeros(len(prompts), dtype=torch.long, device=device)
    cache = (
        select(prefix, everyone, before + width)
        if prefix
        else reserve(model.model.config.num_hidden_layers, width)
    )
    column = torch.arange(before + width, device=device)
    seen = (column < before) | (column >= before + pad[:, None])  # (P, K): not padding
    causal = column[None, :] <= column[before:, None]
    # A padding position must see something, or its row of scores is all minus infinity.
    mask = (seen[:, None] & causal) | (column[None, :] == column[before:, None])
    position = (before + torch.arange(width, device=device) - pad[:, None]).clamp(min=0)
    logits = model.model(
        input_ids=ids.to(device),
        attention_mask=mask[:, None],
        position_ids=position,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    return cache, logits


def _pick(logits: torch.Tensor, temperature: float, uniform: torch.Tensor) -> torch.Tensor:
    """One token a row: the likeliest, or exactly distributed as softmax(logits / temperature).

    Inverse transform sampling in two strides: the block whose cumulated mass passes the uniform
    number, then the entry inside it, so no cumulative sum over the whole vocabulary is needed.
    """
    if temperature == 0.0:
        return logits.argmax(dim=-1)
    B, V = logits.shape
    mass = torch.softmax(logits.float() / temperature, dim=-1)
    mass = torch.nn.functional.pad(mass, (0, -V % BLOCK)).view(B, -1, BLOCK)
    block_end = mass.sum(-1).double().cumsum(-1)
    target = uniform.double() * block_end[:, -1]
    block = torch.searchsorted(block_end, target[:, None], right=True).clamp(max=mass.shape[1] - 1)
    before = torch.where(block > 0, block_end.gather(1, (block - 1).clamp(min=0)), 0.0)
    inside = mass.gather(1, block[:, :, None].expand(-1, -1, BLOCK))[:, 0].double().cumsum(-1)
    # Rounding may leave the target past the block's last entry with mass: take that entry.
    last = (inside < inside[:, -1:]).sum(-1, keepdim=True)
    offset = torch.searchsorted(inside, target[:, None] - before, right=True).minimum(last)
    return (block * BLOCK + offset)[:, 0]
