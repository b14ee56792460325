"""Telephone numbers in the forms of many countries.

+49 (0)30 901820     (212) 555-0147     01 84 17 61 18     "call me on 467 3395"

A form that only telephone numbers have is enough by itself; digits that could be anything need a
word for a telephone shortly before or right after them.
"""

import re
from collections.abc import Iterator

from srlr.text.redaction.finding import WINDOW, Found, digits, told

_START = r"(?<![^\W_])(?<!\d[.-])(?<![$€£¥%#+])"
_END = r"(?![^\W_])(?!\.\d|%|-\d)"
_EXTENSION = r"(?: ?(?:x|#|ext\.?|extension) ?\d{1,6})?"

_INTERNATIONAL = re.compile(
    rf"(?<![\w+])\(?\+[1-9](?:[ .()/-]{{0,3}}\d){{7,14}}{_EXTENSION}{_END}", re.IGNORECASE
)
_PREFIXED = re.compile(
    rf"{_START}00[1-9]\d{{0,2}}[ .-](?:[ .()-]{{0,2}}\d){{7,12}}{_EXTENSION}{_END}", re.IGNORECASE
)
_AMERICAN = re.compile(
    rf"{_START}(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])\d{{3}}[ .-]\d{{4}}{_EXTENSION}{_END}",
    re.IGNORECASE,
)
_IN_PAIRS = re.compile(rf"{_START}0[1-9]([ .-])\d\d\1\d\d\1\d\d\1\d\d{_END}")
_TRUNK = re.compile(
    rf"{_START}(?:\(0[1-9]\d{{0,4}}\) ?\d{{2,5}}(?:[ -]\d{{2,4}}){{1,3}}"
    rf"|0[1-9]\d{{1,3}}[ -]\d{{2,4}}[ -]\d{{2,4}}(?:[ -]\d{{2,4}})?"
    rf"|0[1-9]\d{{1,3}}[ /-]\d{{6,8}}){_END}"
)
_CLEAR = (_INTERNATIONAL, _PREFIXED, _AMERICAN, _IN_PAIRS, _TRUNK)
_VAGUE = re.compile(
    rf"{_START}(?<!\d[,/])(?:\(\d{{2,5}}\)[ -]?\d{{2,5}}(?:[ .-]\d{{2,5}}){{0,3}}"
    rf"|\d{{1,5}}(?:[ .-]\d{{2,5}}){{1,5}}|\d{{2,5}}[ ./-]\d{{5,8}}|\d{{7,12}}){_EXTENSION}{_END}",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d\d[ -](?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d\d-\d\d"
)
_BEFORE = re.compile(
    r"phone|\b(?:tel|mobile|cell|cellular|fax|gsm|sms|whatsapp|signal|hotline|helpline|landline"
    r"|dial|handy|t[ée]l[ée]phone|telefon\w*|m[óo]vil|portable|cellulare)\b"
    r"|\bcall(?:ed|ing)? (?:me|us|him|her|them|back|on|at|now|this|the)\b"
    r"|\b(?:ring|text) (?:me|us|him|her|them|back)\b|\bcontact (?:number|no)\b"
    r"|\b(?:desk|office|home|work) ?:"
    r"|\b(?:answering|reach\w*)\b(?: \w+){0,3} (?:at|on)\b|\bmy (?:registered )?(?:number|no)\b"
    r"|\bregistered (?:number|no\.?)? ?$|\bcalls?(?: \w+)? ?:? ?$",
    re.IGNORECASE,
)
_AFTER = re.compile(r" ?[-(] ?(?:office|fax|mobile|cell|desk|home|work|tel|phone)\b", re.IGNORECASE)
_DENSE = re.compile(r"\d(?:[ .()/-]{0,3}\d){6}")
_SHORT_LIST = 12
"""Characters between two numbers of a list."""


def phones(text: str) -> Iterator[Found]:
    """Numbers of 7 to 15 digits."""
    if _DENSE.search(text) is None:
        return
    clear = sorted({span for form in _CLEAR for span in _spans(form, text, 8)})
    for start, end in clear:
        yield Found(start, end, "phone", _value(text[start:end]))
    ends = {end for _, end in clear}
    last = -WINDOW
    for start, end in _spans(_VAGUE, text, 7):
        near = any(place in ends for place in range(max(0, start - _SHORT_LIST), start + 1))
        listed = near or start - last <= _SHORT_LIST
        sure = listed or told(text, start, _BEFORE) or _AFTER.match(text, end) is not None
        if sure:
            last = end
        yield Found(start, end, "phone", _value(text[start:end]), sure)


def _spans(form: re.Pattern[str], text: str, fewest: int) -> Iterator[tuple[int, int]]:
    for match in form.finditer(text):
        number = re.split(r"[x#e]", match[0], maxsplit=1, flags=re.IGNORECASE)[0]
        if fewest <= len(digits(number)) <= 15 and not _DATE.fullmatch(number.strip()):
            yield match.span()


def _value(said: str) -> str:
    number = digits(said.replace("(0)", ""))
    return "00" + number if said.lstrip("(").startswith("+") else number
