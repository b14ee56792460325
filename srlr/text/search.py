"""Which texts are nearest to a query, by several rankings together.

    Fused([Index(texts), Exact(texts, vectors)]).nearest("how do I return it?", 3)

Reciprocal rank fusion: the scores of words and of embeddings cannot be compared, their ranks can.

    score(d) = sum over rankings of  1 / (K + rank of d)        rank from 1; nothing where absent

Source: Cormack, Clarke and Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods", K = 60.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

K = 60
DEPTH = 50
"""How far down each ranking is fused, at least."""


class Ranking(Protocol):
    """Texts that can be searched, by their positions."""

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with scores > 0, the best first."""


class Fused:
    """Rankings of the same texts as one."""

    def __init__(self, rankings: Sequence[Ranking]) -> None:
        self._rankings = tuple(rankings)

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with their fused scores, the best first."""
        found = [one.nearest(query, max(DEPTH, k), exclude) for one in self._rankings]
        return fused([[position for position, _ in ranking] for ranking in found])[:k]


def fused(rankings: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """Every position with its score, the greatest first; equal ones by position."""
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, position in enumerate(ranking, 1):
            scores[position] += 1 / (K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
