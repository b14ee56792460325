"""The matching blocks of difflib.SequenceMatcher(None, a, b, autojunk=False), counted fast.

difflib looks for the longest common run in the whole texts, then on either side of it, and so on,
and reads both texts anew each time. Here all common runs of at least q items are found once, by
sorting; a part of the texts then chooses among those that reach into it. Parts that hold none, and
small ones, are left to cydifflib; so are words and tokens, of which few are alike.

    q-grams get exact ranks by doubling (2-grams of 2-grams are 4-grams), so that no two are
    mistaken for each other; places where both texts have one, lined up by diagonal, are the runs.

q grows until at most RUNS places agree, so texts that repeat themselves cost no more than others.
Source of the ranks: Karp, Miller and Rosenberg 1972, "Rapid identification of repeated patterns".
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Items = Sequence[Hashable]
Ints = NDArray[np.int64]

SMALL = 20_000
"""Pairs of items that cydifflib looks through sooner than a part's runs are chosen."""
RUNS = 4_000
"""Places that may agree; more are not worth their sorting."""
LEAST, MOST = 4, 64
"""Of q. Shorter runs are too many, longer ones too few to be of use."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Common runs of at least `q` items: where they begin in each text, and their sizes."""

    i: Ints
    j: Ints
    size: Ints
    q: int

    def within(self, a: slice, b: slice) -> "Runs":
        """What of them lies in these parts of the texts."""
        cut = np.maximum(np.maximum(a.start - self.i, b.start - self.j), 0)
        i, j = self.i + cut, self.j + cut
        size = np.minimum(np.minimum(self.size - cut, a.stop - i), b.stop - j)
        kept = size >= self.q
        return Runs(i[kept], j[kept], size[kept], self.q)

    def longest(self) -> tuple[int, int, int]:
        """Of the longest, the first in `a`; of those, the first in `b`."""
        most = self.size.max()
        those = np.flatnonzero(self.size == most)
        those = those[self.i[those] == self.i[those].min()]
        one = those[self.j[those].argmin()]
        return int(self.i[one]), int(self.j[one]), int(most)


def matched(a: Items, b: Items) -> int:
    """Items in the matching blocks of two texts."""
    runs = None
    if isinstance(a, str) and isinstance(b, str) and len(a) * len(b) > SMALL:
        runs = common(a, b)
    if runs is None:
        return _small(a, b)
    total = 0
    parts = [(slice(0, len(a)), slice(0, len(b)), runs)]
    while parts:
        own, other, runs = parts.pop()
        runs = runs.within(own, other)
        small = (own.stop - own.start) * (other.stop - other.start) <= SMALL
        if small or not len(runs.i):
            total += _small(a[own], b[other])
            continue
        i, j, size = runs.longest()
        total += size
        parts.append((slice(own.start, i), slice(other.start, j), runs))
        parts.append((slice(i + size, own.stop), slice(j + size, other.stop), runs))
    return total


def common(a: str, b: str) -> Runs | None:
    """All maximal common runs of at least q items; None where no q leaves few enough of them."""
    letters = np.frombuffer((a + b).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    rank_A, rank_B = _ranked(letters.astype(np.int64), len(a))
    q = 1
    while q < MOST and min(len(rank_A), len(rank_B)) > q:
        both = np.concatenate([rank_A[:-q] << 32 | rank_A[q:], rank_B[:-q] << 32 | rank_B[q:]])
        rank_A, rank_B = _ranked(both, len(rank_A) - q)
        q *= 2
        if q < LEAST:
            continue
        kinds = int(max(rank_A.max(), rank_B.max())) + 1
        count_B = np.bincount(rank_B, minlength=kinds)
        if count_B[rank_A].sum() <= RUNS:
            return _lined_up(rank_A, rank_B, count_B, q)
    return None


def _ranked(values: Ints, first: int) -> tuple[Ints, Ints]:
    """Small numbers instead of the values; those of the first text and of the other."""
    order = values.argsort()  # np.unique would sort twice
    ascending = values[order]
    rank = np.empty_like(values)
    rank[order] = np.cumsum(np.diff(ascending, prepend=ascending[:1]) != 0)
    return rank[:first], rank[first:]


def _lined_up(rank_A: Ints, rank_B: Ints, count_B: Ints, q: int) -> Runs:
    """Runs from the places where q-grams agree: neighbours on one diagonal are one run."""
    count_A = count_B[rank_A]
    if not count_A.any():
        none = np.empty(0, np.int64)
        return Runs(none, none, none, q)
    first = np.concatenate([[0], np.cumsum(count_B)])
    order = np.argsort(rank_B, kind="stable")
    i = np.repeat(np.arange(len(rank_A)), count_A)
    nth = np.arange(len(i)) - np.repeat(np.cumsum(count_A) - count_A, count_A)
    j = order[np.repeat(first[rank_A], count_A) + nth]
    wide = len(rank_A) + 1
    key = np.sort((j - i + wide) * wide + i)
    starts = np.flatnonzero(np.diff(key, prepend=-2) != 1)
    diagonal, i = np.divmod(key[starts], wide)
    size = np.diff(starts, append=len(key)) + q - 1
    return Runs(i, i + diagonal - wide, size, q)


def _small(a: Items, b: Items) -> int:
    if not a or not b:
        return 0
    try:
        from cydifflib import SequenceMatcher
    except ImportError:  # it has no wheel for every Python; difflib gives the same, slower
        from difflib import SequenceMatcher
    # autojunk would drop every item that is frequent in a text of 200 or more, in prose nearly
    # every character: see test_long_actions_keep_their_signal.
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return sum(block[2] for block in matcher.get_matching_blocks())
