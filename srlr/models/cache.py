"""Keys and values of rows being answered, reserved in full before the first step."""

from collections.abc import Sequence

import torch
from transformers.cache_utils import Cache, DynamicLayer


class ReservedLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer in a buffer of its final size, filled from the left.

    The first rows of the buffer are in use, as many as were last given to `update`.
    """

    def __init__(self, capacity: int, rows: int | None = None) -> None:
        """Room for `capacity` positions of `rows` rows, or of as many as come first."""
        super().__init__()
        self.capacity = capacity
        self.rows = rows
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (
            some.new_empty(self.rows or len(some), some.shape[1], self.capacity, some.shape[3])
            for some in (key_states, value_states)
        )
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        used, end = len(key_states), self.length + key_states.shape[2]
        self.keys[:used, :, self.length : end] = key_states
        self.values[:used, :, self.length : end] = value_states
        self.length = end
        return self.keys[:used, :, :end], self.values[:used, :, :end]

    def get_seq_length(self) -> int:
        return self.length

    def gather(
        self, parts: Sequence[tuple[slice, "ReservedLayer"]], before: int, width: int
    ) -> None:
        """Fills this layer with parts of its rows: `before` shared columns, then the part's own
        columns moved to the right end of `width`, with zeros to their left.
        """
        self.lazy_initialization(parts[0][1].keys, parts[0][1].values)
        for run, part in parts:
            start = before + width - (part.length - before)
            for mine, theirs in ((self.keys, part.keys), (self.values, part.values)):
                mine[run, :, :before] = theirs[:, :, :before]
                mine[run, :, before:start] = 0
                mine[run, :, start : before + width] = theirs[:, :, before : part.length]
        self.length = before + width

    def copy(self, sources: torch.Tensor, to: torch.Tensor) -> None:
        """Writes the rows `sources` over the rows `to`; no row is in both."""
        for buffer in (self.keys, self.values):
            buffer[to, :, : self.length] = buffer[sources, :, : self.length]

    def take_beginnings(self, rows: Sequence[int], dropped: Sequence[int], before: int) -> None:
        """Row r becomes row `rows[r]` without its last `dropped[r]` columns: `before` columns that
        all rows share, zeros, then what is left, at the right end.
        """
        for buffer in (self.keys, self.values):
            old = buffer[: max(rows) + 1, :, : self.length].clone()
            buffer[: len(rows), :, :before] = old[:1, :, :before]
            buffer[: len(rows), :, before : self.length] = 0
            for row, (source, less) in enumerate(zip(rows, dropped, strict=True)):
                kept = old[source, :, before : self.length - less]
                buffer[row, :, before + less : self.length] = kept

    def repeated(self, rows: int, capacity: int) -> "ReservedLayer":
        """This layer's only row, `rows` times, with room for `capacity` positions."""
        layer = ReservedLayer(capacity)
        both = (some[:, :, : self.length] for some in (self.keys, self.values))
        layer.update(*(some.expand(rows, -1, -1, -1) for some in both))
        return layer


def reserve(layers: int, capacity: int, rows: int | None = None) -> Cache:
    return Cache(layers=[ReservedLayer(capacity, rows) for _ in range(layers)])


def repeated(cache: Cache, rows: int, capacity: int) -> Cache:
    return Cache(layers=[layer.repeated(rows, capacity) for layer in cache.layers])
