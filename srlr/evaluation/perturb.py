"""Texts changed by rule, to see whether a model has learnt what they say or how they look.

typos         every seventh word or so has two letters swapped, one lost or one doubled
paraphrase    contractions are written out, or what is written out contracted
order         the sentences in the opposite order
case          small letters only
negation      a "not" taken out, or put behind the first verb that takes one

All but negation mean the same, so the answer should be the same. Negation may turn an answer round:
only how many answers change can be told.
"""

import random
import re
from collections.abc import Callable
from typing import Literal

from srlr.core.evaluating import Perturbation

TURNS = frozenset({"negation"})
"""Ways after which the known answer may be wrong."""
EVERY = 7
_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LONG = {
    "can't": "cannot", "won't": "will not", "n't": " not", "it's": "it is", "that's": "that is",
    "there's": "there is", "i'm": "i am", "'re": " are", "'ve": " have", "'ll": " will",
}  # fmt: skip
_SHORT = {
    "is not": "isn't", "was not": "wasn't", "are not": "aren't", "were not": "weren't",
    "do not": "don't", "does not": "doesn't", "did not": "didn't", "cannot": "can't",
    "will not": "won't", "would not": "wouldn't", "could not": "couldn't", "it is": "it's",
    "that is": "that's", "i am": "i'm", "they are": "they're", "we are": "we're",
}  # fmt: skip
_NOT = re.compile(r"(?:\s+not\b|n['’]t\b)", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|should|does|do|did|must|may)\b",
    re.IGNORECASE,
)
Change = Callable[[str, random.Random], str]


def perturbed(text: str, way: Perturbation, seed: int) -> str | None:
    """The text changed in that way; None where there is nothing to change in it."""
    changed = _WAYS[way](text, random.Random(f"{seed} {way} {text}"))
    return None if changed == text else changed


def _typos(text: str, rng: random.Random) -> str:
    words = list(_WORD.finditer(text))
    chosen = rng.sample(words, max(1, len(words) // EVERY)) if words else []
    for match in sorted(chosen, key=lambda one: -one.start()):
        text = text[: match.start()] + _mistyped(match[0], rng) + text[match.end() :]
    return text


def _mistyped(word: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(word) - 1)
    kind: Literal["swap", "lose", "double"] = rng.choice(("swap", "lose", "double"))
    first, second = word[place], word[place + 1]
    if kind == "lose":
        return word[:place] + word[place + 1 :]
    if kind == "double" or first == second:
        return word[:place] + first + word[place:]
    return word[:place] + second + first + word[place + 2 :]


def _paraphrase(text: str, rng: random.Random) -> str:
    for said, other in (*_LONG.items(), *_SHORT.items()):
        changed = _exchanged(text, said, other)
        if changed != text:
            return changed
    return text


def _exchanged(text: str, said: str, other: str) -> str:
    """With `other` for every `said`, which stands by itself or is the end of a word."""

    def exchange(match: re.Match[str]) -> str:
        return _cased(match[0], other)

    head = "" if said == "n't" or not said[0].isalpha() else r"\b"
    return re.sub(f"{head}{re.escape(said)}\\b", exchange, text, flags=re.IGNORECASE)


def _cased(was: str, now: str) -> str:
    """With a capital where the original had one."""
    return now[:1].upper() + now[1:] if was[:1].isupper() else now


def _order(text: str, rng: random.Random) -> str:
    return " ".join(reversed(_SENTENCE.split(text.strip())))


def _case(text: str, rng: random.Random) -> str:
    return text.lower()


def _negation(text: str, rng: random.Random) -> str:
    if _NOT.search(text):
        return _NOT.sub("", text, count=1)
    verb = _VERB.search(text)
    return text if verb is None else f"{text[: verb.end()]} not{text[verb.end() :]}"


_WAYS: dict[Perturbation, Change] = {
    "typos": _typos,
    "paraphrase": _paraphrase,
    "order": _order,
    "case": _case,
    "negation": _negation,
}
