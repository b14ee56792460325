"""Is a worker asked at all? Judged by its last answers alone, on every request.

closed ──failures in a row, or too large a share of the last ones──→ open
open ──after breaker_s──→ one request as a probe ──answered──→ closed, ──failed──→ open
"""

from dataclasses import dataclass, replace

from srlr.core.swapping import Health


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a worker's last answers."""

    recent: tuple[bool, ...] = ()
    """Whether each was an answer; the last one is the newest."""
    opened_at: float | None = None
    probing: bool = False

    @property
    def failures(self) -> int:
        """In a row, up to now."""
        count = 0
        for ok in reversed(self.recent):
            if ok:
                break
            count += 1
        return count


def admits(breaker: Breaker, now: float, settings: Health) -> bool:
    """Whether it may be asked: an open one only once in a while, for one request."""
    if breaker.opened_at is None:
        return True
    return not breaker.probing and now - breaker.opened_at >= settings.breaker_s


def asked(breaker: Breaker) -> Breaker:
    """After it was admitted: what an open one is asked is its probe."""
    if breaker.opened_at is None:
        return breaker
    return replace(breaker, probing=True)


def left(breaker: Breaker) -> Breaker:
    """After a request that says nothing of it: cancelled, refused, or busy."""
    return replace(breaker, probing=False) if breaker.probing else breaker


def after(breaker: Breaker, ok: bool, now: float, settings: Health) -> Breaker:
    """After an answer, or none."""
    if breaker.probing or breaker.opened_at is not None:
        return Breaker() if ok else replace(breaker, opened_at=now, probing=False)
    recent = (*breaker.recent, ok)[-settings.breaker_window :]
    found = Breaker(recent)
    full = len(recent) == settings.breaker_window
    share = recent.count(False) / len(recent)
    if not ok and (
        found.failures >= settings.breaker_failures or (full and share >= settings.breaker_share)
    ):
        return replace(found, opened_at=now)
    return found
