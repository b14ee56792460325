"""The micro-batches of each process, of rows that all of them know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from srlr.models.local import LocalModel
from srlr.training.forward import Row, micro_batches
from srlr.training.parallel import World, shares


@dataclass(frozen=True, slots=True)
class Turn:
    """The places of rows that are read together.

    `idle`: others read theirs at the same time, and need this process to put weights together;
    what is read meanwhile teaches nothing.
    """

    places: list[int]
    idle: bool = False


def turns(rows: Sequence[Row], max_tokens: int, model: LocalModel, world: World) -> Iterator[Turn]:
    """This process's share of the rows in micro-batches.

    Where processes keep parts of the weights, all of them take as many turns.
    """
    parts = shares([row.length for row in rows], world.size)
    own = parts[world.rank]
    for batch in micro_batches([rows[place] for place in own], max_tokens, model):
        yield Turn([own[index] for index in batch])
    if world.sharded:
        counts = [_count([rows[place] for place in part], max_tokens, model) for part in parts]
        shortest = min(range(len(rows)), key=lambda place: rows[place].length)
        for _ in range(counts[world.rank], max(counts)):
            yield Turn([shortest], idle=True)


def _count(rows: Sequence[Row], max_tokens: int, model: LocalModel) -> int:
    return sum(1 for _ in micro_batches(rows, max_tokens, model))
