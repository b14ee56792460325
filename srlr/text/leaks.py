"""Whether a text gives away another: the same after normalisation, nearly the same, or inside it.

    Guard(["The lens is sharp, and it is not dear."]).gives_away("Q: the lens is sharp and it is …")

Nearly: the word pairs' Jaccard similarity is at least dedup.NEAR. Inside: of CONTAINED words or
more, for a page may say "great phone" without being about that review.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from srlr.text.dedup import NEAR, normalise, shingles

CONTAINED = 4


class Guard:
    """Texts that must not be shown, looked up by the word pairs they have."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(dict.fromkeys(map(normalise, texts)))
        self._sizes: list[int] = []
        self._holders: dict[str, list[int]] = defaultdict(list)
        for position, text in enumerate(self._texts):
            pairs = shingles(text)
            self._sizes.append(len(pairs))
            for pair in pairs:
                self._holders[pair].append(position)

    def gives_away(self, text: str) -> bool:
        """Whether `text` is one of the texts, nearly, or has it inside."""
        inside = f" {normalise(text)} "
        for near, position in self._alike(text):
            words = self._texts[position]
            if near or (len(words.split()) >= CONTAINED and f" {words} " in inside):
                return True
        return False

    def repeats(self, text: str) -> bool:
        """Whether `text` is one of the texts, or nearly."""
        return any(near for near, _ in self._alike(text))

    def _alike(self, text: str) -> Iterator[tuple[bool, int]]:
        """Each of the texts that is nearly this one, or all of whose word pairs are in it."""
        pairs = shingles(text)
        shared = Counter(one for pair in pairs for one in self._holders.get(pair, ()))
        for position, count in shared.items():
            size = self._sizes[position]
            near = count >= NEAR * (len(pairs) + size - count)
            if near or count == size:
                yield near, position
