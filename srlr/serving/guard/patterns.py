"""How a rule written as a pattern is matched: in one pass, with bounded gaps, sentence by sentence.

No pattern repeats without a bound what another part of it could match too, so the time is linear
in the text; tests/serving/guard/test_patterns.py holds it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

Strength = Literal[1, 2, 3]
"""3: said by attacks alone, 2: hardly ever by others, 1: by both; a level says what is enough."""
_SHOWN = 60
_LETTERS = re.compile(r"[a-z]+")
_REMEMBERED = 65_536
REACH = 240
"""Signs from a needed word within which all of a pattern lies."""


class Pattern(NamedTuple):
    """Found where `form` is, unless `unless` ends right before it or lies close to it, and only if
    `near`, where there is one, is within `window` signs of it. One of `needs` must be in the text:
    that is looked up first, as it costs next to nothing.
    """

    rule: str
    strength: Strength
    needs: tuple[str, ...]
    form: re.Pattern[str]
    near: re.Pattern[str] | None = None
    before: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    window: int = 120


class Hit(NamedTuple):
    rule: str
    strength: Strength
    said: str
    start: int
    end: int


class Book:
    """Patterns that are looked for together, by the words that must be there.

    Which of them a word calls for is remembered: an ordinary text calls for few, and those are all
    that is looked for.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self._stems: dict[str, set[int]] = {}
        self._always: set[int] = set()
        for number, one in enumerate(self.patterns):
            for need in one.needs:
                stem = max(_LETTERS.findall(need), key=len, default="")
                (self._stems.setdefault(stem, set()) if stem else self._always).add(number)
        self._called: dict[str, frozenset[int]] = {}

    def hits(self, text: str, words: Iterable[str], enough: Strength) -> Iterator[Hit]:
        """The first place of every pattern that is strong enough; `text` is in plain form, `words`
        are words_of(text).
        """
        called, wanted = self._called, set(self._always)
        for word in words:
            found = called.get(word)
            if found is None:
                found = self._of(word)
            if found:
                wanted |= found
        for number in sorted(wanted):
            one = self.patterns[number]
            low, high = _reach(text, one.needs) if one.strength >= enough else (1, 0)
            if low > high:
                continue
            for match in one.form.finditer(text, low, high):
                if _counts(one, text, match):
                    said = " ".join(match[0].split())
                    yield Hit(one.rule, one.strength, said[:_SHOWN], *match.span())
                    break

    def _of(self, word: str) -> frozenset[int]:
        found = frozenset(
            number for stem in self._stems if stem in word for number in self._stems[stem]
        )
        if len(self._called) >= _REMEMBERED:
            self._called.clear()
        self._called[word] = found
        return found


def words(said: str) -> tuple[str, ...]:
    """Needed words, written one after the other: `bomb, nerve gas`."""
    return tuple(said.split(", "))


def words_of(text: str) -> set[str]:
    """The different words of a text in plain form."""
    return set(_LETTERS.findall(text))


def _reach(text: str, needs: tuple[str, ...]) -> tuple[int, int]:
    """From REACH signs before the first needed word to as many after the last: looking up words
    costs a tenth of looking up a pattern. (1, 0) where there is none.
    """
    first, last = len(text), -1
    for need in needs:
        at = text.find(need)
        if at >= 0:
            first, last = min(first, at), max(last, text.rfind(need))
    return (max(0, first - REACH), last + REACH) if last >= 0 else (1, 0)


def _counts(one: Pattern, text: str, match: re.Match[str]) -> bool:
    low, high = max(0, match.start() - one.window), match.end() + one.window
    if one.before is not None and one.before.search(
        text[max(0, match.start() - 30) : match.start()]
    ):
        return False
    if one.unless is not None and one.unless.search(text, low, high):
        return False
    return one.near is None or one.near.search(text, low, high) is not None
