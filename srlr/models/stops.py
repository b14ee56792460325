"""What ends an answer: a stop token, or a text that the answer has come to contain."""

from collections.abc import Sequence
from dataclasses import dataclass

from srlr.models.local import LocalModel

SPARE_TOKENS = 8
"""Read before the tokens a stop text can be made of: the first ones read may be half a letter."""


@dataclass(frozen=True, slots=True)
class Stops:
    """The model's stop tokens and these texts."""

    model: LocalModel
    texts: tuple[str, ...] = ()

    def reached(self, said: Sequence[int]) -> bool:
        """Whether an answer ends with the last of these tokens, having not ended before.

        Only the last tokens are made text: as many as the longest stop text has bytes, as none of
        its tokens is shorter than one.
        """
        if said[-1] in self.model.stop_tokens:
            return True
        if not self.texts:
            return False
        bytes_ = max(len(text.encode()) for text in self.texts)
        return self._found(said[-bytes_ - SPARE_TOKENS :]) and self._found(said)

    def finish(self, said: Sequence[int]) -> tuple[str, int, bool]:
        """An answer's text up to what ends it, its number of tokens, and whether it did end.

        The tokens are the fewest that make a stop text whole: its letters are theirs, not the
        text's.
        """
        stopped = said[-1] in self.model.stop_tokens
        size = len(said) - stopped
        if not self.texts or not self._found(said[:size]):
            return self.model.decode(said[:size]), len(said), stopped
        while self._found(said[: size - 1]):
            size -= 1
        text = self.model.decode(said[:size])
        return text[: min(text.find(stop) for stop in self.texts if stop in text)], size, True

    def _found(self, said: Sequence[int]) -> bool:
        text = self.model.decode(said)
        return any(stop in text for stop in self.texts)
