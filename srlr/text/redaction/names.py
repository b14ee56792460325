"""Names of people, where the text itself says that it is one. Off unless asked for.

"my name is Ada Lovelace"     "Mrs. Hopper"     "Dear Alan,"     "Name: Grace Hopper"

It knows no names, so most are missed: docs/redaction.md tells how many.
"""

import re
from collections.abc import Iterator

from srlr.text.redaction.finding import Found

_UPPER = r"(?:(?![a-zß-öø-ÿ])[^\W\d_])"
_WORD = rf"{_UPPER}(?:[^\W\d_]{{1,30}}|(?=['’]))(?:['’-]{_UPPER}?[^\W\d_]{{1,30}}){{0,2}}"
_PARTICLE = r"(?:van der|van den|van|von|de la|de|der|den|di|da|del|la|le|bin|al)"
_NAME = rf"{_WORD}(?: (?:{_UPPER}\.|{_PARTICLE} {_WORD}|{_WORD})){{0,3}}"
_SHAPE = re.compile(rf"(?<![^\W_]){_NAME}")
_TOLD = re.compile(
    r"(?:\b(?i:my (?:full )?name is|my name's|i am called|this is|name (?:on|of) (?:the )?\w+:?"
    r"|(?:first |last |full |sur)?name:|signed:?|contact:|attn:?|(?:kind |best )?regards,"
    r"|sincerely,|cheers,|yours,)"
    r"|\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Madam|Herr|Frau|Mme|Sr|Sra)\b\.?|\b[Dd]ear)[ \n]{1,3}"
    rf"({_NAME})"
)
_NOT_NAMES = frozenset(
    ("A", "All", "Customer", "Everyone", "Friends", "I", "Madam", "Sir", "Team", "The")
)


def names(text: str) -> Iterator[Found]:
    """Capitalised words after a title, a greeting or a word that announces a name; elsewhere the
    same words count too.
    """
    told = [m for m in _TOLD.finditer(text) if m[1].split()[0] not in _NOT_NAMES]
    yield from (Found(*match.span(1), "name", match[1].casefold()) for match in told)
    if not told:
        return
    for match in _SHAPE.finditer(text):
        words = [(word.start(), word[0]) for word in re.finditer(r"\S+", match[0])]
        for place, _ in words:
            said = match[0][place:]
            yield Found(match.start() + place, match.end(), "name", said.casefold(), sure=False)
