"""How many requests are under way: fewer when a server says it is too much, none while it is down.

    a 429       half as many at once; nothing is sent before the moment that Retry-After names
    an answer   one more at once for every round of answers that came well
    failures    so many in a row, and nothing is sent for a while, then one request, then all

Source: Chiu & Jain 1989, additive increase, multiplicative decrease; Nygard 2007, circuit breaker.
"""

import asyncio
import random
import time
from collections.abc import Callable

LONGEST_BACKOFF_S = 60.0
OPENINGS = 3
"""So often in a row nothing is sent for a while; then the server is given up."""


def backoff_s(base_s: float, attempt: int, rng: random.Random) -> float:
    """A wait before retry `attempt` (from 0), drawn evenly from 0 to base * 2^attempt, at most 60.

    Source: Brooker 2015, "Exponential Backoff And Jitter", full jitter.
    """
    return rng.uniform(0.0, min(LONGEST_BACKOFF_S, base_s * 2.0**attempt))


class Pace:
    """The gate in front of one server. It belongs to one event loop.

    `most` requests at once, at most. `failures` in a row open the circuit for `cool_down_s`.
    """

    def __init__(
        self,
        most: int,
        failures: int,
        cool_down_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most, self.failures, self.cool_down_s, self.clock = most, failures, cool_down_s, clock
        self.limit = float(most)
        self.under_way = 0
        self.in_a_row = self.openings = 0
        self.ever_well = False
        self._not_before = self._cut_at = float("-inf")
        self._changed = asyncio.Condition()

    @property
    def given_up(self) -> bool:
        """Whether the circuit opened OPENINGS times and no answer came in between."""
        return self.openings >= OPENINGS

    @property
    def width(self) -> int:
        """How many may be under way now."""
        return 1 if self.openings else max(1, int(self.limit))

    async def enter(self) -> float:
        """Waits for a place; returns the moment it was given, for `busy`."""
        async with self._changed:
            while not self.given_up:
                wait_s = self._not_before - self.clock()
                if wait_s <= 0 and self.under_way < self.width:
                    break
                try:
                    await asyncio.wait_for(self._changed.wait(), wait_s if wait_s > 0 else None)
                except TimeoutError:
                    continue
            self.under_way += 1
            return self.clock()

    async def leave(self) -> None:
        async with self._changed:
            self.under_way -= 1
            self._changed.notify_all()

    def well(self) -> None:
        """An answer came, whatever is in it."""
        self.ever_well = True
        self.in_a_row = self.openings = 0
        self.limit = min(float(self.most), self.limit + 1.0 / self.limit)

    def busy(self, entered_at: float, retry_after_s: float | None) -> None:
        """A 429: requests that were sent before the last cut do not cut once more."""
        if entered_at > self._cut_at:
            self.limit = max(1.0, self.limit / 2.0)
            self._cut_at = self.clock()
        if retry_after_s is not None:
            self._not_before = max(self._not_before, self.clock() + retry_after_s)

    def failed(self) -> None:
        """The server did not answer, or with a 5xx."""
        self.in_a_row += 1
        if self.in_a_row >= self.failures or self.openings:
            self.openings += 1
            self.in_a_row = 0
            self._not_before = max(self._not_before, self.clock() + self.cool_down_s)
