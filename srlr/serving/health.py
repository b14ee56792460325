"""Is a version healthy, degraded or failed, and what is to be done about it? Pure.

failed     no worker is left, active checks fail in a row, or half of the answers do
degraded   too many answers fail, are late, are not what the role asks for, or have become
           longer or shorter than they were
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from srlr.core.swapping import Health
from srlr.core.types import Decision
from srlr.serving.outcomes import Outcome

State = Literal["healthy", "degraded", "failed"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version that serves."""

    version: str
    workers: int
    """That are alive."""
    outcomes: Sequence[Outcome] = ()
    """The newest last."""
    before: Sequence[Outcome] = ()
    """Older ones, which the lengths of answers are held against."""
    checks_failed: int = 0
    """Active ones, in a row."""
    backup: str | None = None
    """A version that is warm and verified."""
    swapped_at: float = -math.inf
    swapping: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A version's state, with the figure that says so."""

    state: State
    why: str


def decide(facts: Facts, now: float, settings: Health) -> Decision:
    """keep, swap (to the backup, orderly), emergency (to the backup, at once), alarm (nothing to
    swap to: start its workers again and tell).
    """
    found = state(facts, now, settings)
    if found.state == "healthy":
        return Decision("keep", found.why)
    if facts.swapping:
        return Decision("keep", f"{found.why}; a swap is under way")
    if facts.backup is None:
        return Decision("alarm", f"{found.why}; no backup is warm")
    if now - facts.swapped_at < settings.quiet_s and facts.workers:
        return Decision("keep", f"{found.why}; the last swap is {settings.quiet_s} s ago or less")
    if not settings.act:
        return Decision("alarm", f"{found.why}; health.act=false")
    do = "emergency" if found.state == "failed" else "swap"
    return Decision(do, f"{found.why}; {facts.backup} is warm")


def state(facts: Facts, now: float, settings: Health) -> Finding:
    """Of two that hold, the worse one."""
    if not facts.workers:
        return Finding("failed", "no worker is alive")
    if facts.checks_failed >= settings.failed_checks:
        return Finding("failed", f"{facts.checks_failed} active checks in a row have failed")
    recent = [one for one in facts.outcomes if now - one.at <= settings.window_s]
    if len(recent) < settings.min_answers:
        return Finding("healthy", f"{len(recent)} of {settings.min_answers} answers to judge by")
    shares = {
        "failed": _share(not one.ok for one in recent),
        "are late": _share(_late(one, settings) for one in recent),
        "are not what the role asks for": _share(one.ok and not one.valid for one in recent),
    }
    if shares["failed"] >= settings.failed_errors:
        return Finding("failed", f"{shares['failed']:.0%} of {len(recent)} answers failed")
    limits = (settings.degraded_errors, settings.degraded_late, settings.degraded_invalid)
    for (what, share), limit in zip(shares.items(), limits, strict=True):
        if share > limit:
            return Finding("degraded", f"{share:.0%} of {len(recent)} answers {what}")
    moved = drift(facts.before, recent)
    if len(facts.before) >= settings.min_answers and moved > settings.degraded_drift:
        return Finding("degraded", f"lengths of answers have moved by {moved:.2f}")
    return Finding("healthy", f"{1 - shares['failed']:.1%} of {len(recent)} answers are well")


def drift(before: Sequence[Outcome], now: Sequence[Outcome]) -> float:
    """The total variation distance of answers' lengths, in classes that double: from 0 to 1.

    ½ Σ |p(c) − q(c)|      c = ⌊log2(tokens + 1)⌋
    """
    if not before or not now:
        return 0.0
    old, new = (Counter(int(math.log2(one.tokens + 1)) for one in some) for some in (before, now))
    return sum(abs(old[c] / len(before) - new[c] / len(now)) for c in old | new) / 2


def pause_s(attempts: int, settings: Health) -> float:
    """How long to wait before a worker is started again, after so many attempts that failed."""
    if attempts <= 0:
        return 0.0
    return min(settings.restart_max_s, settings.restart_s * 2.0 ** min(attempts - 1, 30))


def _late(outcome: Outcome, settings: Health) -> bool:
    return settings.slo_seconds is not None and outcome.seconds > settings.slo_seconds


def _share(claims: Iterable[bool]) -> float:
    found = list(claims)
    return sum(found) / len(found)
