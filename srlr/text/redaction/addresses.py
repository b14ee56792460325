"""E-mail and IP addresses.

jo@example.org     jo [at] example [dot] org     203.0.113.7     2001:db8::8a2e:370:7334
"""

import ipaddress
import re
from collections.abc import Iterator

from srlr.text.redaction.finding import Found, told

_DOMAIN = re.compile(
    r"(?:@|%40|&#64;|&commat;)((?:[^\W_](?:[\w-]{0,62}\w)?\.){1,8}"
    r"(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24}))(?![^\W_])",
    re.IGNORECASE,
)
_CALLED = re.compile(r"\.(?!com|org|net|edu|gov|info)[^\W\d_]{3,}$", re.IGNORECASE)
"""The end of a domain that is a function's name where a bracket follows: W@x.reshape(2, 3)."""
_LOCAL_SIGNS = frozenset("!#$%&'*+/=?^_`{|}~.-")
_LOCAL_LONGEST = 128
"""Twice what RFC 5321 allows: a longer one is still somebody's."""
_AT = re.compile(r"[\[({<] ?(?:at|@) ?[\])}>]", re.IGNORECASE)
_SPELT = re.compile(
    r"(?<![\w.+-])([\w.+-]{1,64}) ?[\[({<] ?(?:at|@) ?[\])}>] ?"
    r"((?:[\w-]{1,63} ?(?:\.|[\[({<] ?(?:dot|\.) ?[\])}>]) ?){1,5}[^\W\d_]{2,24})(?!\w)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r" ?[\[({<] ?(?:dot|\.) ?[\])}>] ?", re.IGNORECASE)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_DOT = r"(?:\.|\[\.\]|\(\.\))"
_V4 = re.compile(rf"(?<![^\W_])(?<!\.){_OCTET}(?:{_DOT}{_OCTET}){{3}}(?![^\W_]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{2,35}(?:(?:\d{1,3}\.){3}\d{1,3})?")
_V6_END = re.compile(r"[\w:]")
_GIVEN_OUT = re.compile(
    r"[23][0-9a-f]{3}:|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|64:ff9b:", re.IGNORECASE
)
_IP_CUE = re.compile(
    r"\b(?:ip|ipv4|ipv6|addr|address|host|server|client|from|ping|subnet|gateway|dns)\b|_ip\b",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\b(?:v|ver|version|release|build|firmware|section|chapter|clause|rfc|oid|update|patch"
    r"|upgraded?(?: to)?|python|java|chrome|firefox|windows|linux|kernel)[ .:=#]{0,3}|§ ?"
    r"|[=~<>^]=)$",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"-[A-Za-z]")
_PRODUCT = re.compile(r"\b[A-Z][A-Za-z]+/$")


def emails(text: str) -> Iterator[Found]:
    """Addresses with a domain of at least two parts; `git@host:` names no person."""
    for match in _DOMAIN.finditer(text):
        start = _local(text, match.start())
        local, after = text[start : match.start()], text[match.end() : match.end() + 1]
        machine = local == "git" and after in (":", "/")
        if local and not machine and not (after == "(" and _CALLED.search(match[1])):
            yield Found(start, match.end(), "email", f"{local}@{match[1]}".casefold())
    if _AT.search(text):
        for match in _SPELT.finditer(text):
            domain = _BRACKETED.sub(".", match[2]).replace(" ", "")
            yield Found(*match.span(), "email", f"{match[1]}@{domain}".casefold())


def _local(text: str, end: int) -> int:
    """Where the part before the @ begins."""
    if end and text[end - 1] == '"':
        opening = text.rfind('"', max(0, end - 66), end - 1)
        return end if opening < 0 or "\n" in text[opening:end] else opening
    start = end
    while start and end - start < _LOCAL_LONGEST:
        sign = text[start - 1]
        if not (sign.isalnum() or sign in _LOCAL_SIGNS):
            break
        start -= 1
    # Signs that may be in an address but open a quotation, a path or an assignment more often.
    while start < end and text[start] in "'/=?&|`.{*!#$^~":
        start += 1
    for sign in "=/?&|":
        start = max(start, text.rfind(sign, start, end) + 1)
    return start


def addresses(text: str) -> Iterator[Found]:
    """IPv4 and IPv6 addresses but those that name no machine: unspecified, loopback, masks.
    Four numbers after a word for a version, and four single digits without a word for an address,
    are none.
    """
    for match in _V4.finditer(text):
        value = re.sub(r"[\[\]()]", "", match[0])
        if _someones(ipaddress.IPv4Address(value)) and _is_address(text, match, value):
            yield Found(*match.span(), "ip", value)
    for match in _V6.finditer(text):
        found = _v6(text, match)
        if found is not None:
            yield found


def _someones(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mask = address.version == 4 and address.packed[0] in (0, 255)
    return not (address.is_loopback or address.is_unspecified or mask)


def _is_address(text: str, match: re.Match[str], value: str) -> bool:
    start, end = match.span()
    before = text[max(0, start - 24) : start]
    if _PRODUCT.search(before) or _VERSION.search(before):
        return False
    # lib-10.2.30.4 and 10.2.30.4-beta are versions as a rule.
    tagged = bool(_TAGGED.match(before[:-3:-1]) or _TAGGED.match(text, end))
    plain = len(value) > len("1.2.3.4") and not tagged
    return plain or told(text, start, _IP_CUE, 24)


def _v6(text: str, match: re.Match[str]) -> Found | None:
    start = match.start()
    said = match[0].rstrip(":") if not match[0].endswith("::") else match[0]
    end = start + len(said)
    if _V6_END.match(text, end) and text[end] != ":":
        return None
    try:
        address = ipaddress.IPv6Address(said)
    except ValueError:
        return None
    # a[2000::2] is a slice and ab::cd a name: short forms are read where addresses are given out.
    short = "::" in said
    sliced = start > 1 and text[start - 1] == "[" and text[start - 2].isalnum()
    if not _someones(address) or (short and (sliced or not _GIVEN_OUT.match(said))):
        return None
    return Found(start, end, "ip", str(address))
