"""What words say about a text's polarity, and where the text itself says to read them otherwise.

    "I do not love the battery."     love +3.2            bare count: positive
                                     negation ("not")     -> negative

`hits` finds words of VADER's lexicon, `counted` takes the sign of their sum, and `evidence` says
what in a text speaks for one of five overrides of that count. Nothing here sees a gold label.

Source: the lexicon is that of Hutto and Gilbert 2014 (package vaderSentiment, MIT), read as data.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from srlr.core.errors import MissingArtifact

SIGN = {"positive": 1, "neutral": 0, "negative": -1}
LABEL = {sign: label for label, sign in SIGN.items()}
KINDS = ("negation", "contrast", "intensity", "sarcasm", "implicit")
"""Overrides, most specific first."""

WEAK = 2.0
"""A sum of this size or less is one mild word's worth: too little to decide alone."""
REACH = 4
"""Words between a negator or degree word and the word it governs."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


NEGATORS = _words(
    """not no never none nothing neither nor nowhere nobody without cannot hardly barely scarcely
    rarely seldom lack lacks lacking cant dont doesnt didnt isnt wasnt wont aint arent couldnt
    wouldnt shouldnt"""
)
CONTRASTS = _words(
    """but however although though yet except despite while whereas unfortunately nevertheless
    still"""
)
BOOSTERS = _words(
    """very really so too extremely absolutely completely totally highly incredibly especially most
    much quite super such definitely truly well"""
)
DIMINISHERS = _words(
    """somewhat slightly little bit kinda kind sort sorta fairly pretty partly almost rather ok
    okay only"""
)
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_IRONY = re.compile(
    r"[\"“”]|''|yeah,? right|\bthanks\b|\bhow nice\b|\boh,? |!|\?|\.\.\.|…|\bgreat,", re.I
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A lexicon word at a position among a text's tokens; `valence` in [-4, 4]."""

    position: int
    word: str
    valence: float


@lru_cache(maxsize=1)
def lexicon() -> Mapping[str, float]:
    """Word or emoticon -> mean rating in [-4, 4], from the installed vaderSentiment; never run.

    Raises:
        MissingArtifact: vaderSentiment is not installed.
    """
    spec = find_spec("vaderSentiment")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / "vader_lexicon.txt").exists():
        raise MissingArtifact(
            "the sentiment lexicon is in the package 'vaderSentiment', which is not installed",
            "pip install 'srlr[train]'",
        )
    rows = (folder / "vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    return {row.split("\t")[0]: float(row.split("\t")[1]) for row in rows if row}


def tokens(text: str) -> list[str]:
    """Words as written, and emoticons the lexicon knows, in order."""
    known = lexicon()
    found: list[str] = []
    for chunk in text.split():
        if chunk.lower() in known:
            found.append(chunk)
            continue
        for word in _TOKEN.findall(chunk):
            whole = "-" not in word or word.lower() in known
            found.extend([word] if whole else word.split("-"))
    return found


def hits(words: Sequence[str]) -> list[Hit]:
    """The lexicon's words among `words`, in order."""
    known = lexicon()
    return [
        Hit(position, word.lower(), known[word.lower()])
        for position, word in enumerate(words)
        if word.lower() in known
    ]


def total(found: Sequence[Hit]) -> float:
    return round(sum(hit.valence for hit in found), 2)


def strongest(found: Sequence[Hit], most: int) -> tuple[tuple[str, str], ...]:
    """At most `most` different words of largest valence in text order, each as "love", "+3"."""
    first = {hit.word: hit for hit in reversed(found)}
    chosen = sorted(first.values(), key=lambda hit: (-abs(hit.valence), hit.position))[:most]
    ordered = sorted(chosen, key=lambda hit: hit.position)
    return tuple((hit.word, _rounded(hit.valence)) for hit in ordered)


def _rounded(valence: float) -> str:
    """ "+1" to "+4" or "-1" to "-4": a word of the lexicon always counts for something."""
    return f"{math.copysign(max(1, round(abs(valence))), valence):+.0f}"


def counted(found: Sequence[Hit]) -> str:
    """The bare word count: the label that has the sign of the summed valences."""
    score = total(found)
    return LABEL[(score > 0) - (score < 0)]


def evidence(kind: str, text: str, result: str) -> str | None:
    """What in `text` speaks for reading it as `result` against the bare count; None if nothing."""
    words = tokens(text)
    found = hits(words)
    return _RULES[kind](text, words, found, result)


def edge_cases(text: str, label: str) -> tuple[str, ...]:
    """What makes a text of that label hard to read: "sarcasm", or "mixed" feelings."""
    found = hits(tokens(text))
    praise, blame = ([hit for hit in found if hit.valence * side > 0] for side in (1, -1))
    sarcastic = counted(found) == "positive" and evidence("sarcasm", text, label)
    return (*(("sarcasm",) if sarcastic else ()), *(("mixed",) if praise and blame else ()))


def _negation(text: str, words: Sequence[str], found: Sequence[Hit], result: str) -> str | None:
    """A negator up to REACH words before a word whose reversal moves the count to the result."""
    towards = SIGN[result] - SIGN[counted(found)]
    for position, word in enumerate(words):
        if not _negates(word):
            continue
        for hit in found:
            governed = 0 < hit.position - position <= REACH
            if governed and not _negates(hit.word) and -hit.valence * towards > 0:
                return f"{word} … {hit.word}"
    negator = next((word for word in words if _negates(word)), None)
    mute = all(_negates(hit.word) for hit in found)
    return f"{negator}, with no lexicon word to turn" if negator and mute and towards < 0 else None


def _contrast(text: str, words: Sequence[str], found: Sequence[Hit], result: str) -> str | None:
    """A contrast word with a side whose own count is the result, or two sides that cancel out."""
    for position, word in enumerate(words):
        if word.lower() not in CONTRASTS:
            continue
        before = total([hit for hit in found if hit.position < position])
        after = total([hit for hit in found if hit.position > position])
        side = SIGN[result]
        if after * side > 0 or before * side > 0 or (side == 0 and before * after <= 0):
            return f"{word}: {before:+.1f} before it, {after:+.1f} after it"
    return None


def _intensity(text: str, words: Sequence[str], found: Sequence[Hit], result: str) -> str | None:
    """Too mild for a polar label; or stress, against the count, on a word of the result's sign."""
    score = total(found)
    if result == "neutral":
        softener = next((word for word in words if word.lower() in DIMINISHERS), None)
        if abs(score) <= WEAK:
            return f"the words add up to {score:+.1f} only"
        return f"{softener} softens it" if softener and abs(score) <= 2 * WEAK else None
    for hit in found:
        stressed = {word.lower() for word in words[max(0, hit.position - 2) : hit.position]}
        loud = stressed & BOOSTERS or (words[hit.position].isupper() and len(hit.word) > 2)
        if hit.valence * SIGN[result] > 0 and (loud or text.rstrip().endswith("!")):
            return f"{hit.word} {hit.valence:+.1f} is stressed"
    return None


def _sarcasm(text: str, words: Sequence[str], found: Sequence[Hit], result: str) -> str | None:
    """Praise in words, blame in fact: quotes, "yeah right", "?", "!" or dots beside the praise."""
    cue = _IRONY.search(text)
    if result != "negative" or counted(found) != "positive" or cue is None:
        return None
    return f"positive words beside {cue.group().strip()!r}"


def _implicit(text: str, words: Sequence[str], found: Sequence[Hit], result: str) -> str | None:
    """Too little lexical evidence to decide, so that a polar meaning must be implied."""
    if result == "neutral":
        return None
    if not found:
        return "no lexicon word"
    score = total(found)
    return f"the words add up to {score:+.1f} only" if abs(score) <= WEAK else None


def _negates(word: str) -> bool:
    folded = word.lower().replace("’", "'")
    return folded in NEGATORS or folded.endswith("n't")


_RULES = {
    "negation": _negation,
    "contrast": _contrast,
    "intensity": _intensity,
    "sarcasm": _sarcasm,
    "implicit": _implicit,
}
