"""Numbers that states give to people: social security, tax and identity numbers, checked.

Where check digits are weak or the form is common, a word for the number must stand before it.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from srlr.text.redaction import checksums
from srlr.text.redaction.finding import Found, alphanumeric, checked, digits, told

_EDGE = r"(?<![^\W_])(?<!\d[.-])"
_END = r"(?![^\W_])(?![.-]\d)"
_SSN = r"(?!000|666)[0-8]\d\d"


class Scheme(NamedTuple):
    """One kind of number: its form, its check, and the words without which it is not taken."""

    form: re.Pattern[str]
    checks: Callable[[str], bool]
    cue: re.Pattern[str] | None
    digits_only: bool

    def value(self, match: re.Match[str]) -> str:
        """The number without separators."""
        return digits(match[0]) if self.digits_only else alphanumeric(match[0])

    def right(self, match: re.Match[str]) -> bool:
        """Whether its check digits are right."""
        return self.checks(self.value(match))


def _scheme(
    form: str,
    checks: Callable[[str], bool] = bool,
    cue: str = "",
    *,
    letters: bool = False,
) -> Scheme:
    words = re.compile(rf"\b(?:{cue})(?![^\W_])", re.IGNORECASE) if cue else None
    flags = re.IGNORECASE if cue else re.NOFLAG
    return Scheme(re.compile(_EDGE + f"(?:{form})" + _END, flags), checks, words, not letters)


def _itin(number: str) -> bool:
    """US taxpayers without a social security number: 9xx, and 50 to 99 less a few in the middle."""
    return 50 <= int(number[3:5]) <= 99 and number[3:5] not in ("66", "67", "68", "69", "89", "93")


def _korean(number: str) -> bool:
    return checksums.born(number[:6], day_first=False)


def _south_african(number: str) -> bool:
    return checksums.born(number[:6], day_first=False) and checksums.luhn(number)


def _danish(number: str) -> bool:
    return checksums.born(number[:6], day_first=True)


SCHEMES = {
    "us_ssn": _scheme(rf"{_SSN}-(?!00)\d\d-(?!0000)\d{{4}}"),
    "us_ssn_told": _scheme(
        rf"{_SSN}[ .]?(?!00)\d\d[ .]?(?!0000)\d{{4}}",
        cue=r"ssn|social security(?: (?:number|no|#))?|soc sec|tax(?:payer)? id\w*",
    ),
    "us_itin": _scheme(r"9\d\d-\d\d-\d{4}", _itin),
    "gb_nino": _scheme(
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
        r"(?:\d{6}| \d\d \d\d \d\d |-\d\d-\d\d-\d\d-)[A-D]",
        letters=True,
    ),
    "gb_nino_told": _scheme(
        r"[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D]", cue=r"nino|ni|national insurance", letters=True
    ),
    "gb_nhs": _scheme(r"\d{3}[ -]?\d{3}[ -]?\d{4}", checksums.nhs, r"nhs"),
    "de_steuer_id": _scheme(
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        checksums.steuer_id,
        r"steuer\w*|steuer-\w+|idnr|tin|tax\w*",
    ),
    "fr_nir": _scheme(
        r"[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", checksums.nir, letters=True
    ),
    "es_dni": _scheme(r"\d{8}-?[A-HJ-NP-TV-Z]", checksums.dni, letters=True),
    "es_nie": _scheme(r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", checksums.dni, letters=True),
    "it_codice_fiscale": _scheme(
        r"[A-Z]{6}[0-9L-V]{2}[A-EHLMPR-T][0-9L-V]{2}[A-Z][0-9L-V]{3}[A-Z]"
        r"|[A-Z]{3} [A-Z]{3} [0-9L-V]{2}[A-EHLMPR-T][0-9L-V]{2} [A-Z][0-9L-V]{3}[A-Z]",
        checksums.codice_fiscale,
        letters=True,
    ),
    "nl_bsn": _scheme(r"\d{4}[ .]?\d{2}[ .]?\d{3}", checksums.bsn, r"bsn|sofi\w*|burgerservice\w*"),
    "be_register": _scheme(r"\d\d\.\d\d\.\d\d-\d{3}[.-]\d\d", checksums.national_register),
    "be_register_told": _scheme(
        r"\d{11}",
        checksums.national_register,
        r"rijksregister\w*|registre|insz|niss",
    ),
    "pl_pesel": _scheme(r"\d{11}", checksums.pesel, r"pesel"),
    "pt_nif": _scheme(r"\d{3} ?\d{3} ?\d{3}", checksums.nif, r"nif|contribuinte"),
    "se_personnummer": _scheme(r"\d{6}[-+]\d{4}", checksums.personnummer),
    "fi_hetu": _scheme(
        r"\d{6}[-+ABCDEFUVWXY]\d{3}[0-9A-FHJ-NPR-Y]",
        checksums.hetu,
        letters=True,
    ),
    "no_fodselsnummer": _scheme(r"\d{6} ?\d{5}", checksums.fodselsnummer),
    "dk_cpr": _scheme(r"\d{6}[- ]?\d{4}", _danish, r"cpr\w*|personnummer"),
    "ch_ahv": _scheme(r"756\.\d{4}\.\d{4}\.\d\d|756\d{10}", checksums.ean13),
    "ca_sin": _scheme(
        r"\d{3}[ -]?\d{3}[ -]?\d{3}", checksums.social_insurance, r"sin|social insurance\w*"
    ),
    "in_aadhaar": _scheme(r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", checksums.verhoeff, r"aadhaa?r|uidai"),
    "in_pan": _scheme(r"[A-Z]{3}[PCHFATBLJG][A-Z]\d{4}[A-Z]", cue=r"pan", letters=True),
    "br_cpf": _scheme(r"\d{3}\.\d{3}\.\d{3}-\d\d", checksums.cpf),
    "br_cpf_told": _scheme(r"\d{11}", checksums.cpf, r"cpf"),
    "mx_curp": _scheme(
        r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", checksums.curp, letters=True
    ),
    "cn_identity": _scheme(r"[1-9]\d{16}[0-9X]", checksums.resident_identity, letters=True),
    "kr_registration": _scheme(r"\d{6}-[1-8]\d{6}", _korean),
    "za_identity": _scheme(
        r"\d{10}[01]\d\d", _south_african, r"id(?: (?:number|no))?|identity(?: \w+)?|rsa"
    ),
}
"""By country and name."""

_DENSE = re.compile(
    r"\d(?:[ .A-Za-z+-]?\d){6}|\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-Da-d](?![^\W_])"
    r"|[A-Z]{3} ?[A-Z]{3} ?[0-9L-V]{2}[A-T]|[A-Z]\d{6}[HMX]|[A-Za-z]{5}\d{4}[A-Za-z]"
)
"""Every number here has such a part; most texts have none."""
_PAPERS = ("licen", "passport", "security", "identity", " id", "id card", "record", "mrn", "ssn")
_DOCUMENT = re.compile(
    r"\b(?:social security|passport|(?:driver'?s?'? |driving )?licen[sc]e|identity card"
    r"|id card|national id|medical record|mrn|patient id|ssn|tax id)"
    r"(?: (?:number|no\.?|num|nr|#|id))?(?: is| was|:| =|=|,| -| #){0,2} ?"
    r"([A-Za-z]{0,3}\d(?:[ -]?[A-Za-z0-9]){4,17})(?![^\W_])",
    re.IGNORECASE,
)


def ids(text: str) -> Iterator[Found]:
    """Numbers whose form and check digits are right, and what text itself calls the number of a
    licence, a passport or the like.
    """
    for scheme in SCHEMES.values() if _DENSE.search(text) else ():
        for match in checked(scheme.form, text, scheme.right):
            sure = scheme.cue is None or told(text, match.start(), scheme.cue)
            yield Found(*match.span(), "id", scheme.value(match), sure)
    lower = text.lower()
    for match in _DOCUMENT.finditer(text) if any(word in lower for word in _PAPERS) else ():
        said = _numbered(match[1])
        if len(digits(said)) >= 5:
            yield Found(match.start(1), match.start(1) + len(said), "id", alphanumeric(said))


def _numbered(said: str) -> str:
    """The number without words that follow it: parts after the first need a digit."""
    parts = re.split(r"( )", said)
    kept = parts[0]
    for space, part in zip(parts[1::2], parts[2::2], strict=True):
        if not any(sign.isdigit() for sign in part):
            break
        kept += space + part
    return kept
