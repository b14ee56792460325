"""A worker as the gateway holds it, and a request on its way through workers."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from srlr.core.swapping import Health
from srlr.serving import breaker
from srlr.serving.asked import Ask, Piece
from srlr.serving.breaker import Breaker

ROOM = 8
"""Answers that a worker makes at once, where its spec does not say."""


class Worker(Protocol):
    """A process with a loaded release, as the gateway talks to it."""

    @property
    def alive(self) -> bool: ...
    @property
    def pid(self) -> int | None: ...
    def answer(self, ask: Ask) -> AsyncIterator[Piece]: ...
    async def health(self) -> Mapping[str, Any]: ...
    async def stop(self, grace_s: float) -> None: ...


@dataclass(eq=False, slots=True)
class Member:
    """A worker in the fleet, with what is under way there."""

    role: str
    version: str
    worker: Worker
    room: int = ROOM
    tongue: str = ""
    """Versions of one tongue have the same tokens: what one began, another can go on with."""
    breaker: Breaker = field(default_factory=Breaker)
    flights: "set[Flight]" = field(default_factory=set)
    checks_failed: int = 0

    @property
    def load(self) -> float:
        return len(self.flights) / self.room


@dataclass(eq=False, slots=True)
class Flight:
    """A request on its way, and what of its answer has been delivered."""

    ask: Ask
    version: str | None = None
    """Where it is to be answered; None: its conversation's version."""
    pinned: bool = False
    """That version and no other."""
    member: Member | None = None
    delivered: list[int] = field(default_factory=list)
    said: bool = False
    """Whether anything of the answer is delivered."""
    untold: bool = False
    """Text came without its tokens: nobody else can go on with it."""
    tongue: str = ""
    """Whose tokens they are."""
    tried: set[Member] = field(default_factory=set)
    busy: set[Member] = field(default_factory=set)
    written: Ask | None = None
    """As the version that began the answer is asked; whoever goes on with it is asked the same."""
    moving: bool = False
    window: asyncio.Timeout | None = None

    @property
    def continuable(self) -> bool:
        """Whether another worker can go on with it, or begin it."""
        return not self.said or (not self.untold and self.ask.schema is None)

    def fits(self, member: Member) -> bool:
        """Whether this worker can go on with what is delivered."""
        return not (self.delivered and self.tongue) or member.tongue == self.tongue

    def take(self, piece: Piece) -> None:
        self.delivered.extend(piece.tokens)
        self.said = self.said or bool(piece.text or piece.tokens)
        self.untold = self.untold or (bool(piece.text) and not self.delivered)

    def move(self) -> None:
        """It goes on elsewhere, without waiting for the next piece."""
        self.moving = True
        if self.window is not None:
            with contextlib.suppress(RuntimeError):  # it is over already
                self.window.reschedule(asyncio.get_running_loop().time())


def best(
    members: Iterable[Member], flight: Flight, now: float, settings: Health, *, open_too: bool
) -> Member | None:
    """Of those that may be asked, the one with the least to do.

    Args:
        open_too: also those whose breaker is open, and that have failed this request before.
    """
    able = [
        member
        for member in members
        if member.worker.alive
        and member not in flight.busy
        and flight.fits(member)
        and (
            open_too
            or (member not in flight.tried and breaker.admits(member.breaker, now, settings))
        )
    ]
    return min(able, key=lambda member: member.load, default=None)


def tongue(spec: Mapping[str, Any]) -> str:
    """Of the tokenizer beside the weights; of one that cannot be read, its own version's."""
    file = Path(str(spec.get("folder", ""))) / "tokenizer.json"
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return f"{spec.get('role')}@{spec.get('version')}"
