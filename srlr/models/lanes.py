"""Rows of a cache that come and go while others go on, each as long as it is.

A lane holds the tokens of one row, and keeps them when its row has gone: the next row that begins
with the same, as all chats of a role do with its system message, takes them over and reads only the
rest. Tokens that are read and tokens that were said go through the network together, one product
for all of them.

On a CPU a token's logits are the same bit for bit whoever shares the step, and whether the tokens
before it were read at once or said one by one: products of very few rows, which other kernels would
take, are given some more (TWO, ROWS, FEWEST). `exact` measures that for a network as it is. An
answer that goes on in another process is then the one that this process would have given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn import functional

from srlr.models import blocks
from srlr.models.abilities import Abilities
from srlr.models.blocks import Blocks
from srlr.models.local import LocalModel

GROWS_BY = 128
"""Columns by which the room for a lane's tokens grows."""
TRIED = 40
"""Tokens of a row after which a difference between saying and reading has shown itself."""
ROWS, FEWEST = 16, 4
"""In float32, other kernels take few rows and those that are left over of a multiple."""
TWO = 2
"""In bfloat16, a row by itself is added up otherwise."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Tokens that come next in a lane."""

    lane: int
    tokens: Sequence[int]


class Lanes(Protocol):
    """Room for `count` rows."""

    count: int

    def begin(self, lane: int, prompt: Sequence[int]) -> int:
        """The lane is a new row's; how many of the prompt's tokens it has already, not all."""

    def free(self, taken: Sequence[int], prompt: Sequence[int]) -> int:
        """The lane, of those not taken, that a new row had best begin in."""

    def go_on(self, feeds: Sequence[Feed]) -> torch.Tensor:
        """(F, V) logits after the last token of each feed; no two feeds are of the same lane."""


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens are the same."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))


def of(model: LocalModel, count: int) -> Lanes:
    """Lanes for the model: together where it is built so, else each by itself."""
    from srlr.models.lanes_apart import LanesApart

    taken = blocks.of(model.model, pack=model.abilities.packs) if fits(model) else None
    return LanesApart(model, count) if taken is None else LanesTogether(model, taken, count)


def fits(model: LocalModel) -> bool:
    """Whether blocks give this model's logits at every length."""
    can: Abilities = model.abilities
    config = model.model.config.get_text_config()
    turning = getattr(config, "rope_parameters", None) or {}
    # These turn all rows of a step by the longest of them.
    varies = turning.get("rope_type") in ("dynamic", "longrope")
    return can.blocks and can.reach is None and not varies


class LanesTogether:
    """Lanes of a network that is taken apart in blocks."""

    def __init__(self, model: LocalModel, taken: Blocks, count: int) -> None:
        config = model.model.config.get_text_config()
        self.model, self.blocks, self.count = model, taken, count
        self.held: list[list[int]] = [[] for _ in range(count)]
        """The tokens of which a lane has keys and values."""
        self.used = [0] * count
        """When the lane was last begun, counted in beginnings."""
        self.begun = 0
        self.picky = model.device.type == "cpu"
        """Whether the kernels of a few rows are others than those of many."""
        self.store: list[tuple[torch.Tensor, torch.Tensor]] = []
        """Keys and values of each layer, (count, kv_heads, columns, D)."""
        self.layers = config.num_hidden_layers
        self.columns = 0

    def free(self, taken: Sequence[int], prompt: Sequence[int]) -> int:
        left = [lane for lane in range(self.count) if lane not in taken]
        # Of several that hold nothing of use, the one that has been idle longest.
        return min(left, key=lambda lane: (-common(self.held[lane], prompt), self.used[lane]))

    @torch.inference_mode()
    def begin(self, lane: int, prompt: Sequence[int]) -> int:
        shared = [common(held, prompt) for held in self.held]
        best = max(range(self.count), key=lambda other: (shared[other], other == lane))
        # The last token is read in any case: what comes after it is wanted.
        kept = min(shared[best], len(prompt) - 1)
        if best != lane and kept:
            for keys, values in self.store:
                for one in (keys, values):
                    one[lane, :, :kept] = one[best, :, :kept]
        self.held[lane] = list(prompt[:kept])
        self.begun += 1
        self.used[lane] = self.begun
        return kept

    @torch.inference_mode()
    def go_on(self, feeds: Sequence[Feed]) -> torch.Tensor:
        device = self.model.device
        one_by_one = [feed for feed in feeds if len(feed.tokens) == 1]
        at_once = [feed for feed in feeds if len(feed.tokens) > 1]
        ordered = [*one_by_one, *at_once]
        starts = [len(self.held[feed.lane]) for feed in ordered]
        tokens = [token for feed in ordered for token in feed.tokens]
        position = [
            start + step
            for start, feed in zip(starts, ordered, strict=True)
            for step in range(len(feed.tokens))
        ]
        self._reserve(max(position) + 1)
        step = _Step(
            self,
            torch.tensor([feed.lane for feed in ordered for _ in feed.tokens], device=device),
            torch.tensor(position, device=device),
            [feed.lane for feed in one_by_one],
            [
                (feed.lane, start, len(feed.tokens))
                for start, feed in zip(starts[len(one_by_one) :], at_once, strict=True)
            ],
        )
        spare = self._spare(len(tokens))
        states = self.blocks.states(
            torch.tensor(tokens + [0] * spare, device=device),
            functional.pad(step.position_R, (0, spare)),
            step.attend,
        )
        ends, end = {}, 0
        for feed in ordered:
            end += len(feed.tokens)
            ends[feed.lane] = end - 1
            self.held[feed.lane] += feed.tokens
        self.model.tally.forward += len(tokens)
        last = states[[ends[feed.lane] for feed in feeds]]
        spare = self._spare(len(feeds))
        return self.blocks.head(functional.pad(last, (0, 0, 0, spare)))[: len(feeds)]

    def _spare(self, rows: int) -> int:
        """How many more rows a product is given."""
        if not self.picky:
            return 0
        return -rows % ROWS if self.model.dtype == torch.float32 else max(0, TWO - rows)

    def _reserve(self, columns: int) -> None:
        """Room for at least so many tokens in every lane."""
        if columns <= self.columns:
            return
        self.columns = -(-columns // GROWS_BY) * GROWS_BY
        heads, size = self._heads()
        shape = (self.count, heads, self.columns, size)
        old, self.store = self.store, []
        for layer in range(self.layers):
            both = tuple(
                torch.zeros(shape, dtype=self.model.dtype, device=self.model.device)
                for _ in range(2)
            )
            for was, now in zip(old[layer] if old else (), both, strict=False):
                now[:, :, : was.shape[2]] = was
            self.store.append((both[0], both[1]))

    def _heads(self) -> tuple[int, int]:
        """How many heads keys and values have, and how long each is."""
        first, size = self.blocks.blocks[0], self.blocks.head_size
        both = first.qkv.weight.shape[0] - first.out.weight.shape[1]
        return both // size // 2, size


@dataclass(slots=True)
class _Step:
    """What attention needs to know of one pass of tokens through the network."""

    lanes: LanesTogether
    lane_R: torch.Tensor
    position_R: torch.Tensor
    singles: list[int]
    """The lanes of the first tokens, one of each."""
    runs: list[tuple[int, int, int]]
    """Lane, place of the first token and number of those that follow."""
    hidden: torch.Tensor | None = None

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """See blocks.Attend; rows after the last token only fill a product up."""
        R = len(self.lane_R)
        keys, values = self.lanes.store[layer]
        keys[self.lane_R, :, self.position_R] = key[:R]
        values[self.lane_R, :, self.position_R] = value[:R]
        out = torch.zeros_like(query)
        S = len(self.singles)
        if S:
            out[:S] = self._one_each(query[:S], keys, values)
        done = S
        for lane, start, count in self.runs:
            out[done : done + count] = self._several(
                query[done : done + count], keys[lane], values[lane], start
            )
            done += count
        return out

    def _one_each(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        """Attention of one token in each of some lanes; all lanes up to the last are looked at, as
        leaving some out would copy the others.
        """
        _, heads, group, D = query.shape
        L, W = max(self.singles) + 1, self._width(self.position_R[: len(self.singles)])
        if self.hidden is None:
            end_L = torch.zeros(L, dtype=torch.long, device=query.device)
            end_L[self.singles] = self.position_R[: len(self.singles)]
            self.hidden = torch.arange(W, device=query.device) > end_L[:, None, None, None]
        asked = query.new_zeros(L, heads, self._padded(group), D)
        asked[self.singles, :, :group] = query
        found = _looked(asked, keys[:L, :, :W], values[:L, :, :W], self.hidden)
        return found[self.singles, :, :group]

    def _several(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, start: int
    ) -> torch.Tensor:
        """Attention of tokens that follow each other in one lane."""
        T, heads, group, D = query.shape
        position = torch.arange(start, start + T, device=query.device)
        W = self._width(position)
        hidden = torch.arange(W, device=query.device) > position[:, None]
        asked = query.permute(1, 0, 2, 3).reshape(1, heads, T * group, D)
        found = _looked(
            functional.pad(asked, (0, 0, 0, self._padded(T * group) - T * group)),
            keys[None, :, :W],
            values[None, :, :W],
            functional.pad(
                hidden.repeat_interleave(group, 0), (0, 0, 0, self._padded(T * group) - T * group)
            ),
        )
        return found[0, :, : T * group].view(heads, T, group, D).transpose(0, 1)

    def _padded(self, queries: int) -> int:
        return max(queries, FEWEST) if self.lanes.picky else queries

    def _width(self, position: torch.Tensor) -> int:
        """Columns that are looked at, in steps: no product's kernel depends on a row's length."""
        return min(-(-(int(position.max()) + 1) // ROWS) * ROWS, self.lanes.columns)


def _looked(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    """softmax(q·kᵀ)·v for each row and head: (B, heads, M, D), (B, heads, W, D) twice."""
    B, heads, M, _ = query.shape
    scores = torch.bmm(query.flatten(0, 1), keys.flatten(0, 1).transpose(-1, -2))
    scores = scores.view(B, heads, M, -1).masked_fill_(hidden, torch.finfo(scores.dtype).min)
    mass = torch.softmax(scores, dim=-1)
    return torch.bmm(mass.flatten(0, 1), values.flatten(0, 1)).view(B, heads, M, -1)


def exact(lanes: Lanes, vocabulary: int) -> bool:
    """Whether a token's logits do not depend on how the tokens before it came, nor on who else
    there is: tried on short rows, in all lanes.
    """
    rows: list[list[int]] = [
        [(7919 * (lane + 3) + 104729 * place) % vocabulary for place in range(TRIED + lane)]
        for lane in range(min(lanes.count, 3))
    ]
    alone: list[Any] = []
    for row in rows:
        lane = lanes.free((), ())
        lanes.begin(lane, (-1, *row))  # nothing begins with -1, so that all of it is read
        alone.append(lanes.go_on([Feed(lane, row)])[0])
    everyone = range(len(rows))
    for lane in everyone:
        lanes.begin(lane, (-1, *rows[lane]))
    said = lanes.go_on([Feed(lane, rows[lane][:4]) for lane in everyone])
    for step in range(4, len(rows[0])):
        said = lanes.go_on([Feed(lane, rows[lane][step : step + 1]) for lane in everyone])
    rest = [Feed(lane, rows[lane][len(rows[0]) :]) for lane in everyone if lane]
    ends = [said[0], *(lanes.go_on(rest) if rest else ())]
    return all(bool((one == other).all()) for one, other in zip(alone, ends, strict=True))
