"""What all clients of a run share: one event loop in a thread, one budget, one journal."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from srlr.collaboration.budget import PICO, Cost, Ledger
from srlr.collaboration.journal import Journal
from srlr.core.errors import ResourceError
from srlr.core.teaching import Budget

JOURNAL = "teacher/journal.jsonl"
"""Inside a run, and not in a stage's folder: doing the stage again does not pay again."""
T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What was asked in this process."""

    sent: int = 0
    answered: int = 0
    replayed: int = 0
    failed: int = 0


class Session:
    """Clients' common ground. `clean` takes out of texts what must not be sent or stored.

    Every text of a prompt passes through `clean` before it is hashed, sent or journalled, and every
    answer before it is journalled or read.
    """

    def __init__(self, journal: Path, budget: Budget, clean: Callable[[str], str] = str) -> None:
        self.journal = Journal(journal)
        self.ledger = Ledger(budget.usd, budget.tokens)
        self.budget = budget
        self.clean = clean
        self.tally = Tally()
        for cost in self.journal.known.spent:
            self.ledger.spend(cost)
        self.loop = asyncio.new_event_loop()
        self._freed = asyncio.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, done on the session's loop; call it from any other thread."""
        if self._closing:
            work.close()
            raise ResourceError("the session is closed", "the run goes on from where it was")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ResourceError(
                "the request was given up: another one ended the work", "see the first error"
            ) from None

    async def reserve(self, cost: Cost) -> None:
        """Keeps `cost` back; waits while requests under way may turn out cheaper.

        Raises:
            Spent: it fits not even when nothing is under way.
        """
        async with self._freed:
            while not self.ledger.fits(cost):
                if not self.ledger.reserved_tokens:
                    raise self.ledger.refusal(cost)
                await self._freed.wait()
            self.ledger.reserve(cost)

    async def settle(self, reserved: Cost, actual: Cost) -> None:
        async with self._freed:
            self.ledger.settle(reserved, actual)
            self._freed.notify_all()

    @property
    def nothing_bought(self) -> bool:
        """Whether no answer is there, neither from a server nor from the journal."""
        return not (self.tally.answered or self.tally.replayed)

    def cost(self) -> dict[str, Any]:
        """What the run's requests have cost, those of earlier processes included."""
        priced = any(cost.pico_usd is not None for cost in self.journal.known.spent)
        return {
            **asdict(self.tally),
            "tokens": self.ledger.tokens,
            "usd": round(self.ledger.pico / PICO, 6) if priced or self.ledger.pico else None,
            "unfinished": self.journal.known.open_ends,
        }

    def close(self) -> None:
        """Ends what is under way; whoever waits for it gets a ResourceError."""
        if self._closing:
            return
        self._closing = True
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextlib.contextmanager
def opened(journal: Path, budget: Budget, clean: Callable[[str], str] = str) -> Iterator[Session]:
    """A session that is closed at the end, however it ends."""
    session = Session(journal, budget, clean)
    try:
        yield session
    finally:
        session.close()
