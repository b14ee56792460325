"""Rows that go on from prompts which they share, token by token.

A prompt's keys and values are kept once, whoever goes on from it: the samples of a group, and the
prompts that it begins with. A row has only what it said itself. Attention reads a prompt once a
step, with the queries of all its rows in one product, and adds what the rows' own tokens say, under
one softmax. Prompts are most of what a step has to read of the memory.

Source: bifurcated attention, arXiv 2403.08845.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from srlr.models.blocks import Blocks

GROWS_BY = 32
"""Columns by which the room for what rows say grows."""


class Own:
    """What rows said themselves, in one layer: keys and values (rows, kv_heads, columns, D), zeros
    where nothing is yet.
    """

    def __init__(self) -> None:
        self.keys = self.values = torch.empty(0, 0, 0, 0)

    def reserve(self, rows: int, columns: int, like: torch.Tensor) -> None:
        """Room for at least so many; `like` is (R, kv_heads, D)."""
        have = self.keys.shape
        if rows <= have[0] and columns <= have[2]:
            return
        columns = have[2] if columns <= have[2] else -(-columns // GROWS_BY) * GROWS_BY
        shape = (max(rows, have[0]), like.shape[1], columns, like.shape[2])
        old, both = (self.keys, self.values), (like.new_zeros(shape), like.new_zeros(shape))
        for was, now in zip(old, both, strict=True):
            if have[0]:
                now[: have[0], :, : have[2]] = was
        self.keys, self.values = both

    def copy(self, sources: torch.Tensor, to: torch.Tensor, columns: int) -> None:
        """Writes the first `columns` of the rows `sources` over the rows `to`."""
        for buffer in (self.keys, self.values):
            buffer[to, :, :columns] = buffer[sources, :, :columns]


@dataclass(slots=True)
class Places:
    """Where the queries of R rows stand when those of a prompt are put together: (H, S), padded."""

    row_HS: torch.Tensor
    slot_R: tuple[torch.Tensor, torch.Tensor]

    @classmethod
    def of(cls, host_R: Sequence[int], hosts: int, device: torch.device) -> "Places | None":
        """None where row r is the only one of prompt r."""
        if list(host_R) == list(range(hosts)):
            return None
        rows = defaultdict[int, list[int]](list)
        slots = []
        for row, host in enumerate(host_R):
            slots.append(len(rows[host]))
            rows[host].append(row)
        most = max(map(len, rows.values()))
        padded = [rows[host] + [0] * (most - len(rows[host])) for host in range(hosts)]
        both = torch.tensor(list(host_R), device=device), torch.tensor(slots, device=device)
        return cls(torch.tensor(padded, device=device), both)

    def gather(self, states: torch.Tensor) -> torch.Tensor:
        """(R, kv_heads, group, D) as (H, kv_heads, S·group, D)."""
        H, S = self.row_HS.shape
        _, heads, group, D = states.shape
        own = states[self.row_HS.view(-1)].view(H, S, heads, group, D).transpose(1, 2)
        return own.reshape(H, heads, S * group, D)

    def scatter(self, states: torch.Tensor, group: int) -> torch.Tensor:
        """(H, kv_heads, S·group, D) as (R, kv_heads, group, D)."""
        H, heads, _, D = states.shape
        return states.view(H, heads, -1, group, D).transpose(1, 2)[self.slot_R]


@dataclass(slots=True)
class Branches:
    """R rows that go on from H prompts; all that a row says begins in the same column."""

    blocks: Blocks
    prompts: list[tuple[torch.Tensor, torch.Tensor]]
    """Keys and values of each layer, (H, kv_heads, W, D)."""
    host_R: list[int]
    """The prompt that a row goes on from."""
    seen_RW: torch.Tensor
    """Which of its columns a row sees."""
    position_R: torch.Tensor
    """Of the last token."""
    logits_BV: torch.Tensor
    """Of the token that comes next, for each row."""
    columns: int = 0
    """How many tokens each row has said."""
    own: list[Own] = field(default_factory=list)
    places: Places | None = None
    hidden: torch.Tensor | None = None
    """(R, 1, 1, W + C): columns of the prompt and of what was said that a row does not see."""

    def go_on(self, sources: Sequence[int], tokens: Sequence[int]) -> None:
        """Row r becomes row `sources[r]` followed by `tokens[r]`; the order is that of
        `reading.part`.
        """
        device = self.position_R.device
        self._move(sources)
        self.host_R = [self.host_R[source] for source in sources]
        self.seen_RW = self.seen_RW[list(sources)]
        self.position_R = self.position_R[list(sources)] + 1
        self._leave_prompts()
        self.places = Places.of(self.host_R, len(self.prompts[0][0]), device)
        self.columns += 1
        self.hidden = None
        self.logits_BV = self.blocks.logits(
            torch.tensor(tokens, device=device), self.position_R, self._attend
        )

    def _move(self, sources: Sequence[int]) -> None:
        """Rows that part take along what was said so far."""
        moved = [row for row, source in enumerate(sources) if row != source]
        if not moved or not self.columns:
            return
        device = self.position_R.device
        origin = torch.tensor([sources[row] for row in moved], device=device)
        to = torch.tensor(moved, device=device)
        for own in self.own:
            own.reserve(len(sources), self.columns, own.keys[:, :, 0])
            own.copy(origin, to, self.columns)

    def _leave_prompts(self) -> None:
        """Forgets prompts that no row goes on from, where they are at least half."""
        left = sorted(set(self.host_R))
        if 2 * len(left) > len(self.prompts[0][0]):
            return
        self.prompts = [(keys[left], values[left]) for keys, values in self.prompts]
        place = {host: number for number, host in enumerate(left)}
        self.host_R = [place[host] for host in self.host_R]

    def _attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """Attention of one token a row; see blocks.Attend."""
        R, _, group, _ = query.shape
        if layer == len(self.own):
            self.own.append(Own())
        own, (prompt_keys, prompt_values) = self.own[layer], self.prompts[layer]
        own.reserve(R, self.columns, key)
        own.keys[:R, :, self.columns - 1], own.values[:R, :, self.columns - 1] = key, value
        C, W = own.keys.shape[2], prompt_keys.shape[2]
        if self.hidden is None:
            said_C = torch.arange(C, device=key.device) < self.columns
            seen = torch.cat([self.seen_RW, said_C.expand(R, C)], dim=1)
            self.hidden = ~seen[:, None, None]
        asked = query if self.places is None else self.places.gather(query)
        scores = _products(asked, prompt_keys.transpose(-1, -2))
        if self.places is not None:
            scores = self.places.scatter(scores, group)
        said = _products(query, own.keys[:R].transpose(-1, -2))
        scores = torch.cat([scores, said], dim=-1)
        scores.masked_fill_(self.hidden, torch.finfo(scores.dtype).min)
        mass = torch.softmax(scores, dim=-1)
        there, here = mass[..., :W], mass[..., W:]
        if self.places is not None:
            there = self.places.gather(there)
        found = _products(there, prompt_values)
        if self.places is not None:
            found = self.places.scatter(found, group)
        return found + _products(here, own.values[:R])


def _products(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """A matrix product for each row and head: (B, heads, n, k) and (B, heads, k, m)."""
    out = torch.bmm(one.flatten(0, 1), other.flatten(0, 1))
    return out.view(*one.shape[:2], *out.shape[1:])
