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


def hits(text: str, patterns: Iterable[Pattern], enough: Strength) -> Iterator[Hit]:
    """The first place of every pattern that is strong enough; `text` is in plain form."""
    for one in patterns:
        if one.strength < enough:
            continue
        for need in one.needs:
            if need in text:
                break
        else:
            continue
        for match in one.form.finditer(text):
            if _counts(one, text, match):
                said = " ".join(match[0].split())
                yield Hit(one.rule, one.strength, said[:_SHOWN], *match.span())
                break


def _counts(one: Pattern, text: str, match: re.Match[str]) -> bool:
    low, high = max(0, match.start() - one.window), match.end() + one.window
    if one.before is not None and one.before.search(
        text[max(0, match.start() - 30) : match.start()]
    ):
        return False
    if one.unless is not None and one.unless.search(text, low, high):
        return False
    return one.near is None or one.near.search(text, low, high) is not None
