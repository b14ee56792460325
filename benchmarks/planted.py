"""Made-up personal data with right check digits, and sentences that hold them. Nobody's."""

import random
import string
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from srlr.text.redaction import checksums
from srlr.text.redaction.payments import IBAN_LENGTHS

Draw = random.Random
ALPHANUMERIC = string.ascii_letters + string.digits


class Planted(NamedTuple):
    """A sentence and where in it the value of the class `kind` stands."""

    text: str
    start: int
    end: int
    kind: str

    @property
    def value(self) -> str:
        return self.text[self.start : self.end]


def number(draw: Draw, length: int) -> str:
    return "".join(draw.choices(string.digits, k=length))


def completed(body: str, right: Callable[[str], bool], ends: str = string.digits) -> str:
    """`body` and the one sign that makes it right."""
    return next(body + end for end in ends if right(body + end))


def email(draw: Draw) -> str:
    local = "".join(draw.choices(string.ascii_lowercase + string.digits + "._+-", k=8)).strip(".-")
    domain = "".join(draw.choices(string.ascii_lowercase, k=7))
    return f"a{local}z@{domain}.{draw.choice(('com', 'org', 'co.uk', 'de', 'io', 'museum'))}"


def card(draw: Draw) -> str:
    prefix, length = draw.choice(
        (("4", 16), ("51", 16), ("2720", 16), ("34", 15), ("36", 14), ("6011", 16), ("3530", 16))
    )
    digits = completed(prefix + number(draw, length - len(prefix) - 1), checksums.luhn)
    cut = (4, 10) if length < 16 else (4, 8, 12)
    sign = draw.choice(("", " ", "-"))
    places = [0, *cut, length]
    return sign.join(digits[a:b] for a, b in pairwise(places))


def iban(draw: Draw) -> str:
    country = draw.choice(sorted(IBAN_LENGTHS))
    body = "".join(
        draw.choices(string.digits + string.ascii_uppercase, k=IBAN_LENGTHS[country] - 4)
    )
    check = 98 - int("".join(str(int(sign, 36)) for sign in f"{body}{country}00")) % 97
    whole = f"{country}{check:02}{body}"
    if draw.random() < 0.5:
        return whole
    return " ".join(whole[place : place + 4] for place in range(0, len(whole), 4))


def ssn(draw: Draw) -> str:
    area = draw.choice([area for area in range(1, 900) if area != 666])
    return f"{area:03}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def state_id(draw: Draw) -> str:
    """Numbers of several countries that need no word before them."""
    return draw.choice((ssn, _dni, _nino, _nir, _cpf, _ahv))(draw)


def _dni(draw: Draw) -> str:
    return completed(number(draw, 8), checksums.dni, "ABCDEFGHJKLMNPQRSTVWXYZ")


def _nino(draw: Draw) -> str:
    return f"{draw.choice('ABCEHJ')}{draw.choice('ABCEHJ')}{number(draw, 6)}{draw.choice('ABCD')}"


def _nir(draw: Draw) -> str:
    body = f"{draw.randint(1, 2)}{number(draw, 2)}{draw.randint(1, 12):02}{number(draw, 8)}"
    return f"{body}{97 - int(body) % 97:02}"


def _cpf(draw: Draw) -> str:
    while True:
        digits = number(draw, 9)
        found = (f"{digits}{check:02}" for check in range(100))
        right = next((one for one in found if checksums.cpf(one)), None)
        if right:
            return f"{right[:3]}.{right[3:6]}.{right[6:9]}-{right[9:]}"


def _ahv(draw: Draw) -> str:
    digits = completed("756" + number(draw, 9), checksums.ean13)
    return f"756.{digits[3:7]}.{digits[7:11]}.{digits[11:]}"


def ip(draw: Draw) -> str:
    if draw.random() < 0.5:
        return ".".join(
            str(draw.randint(low, high)) for low, high in ((11, 126), (0, 255), (0, 255), (1, 254))
        )
    return ":".join(f"{draw.randint(0x1000, 0xFFFF):x}" for _ in range(8))


def key(draw: Draw) -> str:
    prefix, length = draw.choice((("sk-", 48), ("ghp_", 36), ("hf_", 34), ("glpat-", 20)))
    return prefix + "".join(draw.choices(ALPHANUMERIC, k=length))


def phone(draw: Draw) -> str:
    n = number(draw, 12)
    return draw.choice(
        (
            f"+{draw.choice((1, 44, 49, 33, 34, 91))} {n[:3]} {n[3:6]} {n[6:10]}",
            f"({draw.randint(200, 999)}) {n[:3]}-{n[3:7]}",
            f"{draw.randint(200, 999)}-{n[:3]}-{n[3:7]}",
            f"0{draw.randint(1, 9)} {n[:2]} {n[2:4]} {n[4:6]} {n[6:8]}",
            f"0{draw.randint(100, 999)} {n[:3]} {n[3:7]}",
        )
    )


MAKERS: dict[str, Callable[[Draw], str]] = {
    "email": email,
    "card": card,
    "iban": iban,
    "id": state_id,
    "ip": ip,
    "key": key,
    "phone": phone,
}
SENTENCES = (
    "{}",
    "it is {}.",
    "They wrote ({}) on the form, as asked on page 12.",
    "I moved on 3 May 2021 and paid 1,250.00; {}, that was what they wanted",
    "order 4711: {}\nsecond line, 3 items",
    "“{}”",
)


def sentence(draw: Draw, kind: str) -> Planted:
    """A sentence with one value; no word in it says what the value is."""
    before, after = draw.choice(SENTENCES).split("{}")
    value = MAKERS[kind](draw)
    return Planted(before + value + after, len(before), len(before) + len(value), kind)
