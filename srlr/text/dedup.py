"""When two texts are the same: exactly after normalisation, or nearly by the word pairs they share.

normalise("Great  phone!!") == normalise("great phone")
near("a b c … z", "a b c … z again")       Jaccard of the word pairs >= 0.9
"""

import itertools
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

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


def duplicates(
    texts: Sequence[str], against: Iterable[str] = (), threshold: float = NEAR
) -> dict[int, str]:
    """Positions in `texts` that repeat an earlier one or one of `against`, and what they repeat.

    Prefix filtering keeps it cheap: two sets with Jaccard >= t share at least one of the rarest
    n - ceil(t n) + 1 members of either, so only texts that meet there are compared.
    """
    fixed = list(against)
    everything = [*fixed, *texts]
    sets = [shingles(text) for text in everything]
    frequency = Counter(member for members in sets for member in members)
    meets: dict[str, list[int]] = defaultdict(list)
    found: dict[int, str] = {}
    for position, members in enumerate(sets):
        ordered = sorted(members, key=lambda member: (frequency[member], member))
        prefix = ordered[: len(ordered) - math.ceil(threshold * len(ordered)) + 1]
        rivals = dict.fromkeys(rival for member in prefix for rival in meets[member])
        if position >= len(fixed):
            twin = next((r for r in rivals if jaccard(members, sets[r]) >= threshold), None)
            if twin is not None:
                found[position - len(fixed)] = everything[twin]
                continue
        for member in prefix:
            meets[member].append(position)
    return found
