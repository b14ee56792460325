"""Payment cards and bank accounts (IBAN): lengths, prefixes and check digits decide.

4111 1111 1111 1111     378282246310005     DE89 3704 0044 0532 0130 00
"""

import re
from collections.abc import Iterator

from srlr.text.redaction import checksums
from srlr.text.redaction.finding import Found, checked, digits, told

_CARD_CUE = re.compile(
    r"\b(?:cards?|visa|master ?card|maestro|amex|american express|diners|discover|jcb|cc|credit"
    r"|debit|pan|cvv|cvc|expir\w*)\b|\[CARD\b|\[CARD_",
    re.IGNORECASE,
)
_EDGE = r"(?<![^\W_])(?<!\d\.)"
_END = r"(?![^\W_])(?!\.\d)"
_DENSE = re.compile(r"\d(?:[ ._-]{0,2}\d){11}")
_SOLID = re.compile(rf"{_EDGE}\d{{12,19}}{_END}")
_GROUPED = re.compile(
    rf"{_EDGE}(?:\d{{4}}([ .-])\d{{4}}\1\d{{4}}\1\d{{4}}(?:\1\d{{3}})?"
    rf"|\d{{4}}([ .-])\d{{6}}\2\d{{4,5}}){_END}"
)
_LOOSE = re.compile(rf"{_EDGE}\d(?:[ ._-]{{0,2}}\d){{11,18}}(?!\d)")
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
_IBAN_LENGTHS = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
    DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23
    IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27
    MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19
    SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_LENGTHS.split()}
"""Signs of an IBAN by country. Source: SWIFT IBAN registry."""


def issued(number: str) -> bool:
    """Whether a card of this length begins so. Source: ISO/IEC 7812 issuer ranges."""
    n, two, three, four = len(number), int(number[:2]), int(number[:3]), int(number[:4])
    return (
        (number[0] == "4" and n in (13, 16, 18, 19))  # Visa
        or (n == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))  # Mastercard
        or (n == 15 and (two in (34, 37) or four in (1800, 2131)))  # American Express, old JCB
        or (14 <= n <= 19 and (300 <= three <= 305 or two in (36, 38, 39)))  # Diners Club
        or (16 <= n <= 19 and (four == 6011 or two in (62, 65, 81, 82) or 644 <= three <= 649))
        or (16 <= n <= 19 and (3500 <= four <= 3599 or 2200 <= four <= 2205))  # JCB, Mir
        or (n >= 12 and (two in (50, 67) or 56 <= two <= 69))  # Maestro and national ones
    )


def cards(text: str) -> Iterator[Found]:
    """Numbers of a known length and prefix whose last digit checks. 12 and 13 digits, which bar
    codes have too, and digits in odd groups need a word for a card before them.
    """
    if _DENSE.search(text) is None:
        return
    for match in _SOLID.finditer(text):
        called = told(text, match.start(), _CARD_CUE)
        sure = called or len(match[0]) > 13
        if (called or issued(match[0])) and checksums.luhn(match[0]):
            yield Found(*match.span(), "card", match[0], sure)
    for match in checked(_GROUPED, text, lambda match: _is_card(digits(match[0]))):
        yield Found(*match.span(), "card", digits(match[0]))
    if _CARD_CUE.search(text) is None:
        return
    for match in _LOOSE.finditer(text):
        if told(text, match.start(), _CARD_CUE):
            yield from _within(match)


def _is_card(number: str) -> bool:
    return issued(number) and checksums.luhn(number)


def _within(match: re.Match[str]) -> Iterator[Found]:
    """The longest start of a run of digits that is a card: an expiry date may follow it."""
    places = [place for place in range(*match.span()) if match.string[place].isdigit()]
    number = digits(match[0])
    for length in range(len(number), 11, -1):
        if _is_card(number[:length]):
            yield Found(match.start(), places[length - 1] + 1, "card", number[:length])
            return


def ibans(text: str) -> Iterator[Found]:
    """Account numbers of the length their country has and remainder 1 by 97."""
    for match in _IBAN.finditer(text):
        length = IBAN_LENGTHS.get(match[0][:2].upper())
        if length is None:
            continue
        end, account = _taken(text, match.start(), length)
        whole = end == len(text) or not text[end].isalnum()
        if whole and len(account) == length and checksums.mod97(account):
            yield Found(match.start(), end, "iban", account)


def _taken(text: str, start: int, length: int) -> tuple[int, str]:
    """The next `length` letters and digits, single separators between them left out."""
    account, place, separated = "", start, True
    while place < len(text) and len(account) < length:
        sign = text[place]
        if sign.isascii() and sign.isalnum():
            account, separated = account + sign.upper(), False
        elif sign in " -." and not separated:
            separated = True
        else:
            break
        place += 1
    return place, account
