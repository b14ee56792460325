"""How much is answered at once, and how often one key may ask.

async with rooms.room("sentiment", "3f9a1c07", running=16, …):   waits its turn, or raises Busy
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from srlr.core.serving import Limits
from srlr.serving.asked import Busy

USUAL_S = 0.5
"""How long an answer takes, until one was seen."""


@dataclass(slots=True)
class Lane:
    """Places of one role or one key: some run, some wait in order, the rest is refused."""

    running: int = 0
    usual_s: float = USUAL_S
    """A moving mean of how long a place was held."""
    queue: deque[asyncio.Future[None]] = field(default_factory=deque)

    @asynccontextmanager
    async def place(self, whose: str, running: int, waiting: int) -> AsyncIterator[None]:
        """A place, as soon as there is one.

        Raises:
            Busy: as many wait already.
        """
        if self.running >= running or self.queue:
            await self._turn(whose, running, waiting)
        else:
            self.running += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self.usual_s += 0.1 * (time.monotonic() - began - self.usual_s)
            self.running -= 1
            self._next(running)

    async def _turn(self, whose: str, running: int, waiting: int) -> None:
        if len(self.queue) >= waiting:
            wait_s = max(1.0, self.usual_s * (len(self.queue) + 1) / running)
            raise Busy(
                f"{whose} has {self.running} requests under way and {len(self.queue)} waiting",
                "ask again later, or fewer at once",
                wait_s,
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.running -= 1  # its turn had come as it gave up
                self._next(running)
            else:
                with suppress(ValueError):  # it was passed over already
                    self.queue.remove(turn)
            raise

    def _next(self, running: int) -> None:
        while self.queue and self.running < running:
            turn = self.queue.popleft()
            if not turn.done():
                self.running += 1
                turn.set_result(None)


@dataclass(slots=True)
class Bucket:
    """So many requests a minute, and a minute's worth of them at once."""

    left: float
    at: float

    def take(self, per_minute: float, now: float) -> float:
        """0 where one may ask now, else the seconds until it may."""
        self.left = min(per_minute, self.left + (now - self.at) * per_minute / 60)
        self.at = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) * 60 / per_minute


@dataclass(slots=True)
class Rooms:
    """The lanes of all roles and keys, and how often each key has asked."""

    roles: dict[str, Lane] = field(default_factory=dict)
    keys: dict[str, Lane] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def count(self, key: str, per_minute: float | None) -> None:
        """Counts a request of the key.

        Raises:
            Busy: it has asked too often.
        """
        if per_minute is None:
            return
        now = time.monotonic()
        bucket = self.buckets.setdefault(key, Bucket(max(1.0, per_minute), now))
        wait_s = bucket.take(max(1.0, per_minute), now)
        if wait_s:
            what = f"the key {key!r} has asked more than {per_minute:g} times a minute"
            raise Busy(what, "ask less often", wait_s)

    @asynccontextmanager
    async def room(self, role: str, key: str, limits: Limits) -> AsyncIterator[None]:
        """A place in the key's lane and then in the role's.

        Raises:
            Busy: there is none, and too many wait for one.
        """
        own = self.keys.setdefault(key, Lane())
        lane = self.roles.setdefault(role, Lane())
        try:
            async with AsyncExitStack() as stack:
                whose = f"the key {key!r}"
                await stack.enter_async_context(
                    own.place(whose, limits.key_running, limits.key_waiting)
                )
                whose = f"the role {role!r}"
                await stack.enter_async_context(lane.place(whose, limits.running, limits.waiting))
                yield
        finally:
            if not own.running and not own.queue:
                self.keys.pop(key, None)
