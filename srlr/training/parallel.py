"""Several processes that take the same steps: each does its share, and all know the whole.

Every process has all the weights, unless they are cut (training.shards). Answers are drawn and
judged in shares, then gathered; what is decided from them is decided by all alike. The rows of a
batch are read in shares, each process with the whole batch's divisors, and their gradients are
added up, so that all take the step that one process alone would take, up to rounding. The first one
writes the files.

A process that is alone talks to nobody, and computes what it would without this module.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from srlr.core.errors import LostError

One = TypeVar("One")
PATIENCE = timedelta(hours=2)
"""How long one waits for others, whose rewards may be slow; one that died is noticed at once."""
BUCKET = 1 << 24
"""Numbers added up in one go: 64 MB."""


@dataclass(frozen=True, slots=True)
class World:
    """Which of how many processes this one is."""

    rank: int = 0
    size: int = 1
    sharded: bool = False
    """Whether what learns is cut into parts, one a process (training.shards)."""

    @property
    def first(self) -> bool:
        """Whether it is this one that writes."""
        return self.rank == 0

    def piece(self, length: int) -> range:
        """Its places of so many: neighbours, as many as the others have, or one more or less."""
        return range(length * self.rank // self.size, length * (self.rank + 1) // self.size)

    def share(self, costs: Sequence[float]) -> list[int]:
        """Its places of items that cost so much, in ascending order; see `shares`."""
        return shares(costs, self.size)[self.rank]

    def everyones(self, value: One) -> list[One]:
        """What each process has given, in the order of their ranks."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with _together():
            distributed.all_gather_object(found, value)
        return found

    def chained(self, own: Sequence[One]) -> list[One]:
        """The items of all, those of the first process first."""
        return [item for each in self.everyones(list(own)) for item in each]

    def total(self, own: Mapping[str, float]) -> dict[str, float]:
        """Figures added up over the processes; one that a process does not have is 0 there."""
        every = self.everyones(dict(own))
        names = dict.fromkeys(name for each in every for name in each)
        return {name: sum(each.get(name, 0.0) for each in every) for name in names}

    def wait(self) -> None:
        """Until all are here."""
        self.everyones(None)

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """The others enter the block when the first process has left it."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Adds the gradients of all processes up, in each of them.

        One that has no gradient in any process still has none.
        """
        if self.size == 1:
            return
        has = self.everyones([one.grad is not None for one in parameters])
        learnt = list(itertools.compress(parameters, map(any, zip(*has, strict=True))))
        for bucket in buckets([one.numel() for one in learnt], BUCKET):
            some = [learnt[place] for place in bucket]
            flat = torch.cat([_gradient(one).reshape(-1) for one in some])
            with _together():
                distributed.all_reduce(flat)
            for one, part in zip(
                some, torch.split(flat, [one.numel() for one in some]), strict=True
            ):
                one.grad = part.view_as(one)


ALONE = World()


def shares(costs: Sequence[float], size: int) -> list[list[int]]:
    """The places of all items in `size` parts that cost about the same, each in ascending order.

    The dearest first, each to the part that is cheapest so far: the dearest part costs at most an
    item more than the mean.
    """
    parts: list[list[int]] = [[] for _ in range(size)]
    spent = [0.0] * size
    for place in sorted(range(len(costs)), key=lambda place: (-costs[place], place)):
        least = min(range(size), key=lambda part: (spent[part], len(parts[part])))
        parts[least].append(place)
        spent[least] += costs[place]
    return [sorted(part) for part in parts]


def buckets(sizes: Sequence[int], most: int) -> Iterator[range]:
    """Neighbours whose sizes are at most `most` together; one that is larger is alone."""
    start, held = 0, 0
    for place, size in enumerate(sizes):
        if place > start and held + size > most:
            yield range(start, place)
            start, held = place, 0
        held += size
    if sizes:
        yield range(start, len(sizes))


def here() -> World:
    """The world of this process: ALONE unless it has joined others."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return World(distributed.get_rank(), distributed.get_world_size())


@contextlib.contextmanager
def joined(device: str) -> Iterator[World]:
    """Inside, this process is one of those that torchrun or accelerate have started.

    Weights on a GPU are exchanged by NCCL, everything else by gloo.

    Raises:
        LostError: another one is gone, wherever this one was waiting for it.
    """
    backend = "gloo" if device == "cpu" else f"cpu:gloo,{device}:nccl"
    with _together():
        distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield here()
    except RuntimeError as error:
        if not _is_of_another(error):
            raise
        raise _lost(error) from error
    # Not after an error: it would wait for those who have not failed.
    distributed.destroy_process_group()


def _gradient(parameter: torch.nn.Parameter) -> torch.Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


@contextlib.contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise _lost(error) from error


def _is_of_another(error: RuntimeError) -> bool:
    """Whether a forward or backward pass has ended because the weights of another process did not
    come: gloo says so in words alone.
    """
    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def _lost(error: RuntimeError) -> LostError:
    return LostError(
        f"another process of this stage is gone: {str(error).splitlines()[0]}",
        "the same command goes on from the last checkpoint",
    )
