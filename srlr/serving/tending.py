"""Watches over workers: starts lost ones again, and what a killed gateway had served."""

import asyncio
import logging
from dataclasses import dataclass, field

from srlr.core.errors import SrlrError
from srlr.serving import slots as moves
from srlr.serving.fleet import Fleet
from srlr.serving.health import pause_s

log = logging.getLogger(__name__)

BY = "gateway"
LOOK_S = 0.1
STEADY_S = 60.0
"""A worker that has lived so long was started well: the next start does not wait for earlier ones.
"""


@dataclass(slots=True)
class Tending:
    """What is known of starts that failed, and the starts under way."""

    fleet: Fleet
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)
    not_before: dict[tuple[str, str], float] = field(default_factory=dict)
    burials: set[asyncio.Task[None]] = field(default_factory=set)
    starting: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self.starting.values():
                task.cancel()

    def look(self) -> None:
        """Takes dead workers out and begins to start those that are missing."""
        for role, slots in self.fleet.roles.items():
            for version in slots.among("serving", "verified"):
                self._buried(role, version)
                key = (role, version)
                if self.fleet.missing(role, version) and key not in self.starting:
                    self.starting[key] = asyncio.create_task(self._start(role, version))

    def _buried(self, role: str, version: str) -> None:
        for member in [one for one in self.fleet.of(role, version) if not one.worker.alive]:
            self.fleet.of(role, version).remove(member)
            burial = asyncio.create_task(member.worker.stop(0.0))  # frees its socket and client
            self.burials.add(burial)
            burial.add_done_callback(self.burials.discard)
            self.fleet.audit.append(
                "worker.lost",
                BY,
                "its process has ended",
                {"role": role, "version": version, "pid": member.worker.pid},
            )

    async def _start(self, role: str, version: str) -> None:
        key, fleet = (role, version), self.fleet
        try:
            now = fleet.clock()
            if now - self.not_before.get(key, 0.0) > STEADY_S:
                self.attempts[key] = 0
            await asyncio.sleep(pause_s(self.attempts.get(key, 0), fleet.health))
            self.attempts[key] = self.attempts.get(key, 0) + 1
            self.not_before[key] = fleet.clock()
            await fleet.staff(role, version)
            fleet.audit.append(
                "worker.started",
                BY,
                "fewer were alive than are wanted",
                {"role": role, "version": version, "attempt": self.attempts[key]},
            )
        except (SrlrError, OSError, TimeoutError) as error:
            log.warning("%s@%s does not start: %s", role, version, error)
            fleet.audit.append(
                "worker.not_started",
                BY,
                str(error),
                {"role": role, "version": version, "attempt": self.attempts.get(key, 0)},
            )
        finally:
            del self.starting[key]


async def restore(fleet: Fleet) -> None:
    """Routing as it was when the last gateway ended, with workers for all that has traffic.

    What was being loaded then is forgotten: who loaded it begins again. A worker that does not
    start is tried again by `Tending`, as one that was lost.
    """
    for role, slots in list(fleet.roles.items()):
        for version in slots.among("loading", "warm", "draining"):
            fleet.change(role, moves.unload, version, by=BY, why="the gateway was started again")
    starts = [
        fleet.staff(role, version)
        for role, slots in fleet.roles.items()
        for version in slots.among("serving", "verified")
    ]
    for result in await asyncio.gather(*starts, return_exceptions=True):
        if isinstance(result, SrlrError | OSError | TimeoutError):
            log.warning("a worker does not start: %s", result)
        elif isinstance(result, BaseException):
            raise result
