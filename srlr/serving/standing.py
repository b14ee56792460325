"""Which versions of a role are loaded: what was served before, what is current, what stands by.

A role that was never served begins with its release `current`; the one under the alias `backup`
stands by. When somebody moves `current`, the traffic follows, as the settings' swap moves it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from srlr.core.errors import MissingArtifact, SrlrError
from srlr.core.profile import RoleProfile
from srlr.core.release import Release
from srlr.core.releases import Registry
from srlr.core.swapping import Swap
from srlr.serving import slots as moves
from srlr.serving.ledger import Wanted
from srlr.serving.speaking import speaker
from srlr.serving.spec import Spec
from srlr.serving.tending import restore

if TYPE_CHECKING:
    from srlr.serving.backing import Backed

log = logging.getLogger(__name__)

BY = "gateway"
LOOK_S = 2.0


@dataclass(slots=True)
class Following:
    """Keeps what is served as the registry's aliases say.

    Args:
        roles: that are served; none: every role with a current release.
        say: told in a line what takes a while.
    """

    backed: "Backed"
    roles: tuple[str, ...] = ()
    say: Callable[[str], None] = lambda _: None
    current: dict[str, str] = field(default_factory=dict)
    """By role, as it was seen last."""

    async def begin(self) -> None:
        """Every role is served, as before; a swap that was under way goes on.

        Raises:
            MissingArtifact: there is nothing to serve.
            ResourceError: no worker of a role starts.
        """
        backed, registry = self.backed, self.backed.registry
        _only(backed, self.roles)
        roles = _roles(registry, self.roles)
        for role in roles:
            await asyncio.to_thread(_learn, backed, role)
        self.say(f"{', '.join(roles)}: workers are being started")
        await restore(backed.fleet)
        for role in roles:
            await _stand_up(backed, role)
        backed.swaps.resume()
        for role in roles:
            main = backed.fleet.slots(role).main
            self.current[role] = main or ""
        self.look(Swap(strategy="stateless", steps=(100,)))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look(self.backed.settings.swap)
                for role in self._new():
                    await _stand_up(self.backed, role)
                    self.current[role] = self.backed.fleet.slots(role).main or ""
            except SrlrError as error:
                log.warning("the registry's aliases are not followed: %s", error)

    def look(self, settings: Swap) -> None:
        """Begins a swap for every role whose `current` somebody has moved."""
        backed = self.backed
        for role, seen in list(self.current.items()):
            current = backed.registry.aliases(role).get("current")
            if current is None or current == seen:
                continue
            self.current[role] = current
            served = backed.fleet.slots(role).main
            if current != served and role not in backed.swaps.running:
                why = f"{current} was made current"
                backed.swaps.start(role, current, settings, by="releases", why=why)

    def _new(self) -> list[str]:
        """Roles that have got a current release since."""
        registry = self.backed.registry
        wanted = self.roles or registry.roles()
        return [
            role
            for role in wanted
            if role not in self.current and "current" in registry.aliases(role)
        ]


def started_from(backed: "Backed", release: Release) -> Wanted:
    """From what a release's workers are started, every byte of it verified now."""
    node, folder = backed.settings.workers, backed.registry.folder(release)
    _know(backed, release, folder)
    if node.engine == "llamacpp":
        folder = Path(node.gguf_dir or ".") / f"{release.role}-{release.version}.gguf"
        if not folder.is_file():
            raise MissingArtifact(
                f"{str(folder)!r} is not there, and llama.cpp reads GGUF files",
                "`srlr releases export` writes one, or workers=transformers",
            )
    spec = Spec(
        folder.resolve(),
        release.role,
        release.version,
        engine=node.engine,
        threads=node.threads,
        max_running=node.max_running,
        max_waiting=node.max_waiting,
        url=node.url,
        model=node.model,
        api_key_env=node.api_key_env,
        context=node.context,
        dtype=node.dtype,
    )
    return Wanted({**asdict(spec), "folder": str(spec.folder)}, node.each)


def _know(backed: "Backed", release: Release, folder: Path) -> None:
    """How the release is spoken to."""
    profile = RoleProfile.model_validate(release.profile) if release.profile else None
    rollout, record = release.rollout, folder / "record" / "config.yaml"
    said = yaml.safe_load(record.read_text(encoding="utf-8")) if record.is_file() else {}
    backed.speakers[release.role, release.version] = speaker(
        profile,
        release.role_path or backed.settings.role_path,
        aloud=bool((said.get("srl") or {}).get("monologue")),
        max_tokens=int(rollout.get("max_new_tokens", 128)),
        stop=tuple(rollout.get("stop", ())),
    )
    created = int(datetime.fromisoformat(release.created).timestamp())
    backed.created[release.role, release.version] = created


def _roles(registry: Registry, roles: Sequence[str]) -> list[str]:
    """Raises MissingArtifact where there is nothing to serve."""
    found = list(roles) or [one for one in registry.roles() if "current" in registry.aliases(one)]
    if not found:
        raise MissingArtifact(
            f"no role in {str(registry.store)!r} has a current release",
            "`srlr deploy role=ROLE --as current`",
        )
    return found


def _only(backed: "Backed", roles: Sequence[str]) -> None:
    """Roles that are not asked for have no workers; their routing stays in the ledger."""
    if roles:
        fleet = backed.fleet
        fleet.roles = {role: slots for role, slots in fleet.roles.items() if role in roles}


def _learn(backed: "Backed", role: str) -> None:
    """What the role was served from when the last gateway ended, verified again."""
    for version in backed.fleet.slots(role).among("serving", "verified"):
        release = backed.registry.get(role, version)
        wanted = started_from(backed, release)
        backed.fleet.ledger.want(role, version, wanted)
        backed.fleet.wanted[role, version] = wanted


async def _stand_up(backed: "Backed", role: str) -> None:
    """The role is served; a backup stands by, if one starts."""
    fleet, registry, timeout_s = (
        backed.fleet,
        backed.registry,
        backed.settings.workers.load_timeout_s,
    )
    slots, aliases = fleet.slots(role), registry.aliases(role)
    if not slots.served:
        version = registry.get(role, "current").version
        await _load(backed, role, version, timeout_s, why="its release is current")
        fleet.change(role, moves.add, version, by=BY, why="its release is current")
    backup = aliases.get("backup")
    known = fleet.slots(role).get(backup) if backup else None
    loaded = known is not None and known.state in moves.ACTIVE
    if backup is not None and backed.settings.workers.standby and not loaded:
        try:
            await _load(backed, role, backup, timeout_s, why="it is the backup")
        except SrlrError as error:
            log.warning("%s@%s does not stand by: %s", role, backup, error)


async def _load(backed: "Backed", role: str, version: str, timeout_s: float, *, why: str) -> None:
    """The version is verified."""
    release = backed.registry.get(role, version)
    wanted = await asyncio.to_thread(started_from, backed, release)
    await backed.fleet.bring(role, version, wanted, timeout_s=timeout_s, by=BY, why=why)
    try:
        await backed.fleet.smoke(role, version, backed.asks(role, 1))
    except SrlrError as error:
        await backed.fleet.give_up(role, version, error.what, by=BY)
        raise
    backed.fleet.change(role, moves.verify, version, by=BY, why="it has answered")
