"""Lanes of a network whose cache is not a plain one: every row has the one that is its own.

Recurrent states, windows, positions that are not given from outside: transformers' caches know them
all. Rows go through the network one after the other, so that nobody depends on anybody; a row takes
over what a lane holds only where all of it is the row's beginning, as what was read once cannot be
taken back from every cache.
"""

from collections.abc import Sequence
from typing import Any

import torch

from srlr.models.lanes import Feed, common
from srlr.models.local import LocalModel


class LanesApart:
    """Lanes of any causal network that transformers has."""

    def __init__(self, model: LocalModel, count: int) -> None:
        self.model, self.count = model, count
        self.held: list[list[int]] = [[] for _ in range(count)]
        self.caches: list[Any] = [None] * count

    def free(self, taken: Sequence[int], prompt: Sequence[int]) -> int:
        left = [lane for lane in range(self.count) if lane not in taken]
        return max(left, key=lambda lane: (self._useful(lane, prompt), -len(self.held[lane])))

    def begin(self, lane: int, prompt: Sequence[int]) -> int:
        kept = self._useful(lane, prompt)
        if not kept:
            self.held[lane], self.caches[lane] = [], None
        return kept

    def _useful(self, lane: int, prompt: Sequence[int]) -> int:
        held = self.held[lane]
        whole = len(held) < len(prompt) and common(held, prompt) == len(held)
        return len(held) if whole else 0

    @torch.inference_mode()
    def go_on(self, feeds: Sequence[Feed]) -> torch.Tensor:
        return torch.cat([self._read(feed) for feed in feeds])

    def _read(self, feed: Feed) -> torch.Tensor:
        made = self.model.model(
            input_ids=torch.tensor([list(feed.tokens)], device=self.model.device),
            past_key_values=self.caches[feed.lane],
            use_cache=True,
        )
        self.caches[feed.lane] = made.past_key_values
        self.held[feed.lane] += feed.tokens
        self.model.tally.forward += len(feed.tokens)
        logits: torch.Tensor = made.logits[:, -1]
        return logits
