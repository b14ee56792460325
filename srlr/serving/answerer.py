"""What a worker needs of whatever answers in it, and how an engine's name becomes one."""

import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from srlr.serving.asked import Ask, Late, Piece
from srlr.serving.spec import Spec

WINDOW_S = 10.0


class Answerer(Protocol):
    """A model that answers several at once."""

    @property
    def running(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    @property
    def tokens_per_second(self) -> float: ...

    @property
    def replay(self) -> str:
        """How an answer goes on that another worker began: "exact", or "rounding" where near ties
        may fall otherwise.
        """

    def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The pieces of one answer; whoever closes the iterator no longer wants it.

        Raises:
            Refused, Busy, Late: before the first piece. Late, Gone: later.
        """


@dataclass(slots=True)
class Pace:
    """Tokens of the last WINDOW_S seconds."""

    said: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, tokens: int) -> None:
        self.said.append((time.monotonic(), tokens))
        self._forget()

    @property
    def tokens_per_second(self) -> float:
        self._forget()
        return round(sum(tokens for _, tokens in self.said) / WINDOW_S, 2)

    def _forget(self) -> None:
        while self.said and self.said[0][0] < time.monotonic() - WINDOW_S:
            self.said.popleft()


def seconds_left(ask: Ask) -> float | None:
    """Until the deadline; None where there is none.

    Raises:
        Late: it is over.
    """
    if ask.deadline is None:
        return None
    left = ask.deadline - time.time()
    if left <= 0:
        raise late(ask)
    return left


def late(ask: Ask) -> Late:
    return Late(
        f"the answer {ask.id!r} was not ready by its deadline",
        "allow it more time, or fewer tokens",
    )


def load(spec: Spec, beside: Path) -> Answerer:
    """The release, in this process.

    Args:
        beside: the worker's socket; another one that is needed has a name that begins alike.

    Raises:
        SrlrError: it cannot be loaded.
    """
    if spec.engine == "llamacpp":
        from srlr.serving import llama

        return llama.load(spec, beside)
    from srlr.serving import batched

    return batched.load(spec)
