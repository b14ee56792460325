"""What stands behind the gateway: models by name, and answers. The gateway knows no more of
workers, versions and shares than this.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from srlr.serving.asked import Ask, Piece
from srlr.serving.speaking import Speaker


@dataclass(frozen=True, slots=True)
class Served:
    """A release that can be asked.

    `current` answers to the role's bare name; `created` is in seconds since the epoch.
    """

    role: str
    version: str
    speaker: Speaker
    created: int = 0
    current: bool = True

    @property
    def name(self) -> str:
        return f"{self.role}@{self.version}"


class Answer(Protocol):
    """The pieces of an answer; which version gave it, and whether it was moved to another worker
    on the way, once they are over. Closing it frees the worker.
    """

    @property
    def version(self) -> str: ...

    @property
    def form(self) -> str:
        """The version as which the text is to be read: the one that began it."""

    @property
    def migrated(self) -> bool: ...

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    async def aclose(self) -> None: ...


class Backend(Protocol):
    """Where answers come from."""

    def models(self) -> Sequence[Served]:
        """What can be asked now; cheap, called with every request."""

    def answer(self, ask: Ask, version: str | None, *, whole: bool) -> Answer:
        """The answer to `ask`, of the version, or of whichever one `ask.role` has for it.

        Args:
            whole: nothing is sent on before its end, so it may be begun anew.

        Its iterator raises Refused, Busy, Late or Gone.
        """

    def judge(self, ask: Ask, *, valid: bool | None, violation: bool) -> None:
        """Told of every answer once it was read and checked: what a version is judged by."""

    def unready(self) -> str | None:
        """Why no answer can be had now; None where every role has a worker that has generated."""
