"""Keys, tokens and passwords: by the marks their issuers give them, or by what they are called.

ghp_…     AKIA…     eyJ….eyJ….…     -----BEGIN PRIVATE KEY-----     api_key="…"
"""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from srlr.text.redaction.finding import Found

_MARKED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?:proj-|ant-|or-v1-|svcacct-)?[A-Za-z0-9_-]{20,200}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,200}|whsec_[A-Za-z0-9]{24,100}"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|gl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_-]{20,100}"
    r"|(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|A3T[A-Z0-9])[A-Z0-9]{16}"
    r"|xox[abceoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,250}|GOCSPX-[A-Za-z0-9_-]{28}"
    r"|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}"
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|(?:SK|AC)[0-9a-f]{32}|key-[0-9a-f]{32}"
    r"|do[opr]_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"
    r"|dapi[0-9a-f]{32}|gsk_[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{37}|nvapi-[A-Za-z0-9_-]{60,80}"
    r"|\d{8,10}:AA[A-Za-z0-9_-]{33}"
    r"|eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{0,1000}"
    r")(?![A-Za-z0-9_])"
)
_MARKS = (
    "sk-", "sk_", "rk_", "pk_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_",
    "ghr_", "github_pat_", "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "AKIA", "ASIA",
    "AGPA", "AIDA", "AROA", "ANPA", "ANVA", "A3T", "xox", "xapp-", "AIza",
    "ya29.", "GOCSPX-", "hf_", "npm_", "pypi-", "SG.", "SK", "AC", "key-",
    "dop_v1_", "doo_v1_", "dor_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "sq0", "dapi",
    "gsk_", "r8_", "nvapi-", ":AA", "eyJ",
)  # fmt: skip
"""With none of these in a text, no form of _MARKED is in it."""
_DISCORD = re.compile(
    r"(?<![\w-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![\w-])"
)
_HOOK = re.compile(
    r"(?<=hooks\.slack\.com/services/)[A-Z0-9]{6,14}/[A-Z0-9]{6,14}/[A-Za-z0-9]{16,32}"
)
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_PEM_CUT = re.compile(r"(?:\s{1,4}[A-Za-z0-9+/=]{8,100}){0,200}")
_PEM_LONGEST = 20_000
_IN_URL = re.compile(r"(?<=://)([^\s:@/\[\]]{0,64}:[^\s:@/\[\]]{1,128})(?=@[\w.-])")
_BEARER = re.compile(
    r"\b(?:bearer|basic|authorization: ?token) +([A-Za-z0-9_.~+/-]{16,4000}={0,2})", re.IGNORECASE
)
_CALLED = re.compile(
    r"(?:api[ _-]?key|apikey|access[ _-]?key(?:[ _-]?id)?|account[ _-]?key|private[ _-]?key"
    r"|secret(?:[ _-]?(?:access)?[ _-]?key)?|client[ _-]?secret|auth[ _-]?token|access[ _-]?token"
    r"|refresh[ _-]?token|session[ _-]?(?:token|id)|token|credentials?)"
    r"[\"'`]{0,2}(?: ?(?:[:=]|:=|=>|is) ?)[\"'`]{0,2}([A-Za-z0-9_.~+/!@#%^&*-]{12,512}={0,2})",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|passcode|\bpass)[\"'`]{0,2}"
    r"(?: ?(?:[:=]|:=|=>|\bis\b)(?: now| still)? ?)[\"'`]{0,2}([^\s\"'`<>\[\](){},;]{6,128})",
    re.IGNORECASE,
)
_MEANT = ("-----begin", "://", "bearer", "basic", "token", "key", "secret", "credential", "pass")


def keys(text: str) -> Iterator[Found]:
    """Secrets; what is only called one must look drawn by lot (a token) or hold a digit and a
    letter (a password).
    """
    if any(mark in text for mark in _MARKS):
        yield from (Found(*m.span(), "key", m[0]) for m in _MARKED.finditer(text))
    yield from (Found(*m.span(), "key", m[0]) for m in _DISCORD.finditer(text))
    lower = text.lower()
    if not any(word in lower for word in _MEANT):
        return
    yield from (Found(*m.span(), "key", m[0]) for m in _HOOK.finditer(text))
    yield from _pem(text)
    yield from (Found(*m.span(1), "key", m[1]) for m in _IN_URL.finditer(text))
    for form in (_BEARER, _CALLED):
        for match in form.finditer(text):
            if random_looking(match[1]) and not _goes_on(text, match.end(1)):
                yield Found(*match.span(1), "key", match[1])
    for match in _PASSWORD.finditer(text):
        said = match[1].rstrip(".!?:")
        if len(said) >= 6 and mixed(said) and not _goes_on(text, match.end(1)):
            yield Found(match.start(1), match.start(1) + len(said), "key", said)


def _pem(text: str) -> Iterator[Found]:
    """Private keys, from BEGIN to END; with the end cut off, lines that look like it."""
    ends = [match.end() for match in _PEM_END.finditer(text)]
    place = 0
    while match := _PEM_BEGIN.search(text, place):
        following = bisect_right(ends, match.end())
        if following < len(ends) and ends[following] - match.start() <= _PEM_LONGEST:
            place = ends[following]
        else:
            place = _PEM_CUT.match(text, match.end()).end()  # type: ignore[union-attr]
        yield Found(match.start(), place, "key", text[match.start() : place])


def random_looking(said: str) -> bool:
    """Letters and digits mixed, at least 3 bits a sign by their own frequencies."""
    counts = Counter(said)
    bits = -sum(n / len(said) * math.log2(n / len(said)) for n in counts.values())
    return mixed(said) and bits >= 3.0


def mixed(said: str) -> bool:
    """Whether there is a digit and a letter."""
    return any(sign.isdigit() for sign in said) and any(sign.isalpha() for sign in said)


def _goes_on(text: str, end: int) -> bool:
    """Whether what follows makes it code: a call, an index, a template."""
    return text[end : end + 1] in ("(", "[", "{")
