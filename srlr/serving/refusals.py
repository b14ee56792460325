"""Refused requests in the audit log: one entry a minute for each kind, with how many there were.
An attack fills no disk, and none goes unseen.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from srlr.core.audit import Audit
from srlr.core.errors import SrlrError
from srlr.serving.rejected import Rejected

EVERY_S = 60.0
NOTABLE = frozenset({400, 401, 403, 408, 413, 415, 429, 431})
"""Statuses that say something of who asks; the others say something of this machine."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Refusals:
    """What was refused since each kind's last entry."""

    audit: Audit
    every_s: float = EVERY_S
    told: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    writing: set[asyncio.Task[None]] = field(default_factory=set)

    def note(self, why: Rejected, key: str, role: str) -> None:
        """Counts it, and has it written where its kind's last entry is a minute old."""
        if why.status not in NOTABLE:
            return
        self.counts[why.code] = self.counts.get(why.code, 0) + 1
        now = time.monotonic()
        if now - self.told.get(why.code, float("-inf")) < self.every_s:
            return
        self.told[why.code] = now
        what = {"status": why.status, "code": why.code, "key": key, "role": role}
        self._write(why.what, what | {"times": self.counts.pop(why.code)})

    async def settle(self) -> None:
        """Writes what was only counted, and waits until all is written."""
        for code, times in sorted(self.counts.items()):
            self._write("more of the same", {"code": code, "times": times})
        self.counts.clear()
        await asyncio.gather(*self.writing)

    def _write(self, why: str, what: dict[str, object]) -> None:
        task = asyncio.ensure_future(self._append(why, what))
        self.writing.add(task)
        task.add_done_callback(self.writing.discard)

    async def _append(self, why: str, what: dict[str, object]) -> None:
        try:
            await asyncio.to_thread(self.audit.append, "request.refused", "gateway", why, what)
        except SrlrError as error:  # a full disk must not stop answers
            log.error("%s", error)
