"""What a recogniser finds in a folded text, and the words around a number that say what it is."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

WINDOW = 40
"""Characters before a number in which a word may say what it is."""


class Found(NamedTuple):
    """`text[start:end]` is of the class `kind`. `value` is the same for all spellings of it.

    Not `sure`: it only looks so, and counts where the same value is sure in the same document.
    """

    start: int
    end: int
    kind: str
    value: str
    sure: bool = True


Recogniser = Callable[[str], Iterator[Found]]


def told(text: str, start: int, cue: re.Pattern[str], window: int = WINDOW) -> bool:
    """Whether a word for what begins at `start` stands shortly before it."""
    return cue.search(text, max(0, start - window), start) is not None


def checked(
    form: re.Pattern[str], text: str, right: Callable[[re.Match[str]], bool]
) -> Iterator[re.Match[str]]:
    """Matches that are right; one that is not does not hide another that begins inside of it."""
    place = 0
    while match := form.search(text, place):
        if right(match):
            yield match
            place = match.end()
        else:
            place = match.start() + 1


def digits(text: str) -> str:
    """Only the digits."""
    return "".join(sign for sign in text if sign.isdigit())


def alphanumeric(text: str) -> str:
    """Only letters and digits, in upper case."""
    return "".join(sign for sign in text if sign.isalnum()).upper()
