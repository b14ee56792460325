"""The one generation engine: used to train, to evaluate, to measure and to predict.

Prompts are sorted by length and the part they all share is read once. Samples of a prompt are one
row of the cache until the token where they part: a trained model begins most of its answers alike,
so that sixteen samples cost little more than the few that differ. The cache is reserved before the
first step; rows whose samples have ended make room at once. Uniform numbers are drawn per sample
before anything is generated, so an answer does not depend on who shared its batch (up to rounding).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers.cache_utils import Cache

from srlr.core.types import Message, Progress
from srlr.models import local
from srlr.models.cache import repeated, reserve
from srlr.models.local import LocalModel

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
        batch_size: answers generated together.
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
    if progress:
        progress(what, done, len(out))
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
    room = (len(draws), max_new_tokens)
    cache, seen, position, logits = _read(model, prompts, prefix, room)
    answers: list[list[int]] = [[] for _ in draws]
    running = list(range(len(draws)))
    rows = [sample // samples for sample in running]  # of the cache, where each sample's tokens are
    for step in range(max_new_tokens):
        token = _pick(logits, temperature, draws[running, step], torch.tensor(rows))
        picked = token.tolist()
        for sample, one in zip(running, picked, strict=True):
            answers[sample].append(one)
        going = [place for place, one in enumerate(picked) if one != model.stop_token]
        if step + 1 == max_new_tokens or not going:
            break
        running = [running[place] for place in going]
        sources, tokens, rows = part(
            [rows[place] for place in going], [picked[place] for place in going]
        )
        moved = [row for row, source in enumerate(sources) if row != source]
        if moved:
            origin, to = torch.tensor([sources[row] for row in moved]), torch.tensor(moved)
            for layer in cache.layers:
                layer.copy(origin.to(model.device), to.to(model.device))
        position = position[sources] + 1
        seen = torch.nn.functional.pad(seen[sources], (0, 1), value=True)
        logits = model.model(
            input_ids=torch.tensor(tokens, device=model.device)[:, None],
            attention_mask=seen[:, None, None],
            position_ids=position[:, None],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
    return answers


def part(rows: Sequence[int], tokens: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Samples that were in these cache rows go on with these tokens: who is in which row now?

    Samples stay together while they say the same. Rows stay where they are where they can: a row
    that parts keeps one of its continuations, the others and rows from the end fill what is free.

    Returns:
        for each new row, the row it continues and its token; for each sample, its new row. No row
        is overwritten that another one still has to be copied from.
    """
    pairs = list(dict.fromkeys(zip(rows, tokens, strict=True)))
    placed: dict[int, tuple[int, int]] = {}
    others = []
    for pair in pairs:
        if pair[0] < len(pairs) and pair[0] not in placed:
            placed[pair[0]] = pair
        else:
            others.append(pair)
    free = [row for row in range(len(pairs)) if row not in placed]
    placed |= dict(zip(free, others, strict=True))
    row_of = {pair: row for row, pair in placed.items()}
    sources, said = zip(*(placed[row] for row in range(len(pairs))), strict=True)
    return list(sources), list(said), [row_of[pair] for pair in zip(rows, tokens, strict=True)]


def _read(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    prefix: Cache | None,
    room: tuple[int, int],
) -> tuple[Cache, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Reads prompts, shortest first, that follow `prefix`; they end in the same column.

    Args:
        room: how many rows there may be in the end, and how many more columns.

    Returns:
        the cache of P rows, where (P, K) it holds no padding, last positions (P,), logits (P, V).
    """
    before = prefix.get_seq_length() if prefix else 0
    width = max(len(prompt) for prompt in prompts)
    parts = [
        (run, *_read_padded(model, prompts[run], prefix)) for run in runs(list(map(len, prompts)))
    ]
    cache = reserve(len(parts[0][1].layers), before + width + room[1], rows=room[0])
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
    cache = (
        repeated(prefix, len(prompts), before + width)
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


def _pick(
    logits: torch.Tensor, temperature: float, uniform: torch.Tensor, rows: torch.Tensor
) -> torch.Tensor:
    """One token a sample: the likeliest, or exactly distributed as softmax(logits / temperature).

    Inverse transform sampling in two strides: the block whose cumulated mass passes the uniform
    number, then the entry inside it, so no cumulative sum over the whole vocabulary is needed.

    Args:
        logits: (U, V), one row for all samples that have said the same.
        uniform, rows: (S,), a sample's number and its row of logits.
    """
    rows = rows.to(logits.device)
    if temperature == 0.0:
        return logits.argmax(dim=-1)[rows]
    U, V = logits.shape
    mass = torch.softmax(logits.float() / temperature, dim=-1)
    mass = torch.nn.functional.pad(mass, (0, -V % BLOCK)).view(U, -1, BLOCK)
    block_end = mass.sum(-1).double().cumsum(-1)[rows]
    target = uniform.double() * block_end[:, -1]
    block = torch.searchsorted(block_end, target[:, None], right=True)[:, 0]
    block = block.clamp(max=mass.shape[1] - 1)
    before = block_end.gather(1, (block - 1).clamp(min=0)[:, None])[:, 0]
    before = torch.where(block > 0, before, 0.0)
    inside = mass[rows, block].double().cumsum(-1)
    # Rounding may leave the target past the block's last entry with mass: take that entry.
    last = (inside < inside[:, -1:]).sum(-1)
    offset = torch.searchsorted(inside, (target - before)[:, None], right=True)[:, 0].minimum(last)
    return block * BLOCK + offset
