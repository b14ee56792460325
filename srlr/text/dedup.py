"""When two texts are the same: exactly after normalisation, or nearly by the word pairs they share.

normalise("Great  phone!!") == normalise("great phone")
near("a b c … z", "a b c … z again")       Jaccard of the word pairs >= 0.9
"""

import itertools
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NEAR = 0.9
"""Jaccard similarity of word-pair sets from which two texts count as the same."""

_WORD = re.compile(r"\w+(?:'\w+)*")


def normalise(text: str) -> str:
    """Words in lower case, one space between them; a text without words keeps its signs."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(_WORD.findall(folded)) or " ".join(folded.split())


def shingles(text: str) -> frozenset[str]:
    """The set of neighbouring word pairs of the normalised text; a single word is its own set."""
    words = normalise(text).split()
    if len(words) < 2:
        return frozenset(words)
    return frozenset(f"{a} {b}" for a, b in itertools.pairwise(words))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """|a and b| / |a or b|, in [0, 1]; 0 where either is empty."""
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared) if shared else 0.0


def unique(texts: Sequence[str]) -> list[int]:
    """Positions of the first occurrence of every normalised text, in order."""
    seen: set[str] = set()
    kept = []
    for position, text in enumerate(texts):
        key = normalise(text)
        if key not in seen:
            seen.add(key)
            kept.append(position)
    return kept


def duplicates(texts: Sequence[str], threshold: float = NEAR) -> dict[int, str]:
    """Positions in `texts` that repeat an earlier one that repeats none, and what they repeat.

    Prefix filtering keeps it cheap: two sets with Jaccard >= t share at least one of the rarest
    n - ceil(t n) + 1 members of either, so only texts that meet there are compared.
    """
    sets = [shingles(text) for text in texts]
    frequency = Counter(member for members in sets for member in members)
    meets: dict[str, list[int]] = defaultdict(list)
    found: dict[int, str] = {}
    for position, members in enumerate(sets):
        prefix = _rarest(members, frequency, threshold)
        rivals = dict.fromkeys(rival for member in prefix for rival in meets[member])
        twin = next((r for r in rivals if jaccard(members, sets[r]) >= threshold), None)
        if twin is not None:
            found[position] = texts[twin]
            continue
        for member in prefix:
            meets[member].append(position)
    return found


class Match(NamedTuple):
    """One of `against`, and the Jaccard similarity to it; 1 for the same normalised text."""

    text: str
    similarity: float


def repeats(
    texts: Sequence[str], against: Sequence[str], threshold: float = NEAR
) -> dict[int, Match]:
    """Positions in `texts` that repeat one of `against`, with the one most like it."""
    fixed = [shingles(text) for text in against]
    exact = {normalise(text): text for text in reversed(against)}
    frequency = Counter(member for members in fixed for member in members)
    meets: dict[str, list[int]] = defaultdict(list)
    for position, members in enumerate(fixed):
        for member in _rarest(members, frequency, threshold):
            meets[member].append(position)
    found: dict[int, Match] = {}
    for position, text in enumerate(texts):
        same = exact.get(normalise(text))
        if same is not None:
            found[position] = Match(same, 1.0)
            continue
        members = shingles(text)
        prefix = _rarest(members, frequency, threshold)
        rivals = dict.fromkeys(rival for member in prefix for rival in meets.get(member, ()))
        near = [(jaccard(members, fixed[rival]), -rival) for rival in rivals]
        similarity, rival = max(near, default=(0.0, 0))
        if similarity >= threshold:
            found[position] = Match(against[-rival], similarity)
    return found


def _rarest(members: frozenset[str], frequency: Mapping[str, int], threshold: float) -> list[str]:
    """The members of which two sets that are alike share one."""
    ordered = sorted(members, key=lambda member: (frequency[member], member))
    return ordered[: len(ordered) - math.ceil(threshold * len(ordered)) + 1]
