"""Keys and values of rows being answered, reserved in full before the first step."""

from collections.abc import Sequence

import torch
from transformers.cache_utils import Cache, DynamicLayer


class ReservedLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer in a buffer of its final size, filled from the left."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        B, H, _, D = key_states.shape
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys = key_states.new_empty(B, H, self.capacity, D)
        self.values = value_states.new_empty(B, H, self.capacity, value_states.shape[-1])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[2]
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.length

    def gather(
        self, parts: Sequence[tuple[slice, "ReservedLayer"]], before: int, width: int
    ) -> None:
        """Fills this layer with parts of its rows: `before` shared columns, then the part's own
        columns moved to the right end of `width`, with zeros to their left.
        """
        rows, some = parts[-1][0].stop, parts[0][1].keys
        self.keys = some.new_zeros(rows, some.shape[1], before + width, some.shape[3])
        self.values = torch.zeros_like(self.keys)
        self.dtype, self.device, self.is_initialized = some.dtype, some.device, True
        for run, part in parts:
            own = part.length - before
            for mine, theirs in ((self.keys, part.keys), (self.values, part.values)):
                mine[run, :, :before] = theirs[:, :, :before]
                mine[run, :, before + width - own :] = theirs[:, :, before : part.length]
        self.length = before + width

    def select(self, rows: torch.Tensor, capacity: int) -> "ReservedLayer":
        """The same cache for `rows` (repeated or left out), with room for `capacity` positions."""
        layer = ReservedLayer(capacity)
        layer.lazy_initialization(self.keys[rows[:1]], self.values[rows[:1]])
        shape = (len(rows), self.keys.shape[1], capacity, self.keys.shape[3])
        layer.keys = self.keys.new_empty(shape)
        layer.values = self.values.new_empty((*shape[:3], self.values.shape[3]))
        layer.keys[:, :, : self.length] = self.keys[rows, :, : self.length]
        layer.values[:, :, : self.length] = self.values[rows, :, : self.length]
        layer.length = self.length
        return layer


def reserve(layers: int, capacity: int) -> Cache:
    return Cache(layers=[ReservedLayer(capacity) for _ in range(layers)])


def select(cache: Cache, rows: torch.Tensor, capacity: int) -> Cache:
    return Cache(layers=[layer.select(rows, capacity) for layer in cache.layers])
