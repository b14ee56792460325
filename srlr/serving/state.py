"""What one gateway holds: its settings, what answers, who may ask, how much is under way."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srlr.core.audit import Audit
from srlr.core.errors import SrlrError
from srlr.core.guarding import Guard
from srlr.core.serving import RESTART, Serve
from srlr.core.settings import Settings
from srlr.serving.backend import Backend
from srlr.serving.guard.verdict import Verdict
from srlr.serving.guarded import Guards
from srlr.serving.keys import Keyring
from srlr.serving.limits import Rooms
from srlr.serving.metrics import Metrics
from srlr.serving.refusals import Refusals
from srlr.serving.rejected import Rejected

log = logging.getLogger(__name__)


@dataclass
class Gateway:
    """The state that all requests share.

    Args:
        reread: the settings as they are written now; None where they cannot change.
        reloaded: told of new settings, once they hold.
    """

    serve: Serve
    backend: Backend
    keyring: Keyring
    audit: Audit
    guards: Guards = field(default_factory=lambda: Guards(Guard()))
    reread: Callable[[], Settings] | None = None
    reloaded: Callable[[Serve], None] = lambda _: None
    rooms: Rooms = field(default_factory=Rooms)
    metrics: Metrics = field(default_factory=Metrics)
    stopping: bool = False

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.audit)

    def unready(self) -> str | None:
        """Why a balancer should send nothing here; None where it should."""
        return "it is being stopped" if self.stopping else self.backend.unready()

    async def reload(self, by: str) -> dict[str, Any]:
        """Takes the settings as they are written now; wrong ones change nothing.

        Returns:
            what changed, and what of it holds only after a restart.

        Raises:
            Rejected: 400, with what is wrong.
        """
        if self.reread is None:
            raise Rejected(400, "no_settings", "this gateway has no settings to read", "restart it")
        try:
            settings = await asyncio.to_thread(self.reread)
            fresh = settings.serve
            self.reloaded(fresh)
        except (SrlrError, OSError) as error:
            what, hint = getattr(error, "what", str(error)), getattr(error, "hint", "")
            await self.write("gateway.reload", by, f"refused: {what}")
            raise Rejected(400, "settings", what, hint or "the old settings hold") from error
        old, new = self.serve.model_dump(), fresh.model_dump()
        changed = sorted(name for name in new if new[name] != old[name])
        later = [name for name in changed if name in RESTART]
        self.serve = fresh.model_copy(update={name: getattr(self.serve, name) for name in later})
        if settings.guard != self.guards.node:
            changed.append("guard")
            self.guards = Guards(settings.guard)
        told = {"changed": [one for one in changed if one not in later], "after_restart": later}
        await self.write("gateway.reload", by, "the settings were read again", told)
        return told

    async def write(
        self, kind: str, by: str, why: str, what: Mapping[str, Any] | None = None
    ) -> None:
        """An entry of the audit log."""
        await asyncio.to_thread(self.audit.append, kind, by, why, what)

    def violated(self, role: str) -> Callable[[str, Sequence[Verdict]], None]:
        """What a guard tells of this role's requests: counted, and logged without the text."""

        def tell(side: str, found: Sequence[Verdict]) -> None:
            for one in found:
                self.metrics.violations.labels(role, side, one.kind, one.action).inc()
                log.info("%s %s: %s %s", role, side, one.rule, one.action)

        return tell
