"""What stands behind the gateway: releases, held by workers, with shares of their roles' traffic.

    async with backing.opened(settings, roles, say) as backed: …

Entered, every role has a worker that has generated; routing and swaps are as a gateway before left
them. A role that was never served begins with its release `current`; one under the alias `backup`
stands by.
"""

import asyncio
import contextlib
import logging
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from srlr.core import releases
from srlr.core.audit import FILE, Audit
from srlr.core.errors import SrlrError
from srlr.core.releases import Registry
from srlr.core.settings import Settings
from srlr.serving import relay, standing, workers
from srlr.serving.asked import Ask, Piece
from srlr.serving.backend import Served
from srlr.serving.fleet import Fleet
from srlr.serving.ledger import Ledger, Wanted
from srlr.serving.members import Worker
from srlr.serving.monitor import Monitor
from srlr.serving.relay import Answered
from srlr.serving.speaking import Speaker
from srlr.serving.spec import Spec
from srlr.serving.swap import Swaps
from srlr.serving.tending import Tending

log = logging.getLogger(__name__)

BY = "gateway"
SMOKE = ("It was a joy from start to end.", "What is 2 + 3?", "Hello.", "Say why.")


@dataclass(slots=True)
class Backed:
    """A backend over a store's releases; see srlr.serving.backend.Backend."""

    settings: Settings
    registry: Registry
    fleet: Fleet
    swaps: Swaps
    monitor: Monitor
    speakers: dict[tuple[str, str], Speaker] = field(default_factory=dict)
    created: dict[tuple[str, str], int] = field(default_factory=dict)

    def models(self) -> Sequence[Served]:
        found = []
        for role, slots in self.fleet.roles.items():
            main = slots.main
            for version in slots.among("serving", "verified"):
                spoken = self.speakers.get((role, version))
                if spoken is not None:
                    created = self.created.get((role, version), 0)
                    found.append(Served(role, version, spoken, created, version == main))
        return found

    def answer(self, ask: Ask, version: str | None, *, whole: bool) -> "Answer":
        told = Answered()
        if whole:
            return Answer(told, _one(self.fleet, ask, told, version, self._written))
        return Answer(told, relay.answer(self.fleet, ask, told, version, self._written))

    def _written(self, ask: Ask, version: str) -> Ask:
        """The ask as the version is spoken to: it may have been trained on other words than the
        one that the request was read for.

        Raises:
            Rejected: the text is longer than the version takes.
        """
        spoken = self.speakers.get((ask.role, version))
        if spoken is None or not ask.said:
            return replace(ask, said=())
        return replace(ask, messages=spoken.chat(ask.said), said=())

    def judge(self, ask: Ask, *, valid: bool | None, violation: bool) -> None:
        self.fleet.judge(ask.role, ask.id, valid=valid, violation=violation)

    def unready(self) -> str | None:
        slots = self.fleet.roles.values()
        if not any(one.served for one in slots):
            return "no role is served"
        for one in slots:
            if one.served and not any(self.fleet.alive(one.role, v) for v in one.shares):
                return f"no worker of {one.role!r} is alive"
        return None

    def asks(self, role: str, count: int) -> list[Ask]:
        """The smoke set: what the role's model may be asked, greedily."""
        slots = self.fleet.slots(role)
        spoken = next(
            (self.speakers[role, v] for v in slots.shares if (role, v) in self.speakers), None
        )
        asked = []
        for number in range(count):
            said: tuple[dict[str, str], ...] = (
                {"role": "user", "content": SMOKE[number % len(SMOKE)]},
            )
            with contextlib.suppress(SrlrError):
                said = said if spoken is None else spoken.chat(said)
            asked.append(Ask(f"smoke-{number}", role, said, max_tokens=8))
        return asked


@dataclass(slots=True)
class Answer:
    """An answer on its way; where it came from is known at its end."""

    told: Answered
    pieces: AsyncGenerator[Piece, None]

    @property
    def version(self) -> str:
        return self.told.version or ""

    @property
    def form(self) -> str:
        return self.told.form or ""

    @property
    def migrated(self) -> bool:
        return self.told.migrated > 0

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self.pieces

    async def aclose(self) -> None:
        await self.pieces.aclose()


async def _one(
    fleet: Fleet, ask: Ask, told: Answered, version: str | None, write: relay.Write
) -> AsyncGenerator[Piece, None]:
    yield await relay.whole(fleet, ask, told, version, write)


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, roles: Sequence[str], say: Callable[[str], None]
) -> AsyncIterator[Backed]:
    """The backend of the settings' store; workers end with it, the routing stays.

    Args:
        roles: that are served; none: every role with a current release.
        say: told in a line what takes a while.

    Raises:
        MissingArtifact: there is no release to serve.
        ResourceError: the store is served already, or no worker of a role starts.
    """
    store = Path(settings.store_dir)
    with releases.opened(settings) as registry:
        ledger = Ledger(store)
        # a socket's path may have 100 characters, and a store's may have more
        sockets = Path(tempfile.mkdtemp(prefix="srlr-"))
        backed = _backed(settings, registry, ledger, sockets)
        fleet, tasks = backed.fleet, list[asyncio.Task[None]]()
        try:
            following = standing.Following(backed, tuple(roles), say)
            await following.begin()
            watching = (Tending(fleet), backed.monitor, following)
            tasks = [asyncio.create_task(one.run()) for one in watching]
            yield backed
        finally:
            for task in tasks:
                task.cancel()
            await backed.swaps.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            await fleet.close()
            shutil.rmtree(sockets, ignore_errors=True)


def _backed(settings: Settings, registry: Registry, ledger: Ledger, sockets: Path) -> Backed:
    node, store = settings.workers, Path(settings.store_dir)

    async def start(spec: Mapping[str, Any]) -> Worker:
        known = Spec(**{**spec, "folder": Path(str(spec["folder"]))})
        return await workers.start(known, sockets, timeout_s=node.load_timeout_s)

    fleet = Fleet(ledger, start, Audit(store / FILE), settings.health)

    def resolve(role: str, to: str) -> str:
        return registry.get(role, to).version

    async def find(role: str, version: str) -> Wanted:
        return await asyncio.to_thread(standing.started_from, backed, registry.get(role, version))

    def point(role: str, version: str, by: str, why: str) -> None:
        if registry.aliases(role).get("current") != version:
            registry.promote(role, by, why, version)

    def asks(role: str, count: int) -> list[Ask]:
        return backed.asks(role, count)

    swaps = Swaps(fleet, resolve, find, asks, point, standby=node.standby)
    backed = Backed(settings, registry, fleet, swaps, Monitor(fleet, swaps, asks))
    return backed
