"""Whether the check digits of a number are right: pure functions of its digits.

Each takes a text of the length its number has; letters are in upper case.
"""

from collections.abc import Sequence
from datetime import date
from itertools import cycle

_ODD_PLACES = "BAKPLCQDREVOSFTGUHMINJWZYX"
"""Letters by what they are worth at an odd place; a digit is worth what its letter is (0 as A)."""
_VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def luhn(digits: str) -> bool:
    """Payment cards and others: every second digit from the right doubled, sum a multiple of 10.

    Source: ISO/IEC 7812-1, annex B.
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod97(account: str) -> bool:
    """IBAN: the first four signs moved to the end, letters as 10 to 35, remainder 1 by 97.

    Source: ISO 13616-1.
    """
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of digits times their weights."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def nhs(digits: str) -> bool:
    """British NHS number: weights 10 to 2, last digit 11 minus the remainder by 11."""
    return (11 - weighted(digits, range(10, 1, -1)) % 11) % 11 == int(digits[9])


def steuer_id(digits: str) -> bool:
    """German tax identification number: ISO 7064 MOD 11,10, and one digit of the first ten is
    there two or three times.
    """
    repeats = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    if digits[0] == "0" or repeats[-1] not in (2, 3) or repeats[-2] > 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def nir(number: str) -> bool:
    """French social security number: key 97 minus the remainder by 97, Corsica as 19 and 18."""
    plain = number.replace("2A", "19").replace("2B", "18")
    month = int(plain[3:5])
    known = 1 <= month <= 12 or 20 <= month <= 42 or month >= 50
    return known and 97 - int(plain[:13]) % 97 == int(plain[13:])


def dni(number: str) -> bool:
    """Spanish DNI and NIE: the letter belongs to the remainder by 23; X, Y, Z begin as 0, 1, 2."""
    plain = str("XYZ".find(number[0])) + number[1:] if number[0] in "XYZ" else number
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(plain[:-1]) % 23] == plain[-1]


def codice_fiscale(code: str) -> bool:
    """Italian tax code: odd places by a table, even ones by their value, remainder by 26."""
    odd = (chr(ord("A") + int(sign)) if sign.isdigit() else sign for sign in code[:15:2])
    total = sum(_ODD_PLACES.index(letter) for letter in odd)
    total += sum(int(s) if s.isdigit() else ord(s) - ord("A") for s in code[1:15:2])
    return chr(ord("A") + total % 26) == code[15]


def bsn(digits: str) -> bool:
    """Dutch citizen number: weights 9 to 2 and -1, a multiple of 11."""
    return int(digits) > 0 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def national_register(digits: str) -> bool:
    """Belgian number: the last two are 97 minus the rest by 97, with 2 before it since 2000."""
    rest, key = digits[:9], int(digits[9:])
    right = key in (97 - int(rest) % 97, 97 - int("2" + rest) % 97)
    return right and int(digits[2:4]) <= 12 and int(digits[4:6]) <= 31


def pesel(digits: str) -> bool:
    """Polish number: weights 1, 3, 7, 9; the century is in the month."""
    total = weighted(digits[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))
    return 1 <= int(digits[2:4]) % 20 <= 12 and (10 - total % 10) % 10 == int(digits[10])


def nif(digits: str) -> bool:
    """Portuguese tax number: weights 9 to 2, remainder by 11."""
    check = 11 - weighted(digits[:8], range(9, 1, -1)) % 11
    return int(digits[8]) == (0 if check > 9 else check)


def born(digits: str, *, day_first: bool) -> bool:
    """Whether six digits are a date of any century, with the day or the year first."""
    parts = [int(digits[place : place + 2]) for place in (0, 2, 4)]
    day, month, year = parts if day_first else parts[::-1]
    try:
        date(2000 + year, month, day)  # 2000 is the generous one: it has a 29 February
    except ValueError:
        return False
    return True


def personnummer(digits: str) -> bool:
    """Swedish number of ten digits: a date (60 more on the day: a co-ordination number), Luhn."""
    day = int(digits[4:6])
    plain = digits[:4] + f"{day - 60 if day > 60 else day:02}"
    return born(plain, day_first=False) and luhn(digits)


def hetu(code: str) -> bool:
    """Finnish code ddmmyynnnC, a letter for the century after the date or none: the last sign
    belongs to the remainder of the nine digits by 31.
    """
    number = code[:6] + code[-4:-1]
    sign = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number) % 31]
    return born(number[:6], day_first=True) and sign == code[-1]


def fodselsnummer(digits: str) -> bool:
    """Norwegian number: two check digits by 11 after a date (40 more on the day: a D number)."""
    day = int(digits[:2])
    dated = born(f"{day - 40 if day > 40 else day:02}{digits[2:6]}", day_first=True)
    first = weighted(digits[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    second = weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    return dated and first == 0 and second == 0


def cpf(digits: str) -> bool:
    """Brazilian number: two check digits by 11, and not one digit over and over."""
    if len(set(digits)) == 1:
        return False
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def ean13(digits: str) -> bool:
    """Swiss insurance number (756…): weights 1 and 3 by turns, a multiple of 10."""
    return sum(int(d) * w for d, w in zip(digits, cycle((1, 3)), strict=False)) % 10 == 0


def verhoeff(digits: str) -> bool:
    """Indian Aadhaar: Verhoeff's scheme, which notices every swap of neighbours."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[place % 8][int(digit)])])
    return check == 0


def curp(code: str) -> bool:
    """Mexican code of 18 signs: weights 18 to 2, last digit 10 minus the remainder by 10."""
    total = sum(_CURP.index(sign) * (18 - place) for place, sign in enumerate(code[:17]))
    return str((10 - total % 10) % 10) == code[17]


def resident_identity(number: str) -> bool:
    """Chinese number of 18 signs: ISO 7064 MOD 11-2 after a date."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return born(number[8:14], day_first=False) and "10X98765432"[total % 11] == number[17]


def social_insurance(digits: str) -> bool:
    """Canadian number: Luhn, and no 0 or 8 begins it."""
    return digits[0] not in "08" and luhn(digits)
