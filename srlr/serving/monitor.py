"""Decides on the health of what is served, again and again, and does what is decided.

passive   every look_s, from how requests have gone
active    every health.check_every_s, a real generation by every worker that serves or stands by
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from srlr.core.errors import ResourceError, SrlrError
from srlr.core.swapping import Swap
from srlr.core.types import Decision
from srlr.serving import health
from srlr.serving.fleet import Fleet, checked
from srlr.serving.health import Facts, Finding
from srlr.serving.members import Member
from srlr.serving.swap import Asks, Swaps

log = logging.getLogger(__name__)

BY = "health"
LOOK_S = 1.0


@dataclass(slots=True)
class Monitor:
    """What is known of every version's health; `findings` by role and version."""

    fleet: Fleet
    swaps: Swaps
    asks: Asks
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        checking: asyncio.Task[None] | None = None
        due = self.fleet.clock() + self.fleet.health.check_every_s
        try:
            while True:
                self.look()
                if self.fleet.clock() >= due and (checking is None or checking.done()):
                    due = self.fleet.clock() + self.fleet.health.check_every_s
                    checking = asyncio.create_task(self.check())
                await asyncio.sleep(LOOK_S)
        finally:
            if checking is not None:
                checking.cancel()

    def look(self) -> None:
        """Decides on every version that serves, and acts."""
        now, settings = self.fleet.clock(), self.fleet.health
        for role, slots in list(self.fleet.roles.items()):
            for version in slots.shares:
                facts = self.facts(role, version)
                self._found(role, version, health.state(facts, now, settings))
                decision = health.decide(facts, now, settings)
                before = self.decisions.get((role, version))
                self.decisions[role, version] = decision
                if decision.do != "keep" and (before is None or before.do != decision.do):
                    self._act(role, version, decision, facts.backup)

    def facts(self, role: str, version: str) -> Facts:
        """What the decision on this version depends on."""
        fleet, window_s = self.fleet, self.fleet.health.window_s
        told, now = fleet.told(role).of(version), fleet.clock()
        recent = [one for one in told if now - one.at <= window_s]
        swaps = [one for one in fleet.ledger.swaps(role) if one.state == "done"][:1]
        return Facts(
            version,
            fleet.alive(role, version),
            recent,
            told[: len(told) - len(recent)],
            min((one.checks_failed for one in fleet.of(role, version)), default=0),
            fleet.backup(role),
            swaps[0].ended_s if swaps else float("-inf"),
            role in self.swaps.running,
        )

    def _found(self, role: str, version: str, finding: Finding) -> None:
        before = self.findings.get((role, version))
        self.findings[role, version] = finding
        if (before.state if before else "healthy") != finding.state:
            what = {"role": role, "version": version, "state": finding.state}
            self.fleet.audit.append(f"health.{finding.state}", BY, finding.why, what)

    def _act(self, role: str, version: str, decision: Decision, backup: str | None) -> None:
        what: dict[str, Any] = {"role": role, "version": version, "backup": backup}
        self.fleet.audit.append(f"health.{decision.do}", BY, decision.why, what)
        if decision.do == "alarm" or backup is None:
            log.error("%s@%s: %s", role, version, decision.why)
            return
        how = "emergency" if decision.do == "emergency" else "stateful"
        try:
            settings = Swap(strategy=how, steps=(100,))
            self.swaps.start(role, backup, settings, by=BY, why=decision.why)
        except SrlrError as error:
            log.error("%s@%s cannot be swapped: %s", role, version, error.what)

    async def check(self) -> None:
        """Has every worker generate something. One that fails time and again is killed, and
        started anew as any that is lost.
        """
        ready = [
            member
            for member in self.fleet.everyone()
            for slot in [self.fleet.slots(member.role).get(member.version)]
            if slot is not None and slot.state in ("serving", "verified")
        ]
        await asyncio.gather(*(self._checked(member) for member in ready))

    async def _checked(self, member: Member) -> None:
        settings = self.fleet.health
        try:
            ask = self.asks(member.role, 1)[0]
            await checked(member, ask, settings.check_timeout_s)
            member.checks_failed = 0
        except ResourceError as error:
            member.checks_failed += 1
            what = {"role": member.role, "version": member.version, "pid": member.worker.pid}
            why = f"{error.what} ({member.checks_failed} in a row)"
            self.fleet.audit.append("health.check_failed", BY, why, what)
            if member.checks_failed >= settings.failed_checks:
                self.look()  # who takes over is decided while it still counts as failed
                await member.worker.stop(0.0)
