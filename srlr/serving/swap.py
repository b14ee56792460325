"""Moves a role's traffic to another version: load → warm → verify → add → shift → drain → unload.

Each phase is in the ledger before it begins. A killed gateway's successor goes on with it
(`resume`): it loads the new version again, and takes it back if that does not start. Whatever goes
wrong before the end, the old version serves on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from srlr.core.errors import SrlrError
from srlr.core.rundir import now
from srlr.core.swapping import Swap
from srlr.core.types import Decision
from srlr.serving import slots as moves
from srlr.serving import strategies
from srlr.serving.asked import Ask
from srlr.serving.fleet import Fleet
from srlr.serving.ledger import Record, Wanted
from srlr.serving.outcomes import Outcome
from srlr.serving.slots import Forbidden
from srlr.serving.strategies import PAIRS, Facts, Plan

log = logging.getLogger(__name__)

Find = Callable[[str, str], Awaitable[Wanted]]
"""From what a role's version is started, its files verified."""
Resolve = Callable[[str, str], str]
"""(role, version or alias): the version; raises MissingArtifact where there is none."""
Asks = Callable[[str, int], Sequence[Ask]]
"""Requests of a role's smoke set, so many."""
Point = Callable[[str, str, str, str], None]
"""(role, version, by, why): the version is the current one from now on."""
LOOK_S = 0.5
"""Between looks at a step; strategies.decide allows a look at any time."""


BEGINNING = Decision("hold", "it begins")


class _Back(Exception):
    """The new version is to be taken back."""


@dataclass(eq=False, slots=True)
class Running:
    """A swap under way."""

    record: Record
    settings: Swap
    plan: Plan
    facts: Facts | None = None
    decision: Decision = BEGINNING
    abort: str | None = None
    """Why somebody wants it taken back."""
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Swaps:
    """Swaps of a fleet's roles, one at a time for each."""

    fleet: Fleet
    resolve: Resolve
    find: Find
    asks: Asks
    point: Point
    standby: bool = False
    """What was replaced stays loaded, as a warm backup."""
    running: dict[str, Running] = field(default_factory=dict)

    def start(self, role: str, to: str, settings: Swap, *, by: str, why: str) -> Record:
        """The swap that has begun.

        Raises:
            Forbidden: another one is under way, unless this is an emergency; or `to` serves alone.
            MissingArtifact: there is no such version.
        """
        to, slots = self.resolve(role, to), self.fleet.slots(role)
        if slots.shares == {to: 100}:
            raise Forbidden(f"{role}@{to} has all the traffic already", "name another version")
        if (other := self.running.get(role)) is not None:
            if settings.strategy != "emergency":
                raise Forbidden(
                    f"a swap of {role!r} to {other.record.new} is under way",
                    "wait for its end, or `srlr swap role=… --abort`",
                )
            self._overrule(other, by)
        old = slots.main if slots.main != to else next((v for v in slots.shares if v != to), None)
        said = settings.model_dump(mode="json")
        record = self.fleet.ledger.begin(Record(0, role, old, to, by, why, said))
        self._tell("swap.started", record, by, why)
        return self._begin(record, settings)

    def resume(self) -> list[Record]:
        """Goes on with what a killed gateway had begun."""
        begun = []
        for record in self.fleet.ledger.swaps(under_way=True):
            self._tell("swap.resumed", record, "gateway", "the gateway was started again")
            begun.append(self._begin(record, Swap(**record.settings)))
        return begun

    def abort(self, role: str, *, by: str, why: str) -> Record:
        """The swap under way is taken back, within LOOK_S or after the load.

        Raises:
            Forbidden: none is, or its old version has ended already.
        """
        run = self.running.get(role)
        if run is None:
            raise Forbidden(f"no swap of {role!r} is under way", "srlr swap role=… --status")
        if run.record.state == "drain":
            raise Forbidden("all traffic has moved already", "srlr swap role=… --rollback")
        run.abort = f"{by}: {why}"
        return run.record

    def rollback(self, role: str, settings: Swap, *, by: str, why: str) -> Record:
        """A swap under way is taken back; after one that is done, another one to its old version.

        Raises:
            Forbidden: there was none.
        """
        if (run := self.running.get(role)) is not None and run.record.state != "drain":
            return self.abort(role, by=by, why=why)
        done = (one for one in self.fleet.ledger.swaps(role) if one.state == "done" and one.old)
        last = next(done, None)
        if last is None or last.old is None:
            raise Forbidden(f"no swap of {role!r} is on record", "srlr swap role=… swap.to=VERSION")
        return self.start(role, last.old, settings, by=by, why=why)

    async def close(self) -> None:
        """Leaves swaps under way where they are: `resume` goes on with them."""
        tasks = [run.task for run in self.running.values() if run.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one swap ----------------------------------------------------------------------------------

    def _begin(self, record: Record, settings: Swap) -> Record:
        run = Running(record, settings, strategies.plan(settings))
        self.running[record.role] = run
        run.task = asyncio.create_task(self._run(run))
        return record

    def _overrule(self, run: Running, by: str) -> None:
        """An emergency does not wait for another swap's end."""
        if run.task is not None:
            run.task.cancel()
        self._end(run, "failed", "an emergency came between", by)

    async def _run(self, run: Running) -> None:
        record = run.record
        try:
            await self._ready(run)
            await self._shift(run)
            await self._finish(run)
        except _Back as back:
            await self._back(run, str(back))
        except SrlrError as error:
            await self._back(run, error.what, failed=True)
        except Exception as error:  # whatever it is, the old version serves on and it is on record
            log.exception("the swap of %s to %s broke", record.role, record.new)
            await self._back(run, f"{type(error).__name__}: {error}", failed=True)

    async def _ready(self, run: Running) -> None:
        """The new version is verified and may have traffic."""
        role, new, fleet = run.record.role, run.record.new, self.fleet
        slot = fleet.slots(role).get(new)
        if slot is not None and slot.state == "serving":
            return
        by, why = run.record.by, run.record.why
        if slot is None or slot.state != "verified" or not fleet.alive(role, new):
            if slot is not None and slot.state == "verified":
                fleet.change(role, moves.unload, new, by=by, why="no worker of it is alive")
            await fleet.bring(
                role,
                new,
                await self.find(role, new),
                timeout_s=run.settings.load_timeout_s,
                by=by,
                why=why,
            )
            self._keep(run, state="verify")
            await fleet.smoke(role, new, self.asks(role, run.settings.smoke))
            fleet.change(role, moves.verify, new, by=by, why="the smoke set was answered")
        if run.abort is not None:
            raise _Back(run.abort)
        fleet.change(role, moves.add, new, by=by, why=why)

    async def _shift(self, run: Running) -> None:
        """The new version has all the traffic."""
        role, new, old, fleet = run.record.role, run.record.new, run.record.old, self.fleet
        if old is None or run.record.state == "drain":
            return
        for step in range(run.record.step, len(run.plan.steps)):
            percent = run.plan.steps[step]
            self._keep(run, state="shift", step=step)
            slot = fleet.slots(role).get(new)
            if slot is None or slot.share != percent:
                fleet.change(role, moves.shift, new, percent, by="swap", why=run.decision.why)
            if run.plan.moves_streams:
                fleet.move(role, old)
            if run.plan.judged:
                await self._judged(run, step, percent)

    async def _judged(self, run: Running, step: int, share: int) -> None:
        """Returns once the step may end; raises _Back where the new version is worse."""
        role, new, old = run.record.role, run.record.new, run.record.old or ""
        told, began = self.fleet.told(role), self.fleet.clock()
        before = told.of(old)[::-1][:PAIRS]
        pairs_old: list[Outcome] = before if share == 100 else []
        pairs_new: list[Outcome] = []
        while True:
            if run.abort is not None:
                raise _Back(run.abort)
            since = told.of(new, began)
            if len(pairs_new) < PAIRS:  # then they stay as they are: see strategies
                pairs_new = since[:PAIRS]
            if share < 100 and len(pairs_old) < PAIRS:
                pairs_old = told.of(old, began)[:PAIRS]
            carries, seconds = self.fleet.carried(role, new), self.fleet.clock() - began
            run.facts = Facts(step, share, seconds, len(since), pairs_new, pairs_old, carries)
            decision = await asyncio.to_thread(strategies.decide, run.facts, run.settings)
            changed, run.decision = decision.do != run.decision.do, decision
            if changed or decision.do != "hold":
                self._tell(f"swap.{decision.do}", run.record, "swap", decision.why)
            if decision.do == "advance":
                return
            if decision.do == "rollback":
                raise _Back(decision.why)
            await asyncio.sleep(LOOK_S)

    async def _finish(self, run: Running) -> None:
        """The old version has ended, or, after an emergency, stands by again."""
        role, old, new, fleet = run.record.role, run.record.old, run.record.new, self.fleet
        self._keep(run, state="drain")
        await self._pointed(run)
        slot = fleet.slots(role).get(old) if old is not None else None
        if old is None or slot is None or slot.state not in ("serving", "draining"):
            self._end(run, "done", run.decision.why, "swap")
        elif run.plan.old_is_failed:
            await fleet.give_up(role, old, run.record.why, by=run.record.by)
            self._end(run, "done", run.record.why, "swap")
            await self._recover(run, old)
        else:
            if slot.state == "serving":
                fleet.change(role, moves.drain, old, by="swap", why=f"{new} has all the traffic")
            await self._drained(role, old, run.settings.drain_s)
            await self._put_away(role, old)
            self._end(run, "done", f"{new} has all the traffic", "swap")

    async def _put_away(self, role: str, old: str) -> None:
        """The old version has ended, or stands by in the place of those that stood by before."""
        fleet, ends = self.fleet, [old]
        if self.standby:
            ends = list(fleet.slots(role).among("verified"))
            fleet.move(role, old)
            fleet.change(role, moves.rest, old, by="swap", why="it stands by as a backup")
        for version in ends:
            await fleet.dismiss(role, version)
            fleet.change(role, moves.unload, version, by="swap", why="nothing runs there any more")

    async def _pointed(self, run: Running) -> None:
        """The registry knows which version is current; where it is away, the traffic moves on."""
        record = run.record
        try:
            await asyncio.to_thread(self.point, record.role, record.new, record.by, record.why)
        except SrlrError as error:
            log.error("%s@%s is not made current: %s", record.role, record.new, error)
            self._tell("swap.not_pointed", record, "swap", error.what)

    async def _drained(self, role: str, version: str, drain_s: float) -> None:
        """Nothing runs there any more, or the time is over: then what can move goes on."""
        until = self.fleet.clock() + drain_s
        while self.fleet.under_way(role, version) and self.fleet.clock() < until:
            await asyncio.sleep(LOOK_S / 5)

    async def _recover(self, run: Running, old: str) -> None:
        """What an emergency left is a warm backup again, if it starts."""
        role, fleet = run.record.role, self.fleet
        wanted = fleet.wanted.get((role, old))
        if wanted is None:
            return
        try:
            why = "after the emergency"
            limit_s = run.settings.load_timeout_s
            await fleet.bring(role, old, wanted, timeout_s=limit_s, by="swap", why=why)
            await fleet.smoke(role, old, self.asks(role, run.settings.smoke))
            fleet.change(role, moves.verify, old, by="swap", why="it stands by as a backup")
        except SrlrError as error:
            log.warning("%s@%s does not recover: %s", role, old, error.what)

    async def _back(self, run: Running, why: str, *, failed: bool = False) -> None:
        """The old version has all the traffic; the new one has failed and ended."""
        role, old, new, fleet = run.record.role, run.record.old, run.record.new, self.fleet
        slot = fleet.slots(role).get(new)
        if slot is not None and slot.share and not await self._old_is_there(run):
            self._end(run, "failed", f"{why}; {old} has no worker, so {new} serves on", "swap")
            return
        if slot is not None and slot.state in moves.ACTIVE:
            fleet.change(role, moves.fail, new, why, by="swap", why=why)
            fleet.move(role, new)
            await self._drained(role, new, run.settings.drain_s)
            await fleet.dismiss(role, new)
        self._end(run, "failed" if failed else "rolled back", why, "swap")

    async def _old_is_there(self, run: Running) -> bool:
        """Whether the old version can take the traffic back; waits for a worker that starts."""
        role, old = run.record.role, run.record.old
        if old is None or old not in self.fleet.slots(role).among("serving"):
            return False
        until = self.fleet.clock() + run.settings.load_timeout_s
        while not self.fleet.alive(role, old) and self.fleet.clock() < until:
            await asyncio.sleep(LOOK_S)
        return self.fleet.alive(role, old) > 0

    # -- the record --------------------------------------------------------------------------------

    def _keep(self, run: Running, **changes: Any) -> None:
        run.record = replace(run.record, reason=run.decision.why, **changes)
        self.fleet.ledger.update(run.record)

    def _end(self, run: Running, state: str, why: str, by: str) -> None:
        run.record = replace(run.record, state=state, reason=why, ended=now())
        self.fleet.ledger.update(run.record)
        self._tell(f"swap.{state.replace(' ', '_')}", run.record, by, why)
        if self.running.get(run.record.role) is run:
            del self.running[run.record.role]

    def _tell(self, kind: str, record: Record, by: str, why: str) -> None:
        what = {
            "swap": record.id,
            "role": record.role,
            "old": record.old,
            "new": record.new,
            "strategy": record.settings["strategy"],
            "shares": self.fleet.slots(record.role).shares,
        }
        self.fleet.audit.append(kind, by, why, what)
