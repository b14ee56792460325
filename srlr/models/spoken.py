"""An answer as it is told while it grows: pieces that are whole.

A token is held back while its text is not: where it is half a letter, or where what it ends with
may become a stop text. The pieces' texts, one after the other, are the text of their tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

BROKEN = "\ufffd"
"""What half a letter is decoded as."""


class Words(Protocol):
    """What Spoken needs of a model: its tokenizer's side."""

    @property
    def stop_tokens(self) -> tuple[int, ...]: ...

    def decode(self, tokens: Sequence[int]) -> str: ...


@dataclass(frozen=True, slots=True)
class Part:
    """What was said since the last part; `ended` by a stop token or a stop text."""

    tokens: tuple[int, ...]
    text: str
    ended: bool = False


class Spoken:
    """Tokens of one answer, in; parts, out."""

    def __init__(self, model: Words, stops: Sequence[str] = (), before: Sequence[int] = ()) -> None:
        """`before` are tokens of the answer that were told already."""
        self.model, self.stops = model, tuple(stop for stop in stops if stop)
        self.tokens = list(before)
        self.told = len(self.tokens)
        # Some tokenizers write a token otherwise where nothing comes before it.
        self.since = max(0, self.told - 8)

    def add(self, token: int) -> Part | None:
        """What can be told now; None where it is held back."""
        self.tokens.append(token)
        if token in self.model.stop_tokens:
            return self._tell(len(self.tokens), self._fresh(len(self.tokens) - 1), ended=True)
        fresh = self._fresh(len(self.tokens))
        if any(stop in fresh for stop in self.stops):
            return self._stopped()
        if fresh.endswith(BROKEN) or self._may_stop(fresh):
            return None
        return self._tell(len(self.tokens), fresh)

    def rest(self) -> Part:
        """What was held back, where the answer ends here."""
        return self._tell(len(self.tokens), self._fresh(len(self.tokens)))

    def _stopped(self) -> Part:
        """The fewest tokens that make a stop text whole, and the text before it."""
        size = len(self.tokens)
        while any(stop in self._fresh(size - 1) for stop in self.stops):
            size -= 1
        fresh = self._fresh(size)
        cut = min(fresh.find(stop) for stop in self.stops if stop in fresh)
        return self._tell(size, fresh[:cut], ended=True)

    def _tell(self, size: int, text: str, *, ended: bool = False) -> Part:
        part = Part(tuple(self.tokens[self.told : size]), text, ended)
        self.since, self.told = self.told, size
        return part

    def _fresh(self, size: int) -> str:
        """The text of the first `size` tokens that was not told yet."""
        before = self.model.decode(self.tokens[self.since : self.told])
        return self.model.decode(self.tokens[self.since : size])[len(before) :]

    def _may_stop(self, text: str) -> bool:
        return any(
            text.endswith(stop[:size]) for stop in self.stops for size in range(1, len(stop))
        )
