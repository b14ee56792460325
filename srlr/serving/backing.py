"""Roles' releases behind a gateway: their workers, and how each release is spoken to.

    async with opened(settings, ("sentiment",), print) as backend:
        backend.answer(ask, None, whole=True)

What was served when the last gateway ended is served again; a role that is new is served by its
current release.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from srlr.core import releases
from srlr.core.audit import FILE, Audit
from srlr.core.errors import MissingArtifact
from srlr.core.profile import RoleProfile
from srlr.core.releases import Registry, Release
from srlr.core.settings import Rollout, Settings
from srlr.serving import relay, workers
from srlr.serving import slots as moves
from srlr.serving.asked import Ask, Piece
from srlr.serving.backend import Served
from srlr.serving.fleet import Fleet
from srlr.serving.ledger import Ledger, Wanted
from srlr.serving.relay import Answered
from srlr.serving.slots import Slots
from srlr.serving.speaking import speaker
from srlr.serving.spec import Spec
from srlr.serving.tending import Tending, restore

BY = "gateway"
CONFIG = "record/config.yaml"
"""In a release's folder: the configuration of its run."""
SMOKE = ({"role": "user", "content": "Hello."},)


@dataclass(slots=True)
class Relayed:
    """An answer's pieces, from whichever workers they came."""

    pieces: AsyncGenerator[Piece, None]
    told: Answered

    @property
    def version(self) -> str:
        return self.told.version or ""

    @property
    def migrated(self) -> bool:
        return self.told.migrated > 0

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self.pieces

    async def aclose(self) -> None:
        await self.pieces.aclose()


@dataclass(slots=True)
class Backing:
    """The fleet as the gateway sees it. `roles` are those that are to be served."""

    fleet: Fleet
    registry: Registry
    roles: tuple[str, ...]
    known: dict[str, tuple[Slots, tuple[Served, ...]]] = field(default_factory=dict)
    releases: dict[tuple[str, str], Served] = field(default_factory=dict)

    def models(self) -> Sequence[Served]:
        return [served for role in self.roles for served in self._of(role)]

    def _of(self, role: str) -> tuple[Served, ...]:
        slots = self.fleet.slots(role)
        known = self.known.get(role)
        if known is None or known[0] is not slots:
            versions = slots.among("serving", "verified")
            found = tuple(self._served(role, one, current=one == slots.main) for one in versions)
            known = self.known[role] = (slots, found)
        return known[1]

    def _served(self, role: str, version: str, *, current: bool) -> Served:
        key = (role, version)
        if key not in self.releases:
            release = self.registry.get(role, version)
            self.releases[key] = served_of(release, self.registry.folder(release))
        one = self.releases[key]
        return Served(one.role, one.version, one.speaker, one.created, current)

    def answer(self, ask: Ask, version: str | None, *, whole: bool) -> Relayed:
        told = Answered()
        if not whole:
            return Relayed(relay.answer(self.fleet, ask, told, version), told)
        return Relayed(self._whole(ask, version, told), told)

    async def _whole(
        self, ask: Ask, version: str | None, told: Answered
    ) -> AsyncGenerator[Piece, None]:
        yield await relay.whole(self.fleet, ask, told, version)

    def judge(self, ask: Ask, *, valid: bool | None, violation: bool) -> None:
        self.fleet.judge(ask.role, ask.id, valid=valid, violation=violation)

    def unready(self) -> str | None:
        for role in self.roles:
            main = self.fleet.slots(role).main
            if main is None or not self.fleet.alive(role, main):
                return f"the role {role!r} has no worker yet"
        return None

    def wanted(self, role: str, version: str) -> Wanted:
        """From what a version's workers are started.

        Raises:
            MissingArtifact: there is no such release.
        """
        release = self.registry.get(role, version)
        spec = Spec(self.registry.folder(release), role, release.version)
        return Wanted({**asdict(spec), "folder": str(spec.folder)})

    def smoke(self, role: str, version: str) -> Ask:
        """A short request, answered greedily."""
        chat = self._served(role, version, current=False).speaker.chat(SMOKE)
        return Ask(f"smoke-{role}-{version}", role, chat, max_tokens=8)

    async def begin(self, role: str, timeout_s: float) -> None:
        """The role is served: as it was, or by its current release.

        Raises:
            MissingArtifact: it has no current release.
            ResourceError: its worker does not start.
        """
        if self.fleet.slots(role).served:
            return
        version = (await asyncio.to_thread(self.registry.get, role, "current")).version
        wanted = await asyncio.to_thread(self.wanted, role, version)
        why = "it is the role's current release"
        await self.fleet.bring(role, version, wanted, timeout_s=timeout_s, by=BY, why=why)
        await self.fleet.smoke(role, version, [self.smoke(role, version)])
        for move in (moves.verify, moves.add):
            self.fleet.change(role, move, version, by=BY, why=why)


def served_of(release: Release, folder: Path) -> Served:
    """How a release is spoken to, by what it was published with."""
    rollout = Rollout.model_validate(release.rollout)
    profile = RoleProfile.model_validate(release.profile) if release.profile else None
    path = folder / CONFIG
    config = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    aloud = bool((config.get("srl") or {}).get("monologue"))
    spoken = speaker(
        profile,
        release.role_path,
        aloud=aloud,
        max_tokens=rollout.max_new_tokens,
        stop=rollout.stop,
    )
    created = int(datetime.fromisoformat(release.created).timestamp())
    return Served(release.role, release.version, spoken, created)


@asynccontextmanager
async def opened(
    settings: Settings, roles: Sequence[str], say: Callable[[str], None]
) -> AsyncIterator[Backing]:
    """The roles, each with a worker that has generated; their workers end after it.

    Args:
        roles: empty: every role with a current release, or that was served before.

    Raises:
        MissingArtifact: there is no release to serve.
        ResourceError: a worker does not start, or another gateway holds the store.
    """
    store = Path(settings.store_dir)
    # A socket's path may have 100 characters, and a store's may have more.
    sockets = Path(tempfile.mkdtemp(prefix="srlr-"))
    timeout_s = settings.swap.load_timeout_s

    async def start(spec: Mapping[str, Any]) -> workers.Worker:
        told = Spec(**{**spec, "folder": Path(spec["folder"])})
        return await workers.start(told, sockets, timeout_s=timeout_s)

    with releases.opened(settings) as registry:
        fleet = Fleet(Ledger(store), start, Audit(store / FILE), settings.health)  # type: ignore[arg-type]
        tending: asyncio.Task[None] | None = None
        try:
            backing = Backing(fleet, registry, tuple(roles) or _every(registry, fleet))
            if not backing.roles:
                raise MissingArtifact(
                    f"no role has a current release in {str(store)!r}",
                    "srlr deploy role=sentiment --as current",
                )
            await restore(fleet)
            for role in backing.roles:
                say(f"{role}: its worker is being started")
                await backing.begin(role, timeout_s)
            tending = asyncio.create_task(Tending(fleet).run())
            yield backing
        finally:
            if tending is not None:
                tending.cancel()
                await asyncio.gather(tending, return_exceptions=True)
            await fleet.close()
            shutil.rmtree(sockets, ignore_errors=True)


def _every(registry: Registry, fleet: Fleet) -> tuple[str, ...]:
    current = [role for role in registry.roles() if "current" in registry.aliases(role)]
    before = [role for role, slots in fleet.roles.items() if slots.served]
    return tuple(sorted({*current, *before}))
