"""What the gateway asks a worker, and what a worker sends back, piece by piece.

A worker answers an `Ask` with `Piece`s, the last of which has a `finish`. The pieces' tokens, one
after the other, are the answer's tokens, and their texts its text: a token whose text is not whole
yet (a character of several tokens, what may become a stop text) is held back until it is. So an
answer that a worker leaves unfinished goes on anywhere: ask again with `delivered`, and the other
worker sends what follows, the same tokens where nothing is drawn or the seed is the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from srlr.core.errors import SrlrError
from srlr.core.types import Message

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer that is wanted, to a chat (`messages`) or to a bare text (`prompt`).

    `max_tokens` counts those delivered already. Draws depend on `seed` and a token's place in the
    answer alone; `temperature` 0 draws nothing.
    """

    id: str
    role: str
    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    said: tuple[Message, ...] = ()
    """What the client said, where `messages` were made of it: another version makes its own. Empty
    once a worker is asked.
    """
    max_tokens: int = 128
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    delivered: tuple[int, ...] = ()
    """Tokens of the answer that whoever asks has already."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema that bounds what may be said: the state of that cannot move to another worker,
    so such an answer is begun anew and never continued.
    """
    deadline: float | None = None
    """Seconds since the epoch after which nobody waits any more."""
    conversation: str | None = None
    """What keeps one visitor's requests with one version."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was said since the last piece; the last one has the reason for its end."""

    tokens: tuple[int, ...]
    text: str
    finish: Finish | None = None
    prompt_tokens: int = 0
    """Of the prompt as the model read it, without what was delivered; 0 but in the last piece."""
    untold: int = 0
    """Tokens of the whole answer, where its worker tells text alone; 0 but in the last piece."""


class Refused(SrlrError):
    """The request cannot be answered as it is, by any worker: HTTP 400."""

    exit_code = 2


class Busy(SrlrError):
    """There is no room now: HTTP 429 or 503, with the seconds after which to try again."""

    exit_code = 4

    def __init__(self, what: str, hint: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(what, hint)
        self.retry_after_s = retry_after_s


class Late(SrlrError):
    """Nobody waits any more: the deadline is over. HTTP 504."""

    exit_code = 4


class Gone(SrlrError):
    """The worker ended, or did not answer, before the answer was finished."""

    exit_code = 4
