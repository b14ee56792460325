"""Two linear scorers distilled into one small file: how much a text reads like known attacks, and
how much like an insult.

    score(window) = bias + Σ w[crc32(feature) mod SIZE] / sqrt(number of features)

A feature is a word, a pair of neighbouring words and, for insults, four letters of a word. Scored
are the whole text, every sentence and every three sentences in a row; the highest counts, so that
neither a long harmless text nor a short harmful sentence hides the other. Scores are log-odds on
the rows it was learnt from, compared with thresholds that were chosen on harmless ones.

benchmarks/guard_train.py writes the file: weights by hash, no word of any row.

Source: Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning".
"""

import base64
import json
import math
import re
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise, repeat
from pathlib import Path
from typing import Literal

from srlr.core.guarding import Level

Head = Literal["injection", "toxicity"]
FILE = Path(__file__).with_name("weights.json")
BITS = 15
SIZE = 1 << BITS
GRAM = 4
LONGEST = 16_000
"""Characters that are scored."""
_TOKEN = re.compile(
    r"https?:\S{1,200}|www\.\S{1,200}|[@#]\w+|&#?\w{1,8};|([a-z][a-z']{0,23})|([.!?\n]+)"
)


@dataclass(frozen=True, slots=True)
class Weights:
    """One head: weights as signed bytes, the number that one of them is worth, a bias."""

    table: Sequence[int]
    unit: float
    bias: float
    thresholds: dict[Level, float]


@dataclass(frozen=True, slots=True)
class Score:
    """The highest score of all windows, and the sentences of that window."""

    value: float
    parts: Sequence["Sentence"]
    head: Head

    def telling(self, most: int = 3) -> list[str]:
        """The words that weighed most."""
        said = {word: _weight(word, self.head) for part in self.parts for word in part.words}
        return sorted((word for word in said if said[word] > 0), key=lambda w: -said[w])[:most]


@cache
def weights() -> dict[Head, Weights]:
    """What the file holds, read once."""
    said = json.loads(FILE.read_text(encoding="utf-8"))
    heads: dict[Head, Weights] = {}
    for head, one in said["heads"].items():
        table = array("b", zlib.decompress(base64.b64decode(one["table"])))
        heads[head] = Weights(table, one["unit"], one["bias"], one["thresholds"])
    return heads


@dataclass(frozen=True, slots=True)
class Sentence:
    """Its words, and the places of their pairs."""

    words: list[str]
    pairs: list[int]


def sentences(text: str) -> list[Sentence]:
    """The text's sentences that have words; `text` is in plain form. Names, links and tags are no
    words.
    """
    found: list[list[str]] = [[]]
    for word, end in _TOKEN.findall(text[:LONGEST]):
        if word:
            found[-1].append(word)
        elif end and found[-1]:
            found.append([])
    return [
        Sentence(words, [_of_pair(f"{a} {b}") for a, b in pairwise(words)])
        for words in found
        if words
    ]


def place(feature: str) -> int:
    return zlib.crc32(feature.encode()) & (SIZE - 1)


def of_word(word: str, head: Head) -> tuple[int, ...]:
    """Places of a word's own features."""
    places = (place(word),)
    if head == "injection" or len(word) < GRAM:
        return places
    marked = f"<{word}>"
    return places + tuple(
        place("#" + marked[at : at + GRAM]) for at in range(len(marked) - GRAM + 1)
    )


@lru_cache(maxsize=65_536)
def _of_pair(pair: str) -> int:
    return place(pair)


@lru_cache(maxsize=32_768)
def _weight(word: str, head: Head) -> int:
    """The sum of what a word's own features weigh."""
    table = weights()[head].table
    return sum(table[at] for at in of_word(word, head))


def _count(word: str, head: Head) -> int:
    return 1 if head == "injection" or len(word) < GRAM else len(word) + 4 - GRAM


def score(parts: Sequence[Sentence], head: Head) -> Score:
    """Of a text's sentences; of a text without words what the bias says."""
    one = weights()[head]
    weigh, heads = one.table.__getitem__, repeat(head)
    sums = [
        (
            sum(map(_weight, part.words, heads)) + sum(map(weigh, part.pairs)),
            sum(map(_count, part.words, heads)) + len(part.pairs),
        )
        for part in parts
    ]
    best, first, last = _best(sums)
    return Score(one.bias + one.unit * best, parts[first:last], head)


def above(parts: Sequence[Sentence], head: Head, level: Level) -> Score | None:
    """The score, where it reaches the level's threshold."""
    found = score(parts, head)
    return found if found.value >= weights()[head].thresholds[level] else None


def _best(sums: Sequence[tuple[int, int]]) -> tuple[float, int, int]:
    """The highest sum by root of count over all windows, and which sentences it is of."""
    whole = (sum(total for total, _ in sums), sum(count for _, count in sums))
    best, first, last = whole[0] / math.sqrt(max(whole[1], 1)), 0, len(sums)
    for width in (1, 3):
        if width >= len(sums):
            break
        for at in range(len(sums) - width + 1):
            total = sum(one[0] for one in sums[at : at + width])
            count = sum(one[1] for one in sums[at : at + width])
            value = total / math.sqrt(max(count, 1))
            if value > best:
                best, first, last = value, at, at + width
    return best, first, last
