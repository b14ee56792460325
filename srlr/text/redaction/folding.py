"""A text as its reader sees it, and where each of its signs stands in the original.

    fold("４１１１\u200b １１１１").text == "4111 1111"

Only what recognisers read is folded; what is written keeps every sign outside of what was found.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_ODD = re.compile(r"[^\t\n\r -~]")
_LETTERS = {
    # Cyrillic, then Greek, then signs that stand for a dot or a stroke.
    "абвекмнорстухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԌԚԜ": "a6bekmhopctyxijshdqwABEKMHOPCTYXIJSGQW",
    "αικνορυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ": "aikvopuxABEZHIKMNOPTYX",
    "·•‧∙。٫ꓸ−⁃∕⁄": ".......--//",
}
_LOOKALIKE = {
    odd: plain
    for odd_signs, plain_signs in _LETTERS.items()
    for odd, plain in zip(odd_signs, plain_signs, strict=True)
}
_INVISIBLE = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters by their category that no font draws."""
_BREAKS = frozenset("\v\f\x1c\x1d\x1e\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; `origin` holds the place in the original of each sign, None: its own."""

    text: str
    origin: list[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]`, not empty, stands in the original."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """Digits of any script as 0-9, look-alike letters as Latin ones, wide and styled forms as plain
    ones, any dash as '-', any space as ' '; what is not seen (zero-width signs, marks on letters,
    control codes) is gone. Linear in the length of the text.
    """
    if not _ODD.search(text):
        return Folded(text)
    parts: list[str] = []
    origin: list[int] = []
    last = 0
    for match in _ODD.finditer(text):
        place = match.start()
        plain = _plain(match[0])
        parts += (text[last:place], plain)
        origin.extend(range(last, place))
        origin.extend([place] * len(plain))
        last = place + 1
    parts.append(text[last:])
    origin.extend(range(last, len(text)))
    return Folded("".join(parts), origin)


@lru_cache(maxsize=4096)
def _plain(sign: str) -> str:
    """What one sign that is not printable ASCII is read as."""
    if sign in _LOOKALIKE:
        return _LOOKALIKE[sign]
    if sign in _BREAKS:
        return "\n"
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    category = unicodedata.category(sign)
    if category in ("Cc", "Cf", "Mn", "Me") or sign in _INVISIBLE:
        return ""
    if category in ("Pd", "Zs"):
        return "-" if category == "Pd" else " "
    composed = unicodedata.normalize("NFKC", sign)
    if composed == sign:
        return sign
    return "".join(one if one.isascii() else _plain(one) for one in composed)
