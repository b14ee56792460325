"""Which texts are nearest to a query, by words and by meaning together.

    Both(Index(texts), Exact(texts, vectors)).nearest("how do I return it?", 3)

The mean of two scores that are each at most 1 and say how well a text matches, not only that it
matches better than others. Ranks say the second alone: where words hardly match, as between a
question and code, reciprocal rank fusion counts their noise as much as the embeddings' hits:
docs/retriever.md has figures.

    score(d) = (BM25(d) / the most that any text could score  +  cosine(d)) / 2

Source: Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval",
arXiv:2210.11934: a convex combination with theoretical bounds in place of ranks.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from srlr.text.index import Index

DEPTH = 50
"""How far down both rankings are looked at, at least."""


class Ranking(Protocol):
    """Texts that can be searched, by their positions."""

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with scores > 0, the best first."""


class Both:
    """The words and the vectors of the same texts as one ranking."""

    def __init__(self, words: Index, rows: Ranking) -> None:
        self._words, self._rows = words, rows

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with scores in (0, 1], the best first; equal ones in order."""
        deep = max(DEPTH, k)
        most = self._words.most(query)
        words = [(at, one / most) for at, one in self._words.nearest(query, deep, exclude)]
        rows = self._rows.nearest(query, deep, exclude)
        scores = dict.fromkeys((at for at, _ in (*words, *rows)), 0.0)
        for found in (words, rows):
            known, least = dict(found), _least(found, deep)
            for position in scores:
                scores[position] += known.get(position, least) / 2
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def _least(found: Sequence[tuple[int, float]], deep: int) -> float:
    """What a text that was not found scores at most: 0 where all that score were found."""
    return found[-1][1] if len(found) >= deep else 0.0
