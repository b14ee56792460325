"""A request to its worker, and to another one when that is gone: no answer ends without its end.

What a worker leaves unfinished is asked of another with the tokens that were delivered, and goes on
in mid-sentence: at the same version if it has another worker, else at one that has the same tokens.
Where a schema bounds the answer, or its tokens are not known, what was delivered cannot move: then
the answer ends in a `Cut`, never silently.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

from srlr.serving import breaker
from srlr.serving.asked import Ask, Busy, Gone, Late, Piece
from srlr.serving.fleet import Fleet
from srlr.serving.members import Flight, Member

ATTEMPTS = 8
"""Workers that may be lost to one request."""
POLL_S = 0.02
Write = Callable[[Ask, str], Ask]
"""write(ask, version): the ask as that version is spoken to."""


class Cut(Gone):
    """The worker is gone, and nobody can go on with what it has begun."""


class _Moved(Exception):
    """The flight is to go on elsewhere, as whoever swaps has said."""


@dataclass(slots=True)
class Answered:
    """Where an answer came from, complete once it has ended."""

    versions: list[str] = field(default_factory=list)
    """One after the other; several where it was moved."""
    form: str | None = None
    """The version as which the answer is to be read: the one that began it."""
    lost: int = 0
    """Workers that were gone before they had finished it."""
    migrated: int = 0
    """Times that it went on in mid-answer elsewhere."""

    @property
    def version(self) -> str | None:
        return self.versions[-1] if self.versions else None


def answer(
    fleet: Fleet,
    ask: Ask,
    told: Answered | None = None,
    version: str | None = None,
    write: Write = lambda ask, _: ask,
) -> AsyncGenerator[Piece, None]:
    """The answer's pieces, the last of which has a `finish`.

    Args:
        told: is filled with where the answer came from.
        version: asked for by name, and no other answers then; None: the one that the shares give.
        write: called with the version that begins the answer; what it raises is raised.

    Raises:
        Refused: no worker can answer it as it is.
        Busy: there is no room, or no worker.
        Late: its deadline is over.
        Cut: its worker is gone after a part that nobody can go on with.
        Gone: one worker after the other was.
    """
    return _flown(fleet, _flight(ask, version), told if told is not None else Answered(), write)


async def _flown(
    fleet: Fleet, flight: Flight, told: Answered, write: Write
) -> AsyncGenerator[Piece, None]:
    began, full = fleet.clock(), None
    while True:
        member = await _member(fleet, flight, full)
        _board(flight, member, told)
        spoke = False
        try:
            if not flight.said:
                flight.written, told.form = write(flight.ask, member.version), member.version
            async with contextlib.aclosing(_heard(fleet, flight, member)) as pieces:
                async for piece in pieces:
                    flight.take(piece)
                    spoke = True
                    if piece.finish is not None:
                        fleet.ended(flight, began, ok=True)
                    yield piece
                    if piece.finish is not None:
                        return
        except _Moved:
            told.migrated += flight.said
        except Busy as busy:
            full = busy
            flight.busy.add(member)
        except Gone as gone:
            told.lost += 1
            fleet.ended(flight, began, ok=False, number=told.lost)
            flight.tried.add(member)
            if not flight.continuable:
                raise Cut(f"{gone.what}, after a part of the answer", _why_not(flight)) from gone
            if told.lost >= ATTEMPTS:
                raise
            told.migrated += spoke
            # One that was killed refuses connections before it is known to have ended.
            await asyncio.sleep(POLL_S * (told.lost - 1))
        finally:
            member.flights.discard(flight)
            member.breaker = breaker.left(member.breaker)


async def whole(
    fleet: Fleet,
    ask: Ask,
    told: Answered | None = None,
    version: str | None = None,
    write: Write = lambda ask, _: ask,
) -> Piece:
    """The answer in one piece; one that cannot be gone on with is begun anew.

    Raises:
        As `answer`.
    """
    told = told if told is not None else Answered()
    tried: set[Member] = set()
    while True:
        flight, pieces = _flight(ask, version, tried), list[Piece]()
        try:
            async for piece in _flown(fleet, flight, told, write):
                pieces.append(piece)
            break
        except Cut:
            if told.lost >= ATTEMPTS:
                raise
    return Piece(
        tuple(token for piece in pieces for token in piece.tokens),
        "".join(piece.text for piece in pieces),
        pieces[-1].finish,
        pieces[-1].prompt_tokens,
        pieces[-1].untold,
    )


def _flight(ask: Ask, version: str | None, tried: set[Member] | None = None) -> Flight:
    return Flight(
        ask,
        version,
        pinned=version is not None,
        delivered=list(ask.delivered),
        tried=set() if tried is None else tried,
    )


async def _member(fleet: Fleet, flight: Flight, full: Busy | None) -> Member:
    """Who is asked next. Where nobody is left it waits a while for a worker to come back."""
    role, until = flight.ask.role, fleet.clock() + fleet.health.patience_s
    while True:
        now = fleet.clock()
        if flight.ask.deadline is not None and now >= flight.ask.deadline:
            raise _late(flight)
        member = fleet.pick(flight)
        if member is not None:
            return member
        if full is not None:
            raise full
        if now >= until or not fleet.slots(role).slots:
            if flight.said:
                raise Cut(
                    f"no worker of {role!r} is left that can go on with the answer", "ask again"
                )
            name = f"{role}@{flight.version}" if flight.pinned else role
            raise Busy(f"no worker of {name!r} is alive", "try again in a while", 2.0)
        await asyncio.sleep(POLL_S)


def _board(flight: Flight, member: Member, told: Answered) -> None:
    flight.member, flight.version, flight.moving = member, member.version, False
    if not flight.delivered:
        flight.tongue = member.tongue
    member.flights.add(flight)
    if told.version != member.version:
        told.versions.append(member.version)


async def _heard(fleet: Fleet, flight: Flight, member: Member) -> AsyncGenerator[Piece, None]:
    """What the worker says from here on, unless it is gone, stalls, or the flight is moved."""
    stall_s = fleet.health.stall_s
    ask = replace(flight.written or flight.ask, delivered=tuple(flight.delivered))
    async with contextlib.aclosing(member.worker.answer(ask)) as source:  # type: ignore[type-var]
        while not flight.moving:
            limit_s = stall_s
            if ask.deadline is not None:
                limit_s = min(stall_s, max(0.0, ask.deadline - fleet.clock()))
            try:
                async with asyncio.timeout(limit_s) as flight.window:
                    piece = await anext(source)
            except StopAsyncIteration:
                raise Gone(f"{_name(member)} ended without a reason", "ask again") from None
            except TimeoutError:
                if flight.moving:
                    break
                if limit_s < stall_s:
                    raise _late(flight) from None
                raise Gone(f"{_name(member)} said nothing for {stall_s:g} s", "ask again") from None
            finally:
                flight.window = None
            yield piece
            if piece.finish is not None:
                return
    raise _Moved


def _late(flight: Flight) -> Late:
    return Late("the request's deadline is over", "a later deadline, or fewer tokens")


def _why_not(flight: Flight) -> str:
    if flight.ask.schema is not None:
        return "an answer that a schema bounds does not move to another worker: ask again"
    return "its worker does not tell which tokens it made, so no other can go on: ask again"


def _name(member: Member) -> str:
    return f"the worker of {member.role}@{member.version}"
