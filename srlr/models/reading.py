"""Prompts read into a reserved cache, and its rows going on token by token.

These functions take the bare network, so that `abilities` can try them before it is a LocalModel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from transformers.cache_utils import Cache

from srlr.models.blocks import Blocks
from srlr.models.branches import Branches
from srlr.models.cache import repeated, reserve

PADDED_AT_MOST = 1.3
"""How much longer than the shortest the longest of prompts that are read together may be."""


@dataclass(slots=True)
class Reading:
    """Rows of the cache that go on together; they end in the same column."""

    network: Any
    cache: Cache
    seen_BK: torch.Tensor
    """Where the cache holds no padding."""
    position_B: torch.Tensor
    """Of the last token."""
    logits_BV: torch.Tensor
    """Of the token that comes next."""

    def go_on(self, sources: Sequence[int], tokens: Sequence[int]) -> None:
        """Row r becomes row `sources[r]` followed by `tokens[r]`; the order is that of `part`."""
        device = self.position_B.device
        moved = [row for row, source in enumerate(sources) if row != source]
        if moved:
            origin, to = torch.tensor([sources[row] for row in moved]), torch.tensor(moved)
            for layer in self.cache.layers:
                layer.copy(origin.to(device), to.to(device))
        self.position_B = self.position_B[sources] + 1
        self.seen_BK = torch.nn.functional.pad(self.seen_BK[sources], (0, 1), value=True)
        self.logits_BV = self.network(
            input_ids=torch.tensor(tokens, device=device)[:, None],
            attention_mask=self.seen_BK[:, None, None],
            position_ids=self.position_B[:, None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]


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


def shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts have in common; each keeps at least one of its own."""
    first, last = min(map(list, prompts)), max(map(list, prompts))
    limit = min(len(prompt) for prompt in prompts) - 1
    shared = 0
    while shared < limit and first[shared] == last[shared]:
        shared += 1
    return shared


def nesting(prompts: Sequence[Sequence[int]]) -> list[int]:
    """For each prompt the number of the one it is read in: one that begins with it, or is equal to
    it, and is in no other; its own where there is none.
    """
    tokens = [tuple(prompt) for prompt in prompts]
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    hosts = list(range(len(tokens)))
    # Whatever comes between a prompt and one that begins with it begins with it too: of all others
    # only the next one has to be looked at.
    for one, following in reversed(list(pairwise(order))):
        if tokens[following][: len(tokens[one])] == tokens[one]:
            hosts[one] = hosts[following]
    return hosts


def reading_order(prompts: Sequence[Sequence[int]]) -> list[int]:
    """Their numbers, shortest first; those that are read in the same prompt come together."""
    hosts = nesting(prompts)
    lengths = list(map(len, prompts))
    return sorted(range(len(hosts)), key=lambda p: (lengths[hosts[p]], hosts[p], lengths[p]))


def read_prefix(network: Any, tokens: Sequence[int]) -> Cache | None:
    """The cache of one row, or None where there is nothing to read."""
    if not tokens:
        return None
    cache = _reserve(network, len(tokens))
    ids = torch.tensor([list(tokens)], device=network.device)
    network(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache


def read(
    network: Any,
    prompts: Sequence[Sequence[int]],
    prefix: Cache | None,
    *,
    pad: int,
    room: tuple[int, int],
    blocks: Blocks | None = None,
) -> Reading | Branches:
    """Reads prompts, shortest first, that follow `prefix`; they end in the same column.

    Of nested prompts only the longest is read; the others take their columns from it.

    Args:
        pad: any token of the vocabulary; nothing looks at it.
        room: how many rows there may be in the end, and how many more columns.
        blocks: of `network`, where its rows go on in blocks.
    """
    hosts = nesting(prompts)
    whole = sorted(set(hosts))
    # A prompt of one token has no head to be read before its last token is.
    if len(whole) == len(prompts) or len(prompts[whole[0]]) == 1:
        if blocks is None:
            return _read_each(network, prompts, prefix, pad, room)
        reading = _read_each(network, prompts, prefix, pad, (len(prompts), 0))
        return _branch(blocks, reading, list(range(len(prompts))))
    heads = [prompts[host][:-1] for host in whole]
    rows = [whole.index(host) for host in hosts]
    dropped = [len(prompts[host]) - len(own) for host, own in zip(hosts, prompts, strict=True)]
    last = [prompt[-1] for prompt in prompts]
    if blocks is not None:
        branches = _branch(blocks, _read_each(network, heads, prefix, pad, (len(heads), 0)), rows)
        _see_beginnings(branches, dropped)
        branches.go_on(range(len(prompts)), last)
        return branches
    reading = _read_each(network, heads, prefix, pad, (room[0], room[1] + 1))
    _take_beginnings(reading, rows, dropped, prefix.get_seq_length() if prefix else 0)
    reading.go_on(range(len(prompts)), last)
    return reading


def _branch(blocks: Blocks, reading: Reading, rows: list[int]) -> Branches:
    """Rows that go on from the prompts that were read; row r from prompt `rows[r]`."""
    return Branches(
        blocks,
        [(layer.keys, layer.values) for layer in reading.cache.layers],
        rows,
        reading.seen_BK[rows],
        reading.position_B[rows],
        reading.logits_BV,
    )


def _see_beginnings(branches: Branches, dropped: Sequence[int]) -> None:
    """Row r no longer sees the last `dropped[r]` tokens of its prompt; it has no logits yet."""
    seen = branches.seen_RW
    fewer = torch.tensor(dropped, device=seen.device)
    column = torch.arange(seen.shape[1], device=seen.device)
    branches.seen_RW = seen & (column < seen.shape[1] - fewer[:, None])
    branches.position_R = branches.position_R - fewer


def tokens_read(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens of these prompts `read` computes."""
    whole = set(nesting(prompts))
    # Of a prompt inside another one, the last token is computed again.
    return sum(len(prompts[host]) for host in whole) + len(prompts) - len(whole)


def _take_beginnings(
    reading: Reading, rows: Sequence[int], dropped: Sequence[int], before: int
) -> None:
    """Row r becomes row `rows[r]` without its last `dropped[r]` tokens; it has no logits yet.

    Args:
        before: how many columns all rows share.
    """
    for layer in reading.cache.layers:
        layer.take_beginnings(rows, dropped, before)
    reading.position_B = reading.position_B[rows] - torch.tensor(
        dropped, device=reading.position_B.device
    )
    columns = reading.seen_BK.shape[1]
    column = torch.arange(columns, device=reading.position_B.device)
    begin = columns - (reading.position_B[:, None] + 1 - before)
    reading.seen_BK = (column < before) | (column >= begin)


def _read_each(
    network: Any,
    prompts: Sequence[Sequence[int]],
    prefix: Cache | None,
    pad: int,
    room: tuple[int, int],
) -> Reading:
    """As `read`, every prompt by itself."""
    before = prefix.get_seq_length() if prefix else 0
    width = max(len(prompt) for prompt in prompts)
    parts = [
        (run, *_read_padded(network, prompts[run], prefix, pad))
        for run in runs(list(map(len, prompts)))
    ]
    cache = reserve(len(parts[0][1].layers), before + width + room[1], rows=room[0])
    for index, layer in enumerate(cache.layers):
        layer.gather([(run, own.layers[index]) for run, own, *_ in parts], before, width)
    padded = torch.tensor([width - len(prompt) for prompt in prompts], device=network.device)
    column = torch.arange(before + width, device=network.device)
    seen = (column < before) | (column >= before + padded[:, None])
    logits = torch.cat([logits for *_, logits in parts])
    return Reading(network, cache, seen, before + width - 1 - padded, logits)


def runs(lengths: Sequence[int]) -> list[slice]:
    """Neighbours among ascending lengths that are padded to the longest of them at little cost."""
    cuts = [0]
    for index, length in enumerate(lengths):
        if length > PADDED_AT_MOST * lengths[cuts[-1]]:
            cuts.append(index)
    return [slice(start, end) for start, end in zip(cuts, [*cuts[1:], len(lengths)], strict=True)]


def _reserve(network: Any, capacity: int) -> Cache:
    return reserve(network.config.get_text_config().num_hidden_layers, capacity)


def _read_padded(
    network: Any, prompts: Sequence[Sequence[int]], prefix: Cache | None, pad: int
) -> tuple[Cache, torch.Tensor]:
    """The cache of prompts padded on the left to the longest, and the logits after each."""
    width = max(len(prompt) for prompt in prompts)
    before = prefix.get_seq_length() if prefix else 0
    device = network.device
    ids = torch.full((len(prompts), width), pad)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(list(prompt))
    padded = torch.tensor([width - len(prompt) for prompt in prompts], device=device)
    cache = repeated(prefix, len(prompts), before + width) if prefix else _reserve(network, width)
    column = torch.arange(before + width, device=device)
    seen = (column < before) | (column >= before + padded[:, None])  # (P, K): not padding
    causal = column[None, :] <= column[before:, None]
    # A padding position must see something, or its row of scores is all minus infinity.
    mask = (seen[:, None] & causal) | (column[None, :] == column[before:, None])
    position = (before + torch.arange(width, device=device) - padded[:, None]).clamp(min=0)
    logits = network(
        input_ids=ids.to(device),
        attention_mask=mask[:, None],
        position_ids=position,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    return cache, logits
