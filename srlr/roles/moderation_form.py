"""The text of a moderator's answer: what a trained model writes, and what an untrained one is told.

words: lock; answers         what speaks for harm, and how the answer meets its question
exploits                     what it is about
medium                       how bad it is; "none, caution" where something overrides the words
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srlr.roles import harm_words
from srlr.roles.chats import json_object
from srlr.roles.harm_scores import CATEGORIES, LEVELS

NO_FLAG = "none"
NO_WORD = "nothing"


def answer_of(flags: Sequence[str], severity: str) -> dict[str, Any]:
    """Flags in the order of CATEGORIES, once each; none with severity none."""
    listed = [one for one in CATEGORIES if one in flags] if severity != "none" else []
    return {"flags": listed, "severity": severity, "flag": listed[0] if listed else NO_FLAG}


WRITTEN = {
    "find_evidence": "words: {}\n",
    "choose_category": "{}\n",
    "judge_severity": "{}",
    "override": ", {}",
}
_FORMAT = re.compile(
    r"words: (?P<words>[^\n;]+); (?P<stance>refuses|answers|says)\n"
    rf"(?P<about>nothing|(?:{'|'.join(CATEGORIES)})(?:, (?:{'|'.join(CATEGORIES)}))*)\n"
    rf"(?P<severity>{'|'.join(LEVELS)})(?:, (?P<override>{'|'.join(harm_words.KINDS)}))?"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the format holds: words, how an answer meets its question, what it is about, how bad."""

    words: tuple[str, ...]
    stance: str
    about: tuple[str, ...]
    severity: str
    override: str | None

    @property
    def answer(self) -> dict[str, Any]:
        return answer_of(self.about, self.severity)


def actions(reading: Reading) -> list[str]:
    """The steps that lead to it, as "name: what it comes to"."""
    return [
        f"find_evidence: {', '.join(reading.words) or NO_WORD}; {reading.stance}",
        f"choose_category: {', '.join(reading.about) or NO_WORD}",
        f"judge_severity: {reading.severity}",
        *([f"override: {reading.override}"] if reading.override else []),
    ]


def read(text: str) -> Reading | None:
    """What `actions` and `segments` wrote, or None for any other text, one that is harmful and
    about nothing among them.
    """
    match = _FORMAT.fullmatch(text.strip())
    if match is None or (match["about"] == NO_WORD and match["severity"] != "none"):
        return None
    return Reading(
        words=() if match["words"] == NO_WORD else tuple(match["words"].split(", ")),
        stance=match["stance"],
        about=() if match["about"] == NO_WORD else tuple(match["about"].split(", ")),
        severity=match["severity"],
        override=match["override"],
    )


def parse(text: str) -> dict[str, Any] | None:
    reading = read(text)
    return None if reading is None else reading.answer


def parse_baseline(text: str) -> dict[str, Any] | None:
    answer = json_object(text, ("flags", "severity"))
    if answer is None:
        return None
    flags, severity = answer["flags"], answer["severity"]
    listed = isinstance(flags, list) and all(flag in CATEGORIES for flag in flags)
    if not listed or severity not in LEVELS or bool(flags) != (severity != "none"):
        return None
    return answer_of(flags, severity)


def parse_leniently(text: str) -> dict[str, Any] | None:
    """The rules it names, unless it says that there are none; None of a text that says neither."""
    low = re.sub(r"[_\s]+", "_", text.lower())
    flags = [one for one in CATEGORIES if one in low]
    level = re.search(rf"severity[\W_]{{0,6}}({'|'.join(LEVELS)})", low)
    severity = level[1] if level else ("medium" if flags else "none")
    harmless = re.search(r"flags[\W_]{0,6}\[_?\]|(?<![a-z])(?:none|harmless|no)(?![a-z])", low)
    if not flags and not level and not harmless:
        return None
    return answer_of(flags, severity if flags else "none")
