"""What is wrong with an answer as a text: too long, the same again and again, markup that runs,
instructions that leaked; and what alignment notes.
"""

import re
import zlib
from collections.abc import Sequence

from srlr.serving.guard.patterns import Pattern, words

LINE = 12
"""Words in a row that, repeated from instructions, are no coincidence."""
_FENCED = re.compile(r"```[^`]{0,20000}```|`[^`\n]{1,200}`")
_RUNS = re.compile(
    r"<\s?script\b|javascript:|<\s?(?:iframe|object|embed|meta|base)\b"
    r"|<[a-z]{1,12}\s[^<>]{0,200}\bon[a-z]{3,12}\s?="
    r"|data:text/html|\x1b[\[\]]|vbscript:",
    re.IGNORECASE,
)
_BEACON = re.compile(
    r"!\[[^\]\n]{0,200}\]\(\s?https?://[^)\s]{1,400}[?&#=][^)\s]{0,2000}\)"
    r"|<img\b[^<>]{0,100}\bsrc\s?=\s?[\"']?https?://[^\"'<>\s]{1,400}[?&=]",
    re.IGNORECASE,
)
_LONG_RUN = re.compile(r"(.)\1{59}", re.DOTALL)
_WORDS = re.compile(r"\w+")


def runs(text: str, *, fenced: bool) -> str | None:
    """What a browser or a terminal would run; code between fences counts with `fenced` only."""
    match = _RUNS.search(text if fenced else _FENCED.sub(" ", text))
    return match[0] if match else None


def beacon(text: str) -> bool:
    """Whether a picture would be fetched from an address that carries data along."""
    return ("](" in text or "<img" in text.lower()) and _BEACON.search(text) is not None


def repetitive(text: str, least: float) -> str | None:
    """How a text repeats itself, where less than `least` of it is new; short ones may.

    What is new is told by compression: an ordinary text keeps about half of its length, one that
    says the same line ten times a tenth.
    """
    if _LONG_RUN.search(text):
        return "one sign sixty times in a row"
    if len(text) < 200:
        return None
    tail = text[-4000:].encode("utf-8", "replace")
    kept = len(zlib.compress(tail, 1)) / len(tail)
    return f"only {kept:.0%} of it is new" if kept < least else None


def leaked(text: str, secrets: Sequence[str], words: int = LINE) -> bool:
    """Whether `words` words in a row of what was not for the reader stand in the text."""
    if not secrets:
        return False
    said = _WORDS.findall(text.lower())
    if len(said) < words:
        return False
    here = {tuple(said[at : at + words]) for at in range(len(said) - words + 1)}
    for secret in secrets:
        told = _WORDS.findall(secret.lower())
        if any(tuple(told[at : at + words]) in here for at in range(len(told) - words + 1)):
            return True
    return False


_GROUPS = (
    r"(?:women|men|girls|boys|blacks?|black people|whites?|white people|muslims?|jews"
    r"|jewish people|christians|hindus|asians"
    r"|mexicans|arabs|africans|immigrants|refugees|gays|gay people|lesbians"
    r"|trans(?:gender)? people|old people|elderly people|disabled people|poor people)"
)

ALIGNMENT: tuple[Pattern, ...] = (
    Pattern(
        "honesty",
        2,
        words("human, person, not an ai, not a bot, not a machine"),
        re.compile(
            r"\bi(?:'m| am) (?:actually )?(?:an? )?(?:real |actual "
            r"|living )?(?:human(?: being)?|real person|not an? (?:ai|bot|machine|robot"
            r"|computer))\b"
        ),
    ),
    Pattern(
        "honesty",
        2,
        words("guarantee, 100%, certain, risk-free, without any doubt, impossible to lose"),
        re.compile(
            r"\b(?:i (?:can )?guarantee|guaranteed (?:returns?|profits?|cure|results?|win)"
            r"|100 ?% (?:safe|certain|guaranteed|sure|accurate|risk[- ]free)"
            r"|risk[- ]free (?:investment|returns?)|impossible to lose|absolutely certain)"
        ),
    ),
    Pattern(
        "honesty",
        2,
        words(
            "as a doctor, as your doctor, as a lawyer, as your lawyer, as a licensed, "
            "as a medical, in my years, my own experience"
        ),
        re.compile(
            r"\bas (?:a|your) (?:licensed |certified |medical )?(?:doctor|physician|lawyer"
            r"|attorney|therapist|psychologist|nurse|financial advis[eo]r)\b"
            r"|\bin my (?:many )?years (?:of|as)\b"
        ),
    ),
    Pattern(
        "ethics",
        2,
        words("tell, lie, hide, deceiv, secret, know"),
        re.compile(
            r"\b(?:don'?t|do not|never) (?:let|tell) (?:your|the|him|her|them|anyone"
            r"|anybody)\b[^.!?\n]{0,30}(?:know|find out|about|that)|\b(?:lie to|deceive"
            r"|mislead|trick|manipulate|guilt[- ]trip) (?:your|the|him|her|them|people"
            r"|customers?|users?)\b|\bhide (?:it|this) from\b"
        ),
    ),
    Pattern(
        "ethics",
        2,
        words("stop taking, without telling, instead of seeing a doctor, no need to see"),
        re.compile(
            r"\bstop taking (?:your|the|all) (?:medication|medicine|pills|insulin)\b"
            r"|\b(?:no need to|instead of|don'?t) see(?:ing)? (?:a|your) doctor\b"
        ),
    ),
    Pattern(
        "bias",
        2,
        words("all , most , every , typical, those "),
        re.compile(
            rf"\b(?:all|most|every|those|typical) {_GROUPS} (?:are|can'?t|cannot|don'?t"
            r"|should|love|hate|lie|steal|always|never|want|just)\b"
        ),
    ),
    Pattern(
        "bias",
        2,
        words("naturally, inherent, genetic, by nature, inferior, superior, biological"),
        re.compile(
            rf"\b{_GROUPS} (?:are|is) (?:just |simply )?(?:naturally|inherently|genetically"
            r"|by nature|biologically|intellectually|inferior|superior|less (?:intelligent"
            r"|capable|human))\b"
        ),
    ),
    Pattern(
        "bias",
        2,
        words("belong, should not be allowed, shouldn't be allowed, too emotional"),
        re.compile(
            rf"\b{_GROUPS}\b[^.!?\n]{{0,20}}\b(?:belong in the|should ?n[o']t be allowed"
            r"|are too emotional)\b"
        ),
    ),
)

CODE = re.compile(
    r"(?m)^\s*(?:def |class |import |from \w+ import|#include|function |const |let |var |public "
    r"|package |return\b|if\s?\(|for\s?\(|while\s?\(|try:|except\b|with open|@\w+|SELECT |async )"
    r"|[{};]\s*$|\w+\([^)\n]*\)|\w+ ?= ?\S|=>|->|::|```"
)
