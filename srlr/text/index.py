"""Which stored texts are nearest to a query: BM25 over words.

Index(["bad battery", "great lens"]).nearest("the battery", k=1)  ->  [(0, 0.6…)]
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from srlr.text.dedup import normalise

K1 = 1.2
B = 0.75


class Index:
    """Texts that can be searched; built once, never changed.

        score(q, d) = sum over w in q:  idf(w) tf (K1 + 1) / (tf + K1 (1 - B + B |d| / mean |d|))
        idf(w)      = ln(1 + (N - n + 0.5) / (n + 0.5))

    tf: how often w is in d; n: texts that hold w; N: all texts.
    Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance
    Framework: BM25 and Beyond", equation 3.14.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        import numpy as np

        counts = [Counter(normalise(text).split()) for text in texts]
        lengths = [sum(count.values()) for count in counts]
        mean = (sum(lengths) / len(lengths) if lengths else 0.0) or 1.0
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for position, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            norm = K1 * (1 - B + B * length / mean)
            for word, times in count.items():
                postings[word].append((position, times * (K1 + 1) / (times + norm)))
        self._size = len(texts)
        self._postings: dict[str, tuple[Any, Any]] = {}
        for word, entries in postings.items():
            idf = _idf(len(texts), len(entries))
            positions, weights = zip(*entries, strict=True)
            self._postings[word] = (np.array(positions), np.array(weights) * idf)

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with scores > 0, best first; equal scores in the texts' order."""
        import numpy as np

        scores = np.zeros(self._size)
        # In the query's order: sums in another order round otherwise, and ties would break by it.
        for word in dict.fromkeys(normalise(query).split()):
            if word in self._postings:
                positions, weights = self._postings[word]
                scores[positions] += weights
        scores[list(exclude)] = 0.0
        best = np.argsort(-scores, kind="stable")[:k]
        return [(int(i), float(scores[i])) for i in best if scores[i] > 0]

    def most(self, query: str) -> float:
        """What no text can score more than: every word of the query, without end."""
        weights = [
            _idf(self._size, len(self._postings.get(word, ((),))[0]))
            for word in set(normalise(query).split())
        ]
        return (K1 + 1) * math.fsum(weights) or 1.0


def _idf(texts: int, holders: int) -> float:
    return math.log(1 + (texts - holders + 0.5) / (holders + 0.5))
