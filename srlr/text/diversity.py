"""How varied a set of texts is: labels, lengths, words, and how far its texts lie apart."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from srlr.text.dedup import normalise


class Lengths(NamedTuple):
    """Quantiles of the number of words, interpolated between neighbours."""

    least: float
    p25: float
    median: float
    p75: float
    p95: float
    most: float


def distinct(texts: Iterable[str], n: int) -> float:
    """distinct-n in [0, 1]: different runs of n words over all of them; 0 where there are none.

    Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation
    Models", arXiv:1510.03055. It falls with the size of a set, so compare sets of a size.
    """
    seen: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        words = normalise(text).split()
        for place in range(len(words) - n + 1):
            seen.add(tuple(words[place : place + n]))
            total += 1
    return len(seen) / total if total else 0.0


def balance(counts: Mapping[str, int]) -> float:
    """Entropy over its greatest possible value: 1 where all are alike, 0 where one has all."""
    total = sum(counts.values())
    if len(counts) < 2 or not total:
        return 1.0
    shares = [count / total for count in counts.values() if count]
    return -math.fsum(share * math.log(share) for share in shares) / math.log(len(counts))


def lengths(texts: Iterable[str]) -> Lengths:
    """Zeros for no text."""
    ordered = sorted(len(text.split()) for text in texts)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    if not ordered:
        return Lengths(*(0.0,) * 6)
    return Lengths(*(round(at(share), 2) for share in (0, 0.25, 0.5, 0.75, 0.95, 1)))


def spread(texts: Sequence[str]) -> float:
    """The mean distance, 1 - cosine, of two texts' word counts: 0 all alike, 1 no word in common.

    Words count 1 + ln of how often they occur. Of unit vectors u_i the mean cosine of all pairs is
    (|Σu|² - Σ|u|²) / (N (N - 1)), so no pair is ever looked at.
    """
    total: Counter[str] = Counter()
    squares, count = 0.0, 0
    for text in texts:
        counts = Counter(normalise(text).split())
        weights = {word: 1 + math.log(n) for word, n in counts.items()}
        norm = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
        count += 1
        if norm:
            squares += 1.0
            for word, weight in weights.items():
                total[word] += weight / norm  # type: ignore[assignment]
    return _spread(math.fsum(value * value for value in total.values()), squares, count)


def embedding_spread(rows: Any) -> float:
    """The mean distance, 1 - cosine, of two texts by their embeddings: 0 where all mean the same.

    Args:
        rows: one of length 1 for each text. Shape: (N, size).
    """
    total = rows.sum(axis=0, dtype="float64")
    return _spread(float(total @ total), float((rows * rows).sum()), len(rows))


def _spread(square: float, squares: float, count: int) -> float:
    if count < 2:
        return 0.0
    return min(2.0, max(0.0, 1 - (square - squares) / (count * (count - 1))))
