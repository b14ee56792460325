"""The words that speak for a label: more frequent in its texts than in those of the others."""

import math
import re
from collections import Counter
from collections.abc import Sequence

MOST = 40
"""Words kept of a label."""
FEWEST_TEXTS = 2
"""Texts of a label that have the word."""
LEAST_RATIO = 2.0
"""How much likelier a word must be in a text of the label than in another."""
TAKEN = {"none"}
"""Words that mean something else in the role's format."""


def words(text: str) -> set[str]:
    """The different words of a text, in small letters."""
    return set(re.findall(r"\w+", text.lower()))


def found(pairs: Sequence[tuple[str, str]], labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By label its words, those that tell most first.

    strength = n · log((n + 1/2) / (N + 1) · (M + 1) / (m + 1/2))
        n of the label's N texts have the word, m of the M others
    """
    having: dict[str, Counter[str]] = {label: Counter() for label in labels}
    texts = Counter(label for _, label in pairs)
    for text, label in pairs:
        having[label].update(words(text) - TAKEN)
    everywhere: Counter[str] = sum(having.values(), Counter())
    result = {}
    for label in labels:
        others = len(pairs) - texts[label]
        strength = {}
        for word, n in having[label].items():
            share = (n + 0.5) / (texts[label] + 1)
            elsewhere = (everywhere[word] - n + 0.5) / (others + 1)
            if n >= FEWEST_TEXTS and share >= LEAST_RATIO * elsewhere and not word.isdigit():
                strength[word] = n * math.log(share / elsewhere)
        best = sorted(strength, key=lambda word: (-strength[word], word))
        result[label] = tuple(best[:MOST])
    return result
