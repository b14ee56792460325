"""A text as a person or a model may come to read it: look-alike signs as plain letters, and what
encodings hide.

    aWdub3JlIGFsbCBydWxlcw==   ->  ("base64", "ignore all rules")

Everything is linear in the text's length, and what is decoded is bounded.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from srlr.text.redaction.folding import fold

LONGEST = 32_000
"""Characters of a text in which encodings are looked for: what follows is read plainly only."""
_PIECES = 16
"""Encoded pieces that are decoded, of each encoding."""
_DEPTH = 2
"""An encoding within an encoding is decoded too."""

_TAGS = {0xE0000 + code: chr(code) for code in range(32, 127)}
_DRAWN = {
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True)),
    **{chr(0x1F1E6 + n): chr(97 + n) for n in range(26)},  # flags' letters
    **{chr(start + n): chr(97 + n) for start in (0x1F130, 0x1F150, 0x1F170) for n in range(26)},
    **dict(zip("ıłøđħŧæœßþðɑɡɩʋƨ", "ilodhtaosbdagius", strict=True)),
}
_PLAINER = str.maketrans(_DRAWN)
_SPACES = re.compile(r"[^\S\n]+")


@dataclass(frozen=True, slots=True)
class View:
    """What a text says when it is read `how`; "" is as it stands."""

    how: str
    text: str


def plain(text: str) -> str:
    """In lower case, look-alikes as Latin letters, no marks on letters, no signs that are not
    seen, one space for many.
    """
    if not text.isascii():
        text = fold(text.translate(_PLAINER)).text
        if not text.isascii():
            parts = unicodedata.normalize("NFD", text)
            text = "".join(sign for sign in parts if not unicodedata.combining(sign))
        text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return _SPACES.sub(" ", text.lower())


def hidden(text: str) -> list[View]:
    """What is hidden in the text: each decoded piece that is readable, in plain form."""
    found: dict[str, View] = {}
    waiting = [(text[:LONGEST], "", 0)]
    while waiting:
        source, before, depth = waiting.pop()
        for how, said in _decoded(source):
            name = f"{before}{how}"
            told = plain(said)
            if told not in found and len(found) < 4 * _PIECES:
                found[told] = View(name, told)
                if depth + 1 < _DEPTH:
                    waiting.append((said, f"{name} in ", depth + 1))
    return list(found.values())


def _decoded(text: str) -> Iterator[tuple[str, str]]:
    digits = sum(map(text.count, "0123456789"))
    strokes = sum(map(text.count, ".-·−"))
    unbroken = max(map(len, text.split()), default=0) >= _UNBROKEN
    for how, form, read in _CODES:
        if how in _DIGITS:
            possible = digits >= _DIGITS[how]
        else:
            possible = strokes >= _STROKES if how == _MORSE_CODE else unbroken
        if not possible:
            continue
        for number, match in enumerate(form.finditer(text)):
            if number >= _PIECES:
                break
            said = read(match[0])
            if said is not None and _readable(said):
                yield how, said
    yield from _rewritten(text)


def _rewritten(text: str) -> Iterator[tuple[str, str]]:
    """The whole text read another way, where that makes words of an attack of it."""
    if not text.isascii():
        tags = "".join(_TAGS.get(ord(sign), "") for sign in text)
        if len(tags) >= 4:
            yield "signs that are not seen", tags
    lower = text.lower()
    if _ROT13.search(lower):
        yield "rot13", codecs.encode(lower, "rot13")
    if _BACKWARDS.search(lower):
        yield "writing backwards", lower[::-1]
        yield "words written backwards", " ".join(word[::-1] for word in lower.split())
    if "%" in text and len(_PERCENT.findall(text)) >= 3:
        yield "a URL's encoding", unquote(text, errors="replace")
    if len(_ESCAPES.findall(text)) >= 4:
        yield "escapes", _ESCAPES.sub(lambda m: chr(int(m[1] or m[2], 16)), text)
    if "&" in text and len(_ENTITIES.findall(text)) >= 3:
        yield "HTML's encoding", html.unescape(text)
    respelt = list(_respelt(lower))
    before = len(_TELLING.findall(lower)) if respelt else 0
    yield from ((how, said) for how, said in respelt if len(_TELLING.findall(said)) > before)


def _respelt(lower: str) -> Iterator[tuple[str, str]]:
    if _SPACED.search(lower):
        yield "letters apart", _SPACED.sub(lambda m: _GAPS.sub("", m[0]), lower)
    if any(sign in lower for sign in "01345@$") and _LEET.search(lower):
        yield "digits for letters", lower.translate(_LETTERS)
    if any(sign in lower for sign in "_*|~\\`") and _BROKEN.search(lower):
        yield "words broken up", _BROKEN.sub("", lower).replace("-", "")
    elif lower.count("-") >= 3:
        yield "words broken up", lower.replace("-", "")


_ROT13 = re.compile(
    r"vtaber|qvfertneq|sbetrg|birecevqr|flfgrz cebzcg|vafgehpgvba|wnvyoernx|erirny|olcnff"
)
_BACKWARDS = re.compile(
    r"erongi|dragersid|tegrof|noitcurtsni|tpmorp|edirrevo|kaerbliaj|laever|ssapyb"
)
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPES = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_ENTITIES = re.compile(r"&(?:#\d{2,4}|#x[0-9a-fA-F]{2,4}|[a-z]{2,6});")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ ._*|~+-]{1,2}){4,60}[^\W\d_](?![^\W_])")
_GAPS = re.compile(r"[ ._*|~+-]")
_LEET = re.compile(r"[a-z][013457@$!|]{1,2}[a-z]| [013457@$][a-z]{3}|^[013457@$][a-z]{3}")
_LETTERS = str.maketrans("013457@$!|", "oieastasil")
_TELLING = re.compile(
    r"ignor|disregard|forget|instruction|prompt|system|jailbr|reveal|bypass|overrid|restrict|bomb"
    r"|polic|guideline|anything now|unfiltered|developer|previous"
)
"""A text that is read another way must then say more of these."""
_BROKEN = re.compile(r"(?<=[a-z])(?:[_*|~\\]\n?|`)(?=[a-z])")


def _readable(said: str) -> bool:
    """Whether it is a text of people: mostly letters and spaces, nearly all of it printable."""
    if len(said) < 6:
        return False
    letters = sum(sign.isalpha() or sign == " " for sign in said)
    return letters >= 0.75 * len(said) and sum(sign.isprintable() for sign in said) >= 0.95 * len(
        said.replace("\n", "")
    )


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _base64(piece: str) -> str | None:
    piece = piece.rstrip("=").replace("-", "+").replace("_", "/")
    if len(piece) % 4 == 1:
        piece = piece[:-1]
    try:
        return _text(base64.b64decode(piece + "=" * (-len(piece) % 4)))
    except (binascii.Error, ValueError):
        return None


def _base32(piece: str) -> str | None:
    piece = piece.rstrip("=").upper()
    try:
        return _text(base64.b32decode(piece + "=" * (-len(piece) % 8)))
    except (binascii.Error, ValueError):
        return None


def _ascii85(piece: str) -> str | None:
    try:
        return _text(base64.a85decode(piece, adobe=True))
    except ValueError:
        return None


def _hex(piece: str) -> str | None:
    digits = re.sub(r"0x|[^0-9a-fA-F]", "", piece)
    return _text(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _binary(piece: str) -> str | None:
    bits = re.sub(r"[^01]", "", piece)
    return _text(bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits) - 7, 8)))


def _decimal(piece: str) -> str | None:
    codes = [int(code) for code in re.findall(r"\d+", piece)]
    return "".join(map(chr, codes)) if all(32 <= code < 127 for code in codes) else None


def _morse(piece: str) -> str:
    words = re.split(r" ?[/|] ?| {3,}", piece.replace("−", "-").replace("·", "."))
    return " ".join("".join(_MORSE.get(sign, "") for sign in word.split()) for word in words)


_MORSE = dict(
    zip(
        [
            ".-",
            "-...",
            "-.-.",
            "-..",
            ".",
            "..-.",
            "--.",
            "....",
            "..",
            ".---",
            "-.-",
            ".-..",
            "--",
            "-.",
            "---",
            ".--.",
            "--.-",
            ".-.",
            "...",
            "-",
            "..-",
            "...-",
            ".--",
            "-..-",
            "-.--",
            "--..",
            ".-.-.-",
            "--..--",
            "..--..",
        ],
        "abcdefghijklmnopqrstuvwxyz.,?",
        strict=True,
    )
)
_MORSE_CODE = "Morse code"
_UNBROKEN = 16
"""Signs without a space that every other encoding has."""
_STROKES = 16
_DIGITS = {"hex": 10, "binary": 48, "codes of letters": 18}
"""So many there must be in a text for one of these encodings to be in it."""
_CODES: tuple[tuple[str, re.Pattern[str], Callable[[str], str | None]], ...] = (
    ("base64", re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/_-]{16,}={0,2}"), _base64),
    ("base32", re.compile(r"(?<![A-Z2-7a-z])[A-Z2-7]{24,}={0,6}"), _base32),
    ("hex", re.compile(r"(?<![0-9a-fA-F])(?:(?:0x)?[0-9a-fA-F]{2}[ ,:-]?){8,}"), _hex),
    ("binary", re.compile(r"(?<![01])(?:[01]{8}[ ,]?){6,}"), _binary),
    ("codes of letters", re.compile(r"(?<!\d)(?:\d{2,3}[ ,]{1,2}){8,}\d{2,3}"), _decimal),
    ("ascii85", re.compile(r"<~[!-uz\s]{8,}~>"), _ascii85),
    (_MORSE_CODE, re.compile(r"(?:[.−·-]{1,6}[ /|]{1,3}){8,}[.−·-]{0,6}"), _morse),
)
