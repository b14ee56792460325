"""The workers of every role, and the routing that they stand behind.

    fleet = Fleet(Ledger(store_dir), start, audit, settings.health)
    await fleet.restore()                       routing as it was, workers started again
    await fleet.bring("sentiment", "v3", Wanted(spec))
    fleet.change("sentiment", slots.add, "v3", by="…", why="…")

Each change is in the ledger before it holds. What requests do to workers is in relay.py, what
watches over them in tending.py.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from srlr.core.audit import Audit
from srlr.core.errors import ResourceError, SrlrError
from srlr.core.swapping import Health
from srlr.serving import breaker
from srlr.serving import slots as moves
from srlr.serving.asked import Ask
from srlr.serving.ledger import Ledger, Wanted
from srlr.serving.members import ROOM, Flight, Member, Worker, best, tongue
from srlr.serving.outcomes import Outcome, Outcomes
from srlr.serving.slots import Slots
from srlr.serving.strategies import carries

log = logging.getLogger(__name__)

Start = Callable[[Mapping[str, Any]], Awaitable[Worker]]
"""Starts a worker from a spec; it has made a real generation when this returns."""
RATE_S = 30.0
"""The time over which requests a second are counted."""
STOP_S = 5.0


class Fleet:
    """Roles, their versions' shares, and workers. One event loop uses it."""

    def __init__(
        self,
        ledger: Ledger,
        start: Start,
        audit: Audit,
        health: Health,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = ledger
        self.audit = audit
        self.health = health
        self.clock = clock
        self.roles: dict[str, Slots] = ledger.slots()
        self.wanted: dict[tuple[str, str], Wanted] = ledger.wanted()
        self.outcomes: dict[str, Outcomes] = {}
        self.members: dict[tuple[str, str], list[Member]] = {}
        self._start = start

    # -- what is -----------------------------------------------------------------------------------

    def slots(self, role: str) -> Slots:
        return self.roles.get(role) or Slots(role)

    def of(self, role: str, version: str) -> list[Member]:
        """The version's workers."""
        return self.members.get((role, version), [])

    def everyone(self) -> Iterator[Member]:
        for members in self.members.values():
            yield from members

    def alive(self, role: str, version: str) -> int:
        return sum(member.worker.alive for member in self.of(role, version))

    def told(self, role: str) -> Outcomes:
        return self.outcomes.setdefault(role, Outcomes())

    def backup(self, role: str) -> str | None:
        """A version that is verified and has a live worker, and no traffic."""
        ready = self.slots(role).among("verified")
        return next((version for version in ready if self.alive(role, version)), None)

    def carried(self, role: str, version: str) -> int:
        """The share of the role's traffic that the version's workers can carry, in percent."""
        now = self.clock()
        recent = list(self.told(role).since(now - RATE_S))
        own = [one.seconds for one in recent if one.version == version and one.ok]
        seconds = own or [one.seconds for one in recent if one.ok]
        room = sum(member.room for member in self.of(role, version) if member.worker.alive)
        if not room or not seconds:
            return 100 if room else 0
        span_s = max(1.0, now - min(one.at for one in recent))
        return carries(room, len(recent) / span_s, sum(seconds) / len(seconds))

    # -- what changes ------------------------------------------------------------------------------

    def change(self, role: str, move: Callable[..., Slots], *args: Any, by: str, why: str) -> Slots:
        """The role's slots after a transition, which is saved and on the record.

        Raises:
            Forbidden: the transition is not allowed.
        """
        before = self.slots(role)
        after = move(before, *args)
        self.ledger.save(after)
        self.roles[role] = after
        self.audit.append(
            f"slots.{move.__name__}",
            by,
            why,
            {"role": role, "change": list(args), "shares": after.shares},
        )
        return after

    async def bring(
        self, role: str, version: str, wanted: Wanted, *, timeout_s: float, by: str, why: str
    ) -> None:
        """The version is loaded and warm: all its workers have made a real generation.

        Raises:
            ResourceError: a worker did not start; the version has failed, and the others serve on.
        """
        self.change(role, moves.load, version, by=by, why=why)
        self.ledger.want(role, version, wanted)
        self.wanted[role, version] = wanted
        self.told(role).forget(version)
        try:
            async with asyncio.timeout(timeout_s):
                await self.staff(role, version)
        except (SrlrError, OSError, TimeoutError) as error:
            said = str(error) or f"it was not ready within {timeout_s:g} s"
            await self.give_up(role, version, said, by=by)
            raise ResourceError(
                f"{role}@{version} does not start: {said}",
                "the version that served before serves on; see the worker's log",
            ) from error
        self.change(role, moves.warm, version, by=by, why="every worker made a real generation")

    def missing(self, role: str, version: str) -> int:
        """How many workers fewer than wanted are alive."""
        wanted = self.wanted.get((role, version))
        return max(0, wanted.workers - self.alive(role, version)) if wanted else 0

    async def staff(self, role: str, version: str) -> None:
        """As many workers as are wanted, started at the same time."""
        wanted = self.wanted.get((role, version))
        if wanted is None:
            raise ResourceError(
                f"nothing says from what {role}@{version} is started", "deploy it again"
            )
        starts = (
            self._hire(role, version, wanted.spec) for _ in range(self.missing(role, version))
        )
        for result in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _hire(self, role: str, version: str, spec: Mapping[str, Any]) -> Member:
        worker = await self._start(spec)
        slot = self.slots(role).get(version)
        if slot is None or slot.state not in moves.ACTIVE:
            await worker.stop(0.0)
            raise ResourceError(f"{role}@{version} is no longer wanted", "load it again")
        room = int(spec.get("max_running") or ROOM)
        member = Member(role, version, worker, room, await asyncio.to_thread(tongue, spec))
        self.members.setdefault((role, version), []).append(member)
        return member

    async def give_up(self, role: str, version: str, why: str, *, by: str) -> None:
        """The version has failed: its share goes to the others and its workers end."""
        self.change(role, moves.fail, version, why, by=by, why=why)
        await self.dismiss(role, version)

    async def dismiss(self, role: str, version: str, grace_s: float = STOP_S) -> None:
        """The version's workers end; what still runs there goes on elsewhere, if it can."""
        members = self.members.pop((role, version), [])
        for member in members:
            for flight in list(member.flights):
                if flight.continuable:
                    flight.move()
        await asyncio.gather(*(member.worker.stop(grace_s) for member in members))

    async def smoke(self, role: str, version: str, asks: Sequence[Ask]) -> None:
        """Every worker of the version answers every request.

        Raises:
            ResourceError: one does not, or says nothing.
        """
        for member in self.of(role, version):
            for ask in asks:
                await checked(member, ask, self.health.check_timeout_s)

    # -- routing -----------------------------------------------------------------------------------

    def pick(self, flight: Flight) -> Member | None:
        """Who answers: a worker of the flight's version; else of another that serves, the largest
        share first; else of a warm backup; else one whose breaker is open. None: nobody can now.
        """
        now, slots = self.clock(), self.slots(flight.ask.role)
        order = self._order(slots, flight)
        for open_too in (False, True):
            for version in order:
                members = self.of(slots.role, version)
                found = best(members, flight, now, self.health, open_too=open_too)
                if found is not None:
                    found.breaker = breaker.asked(found.breaker)
                    return found
        return None

    def _order(self, slots: Slots, flight: Flight) -> list[str]:
        if flight.pinned and flight.version is not None:
            return [flight.version]
        key = flight.ask.conversation or flight.ask.id
        first = flight.version or moves.chosen(slots, key)
        by_share = sorted(slots.shares, key=lambda version: -slots.shares[version])
        rest = [*by_share, *slots.among("serving", "verified")]
        return list(dict.fromkeys(([first] if first else []) + rest))

    def ended(self, flight: Flight, began: float, *, ok: bool, number: int = 0) -> None:
        """A worker has answered, or failed to: its breaker and its version's outcomes know."""
        member = flight.member
        if member is None:
            return
        now = self.clock()
        member.breaker = breaker.after(member.breaker, ok, now, self.health)
        name = f"{flight.ask.id}#{number}" if number else flight.ask.id
        outcome = Outcome(name, member.version, now, now - began, ok, len(flight.delivered))
        self.told(member.role).add(outcome)

    def judge(
        self,
        role: str,
        id: str,
        *,
        violation: bool | None = None,
        valid: bool | None = None,
        quality: float | None = None,
    ) -> bool:
        """What is learnt of an answer after it was given; False where it is too long ago."""
        outcome = self.told(role).get(id)
        if outcome is None:
            return False
        if violation and not outcome.violation:
            self.told(role).history.violated(outcome.at)
        outcome.violation = outcome.violation if violation is None else violation
        outcome.valid = outcome.valid if valid is None else valid
        outcome.quality = outcome.quality if quality is None else quality
        return True

    def move(self, role: str, version: str) -> int:
        """What is under way at the version, and others can take over, goes on there; how many."""
        others = [one for one in self.slots(role).among("serving", "verified") if one != version]
        there = [member for one in others for member in self.of(role, one) if member.worker.alive]
        moved = 0
        for member in self.of(role, version):
            for flight in list(member.flights):
                can = flight.continuable and not flight.pinned
                if can and any(map(flight.fits, there)):
                    flight.version = None
                    flight.move()
                    moved += 1
        return moved

    def under_way(self, role: str, version: str) -> int:
        """Requests at the version's workers."""
        return sum(len(member.flights) for member in self.of(role, version))

    async def close(self, grace_s: float = STOP_S) -> None:
        """All workers end, after what they have begun; the routing stays as it is."""
        await asyncio.gather(*(member.worker.stop(grace_s) for member in self.everyone()))
        self.members.clear()
        self.ledger.close()


async def checked(member: Member, ask: Ask, timeout_s: float) -> str:
    """What the worker says to a request: a real generation.

    Raises:
        ResourceError: nothing, an error, or nothing within the time.
    """
    name = f"{member.role}@{member.version}"
    said, finish = "", None
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in member.worker.answer(ask):
                said, finish = said + piece.text, piece.finish
    except (SrlrError, OSError, TimeoutError) as error:
        why = str(error) or f"nothing came within {timeout_s:g} s"
        raise ResourceError(f"{name} does not answer: {why}", "see the worker's log") from error
    if finish is None or not said:
        raise ResourceError(
            f"{name} has ended its answer {said!r} without a reason"
            if finish is None
            else f"{name} says nothing",
            "see the worker's log",
        )
    return said
