"""The text of a reviewer's answer: what a trained model writes, and what an untrained one is told.

sees: yaml.load, SELECT                      what looks like a weakness, line after line
line 6, CWE-20 medium: parse it safely       one for each finding, none where it is safe
vulnerable
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from srlr.roles.chats import json_object
from srlr.roles.security_rules import CWES

SEVERITIES = ("low", "medium", "high")
SAFE, VULNERABLE = "safe", "vulnerable"
NOTHING = "nothing"
MOST_FINDINGS = 8
"""Of an answer that are read; more is no review."""

WRITTEN = {
    "read": "sees: {}\n",
    "locate": "line {}",
    "classify": ", {}",
    "advise": ": {}\n",
    "conclude": "{}",
}
_CWE = "|".join(map(str, sorted(CWES, reverse=True)))
_FINDING = rf"line ([1-9]\d{{0,3}}), CWE-({_CWE}) (low|medium|high): ([a-z ]+)\n"
_FORMAT = re.compile(
    rf"sees: (?P<seen>[^\n]+)\n(?P<findings>(?:{_FINDING}){{0,{MOST_FINDINGS}}})"
    rf"(?P<verdict>{SAFE}|{VULNERABLE})"
)


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding with what mends it."""

    line: int
    cwe: int
    severity: str
    advice: str

    @property
    def finding(self) -> dict[str, Any]:
        return {"cwe": self.cwe, "line": self.line, "severity": self.severity}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the format holds."""

    seen: tuple[str, ...]
    remarks: tuple[Remark, ...]
    verdict: str

    @property
    def answer(self) -> dict[str, Any]:
        return {"findings": [one.finding for one in self.remarks], "verdict": self.verdict}


def ordered(findings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The findings by line and CWE, once each: of several on one line the most severe."""
    worst: dict[tuple[int, int], dict[str, Any]] = {}
    for one in sorted(findings, key=lambda one: SEVERITIES.index(one["severity"])):
        place = one["line"], one["cwe"]
        worst[place] = {"cwe": one["cwe"], "line": one["line"], "severity": one["severity"]}
    return [worst[place] for place in sorted(worst)]


def actions(reading: Reading) -> Iterator[str]:
    """The steps that lead to it, as "name: what it comes to"."""
    yield f"read: {', '.join(reading.seen) or NOTHING}"
    for one in reading.remarks:
        yield f"locate: {one.line}"
        yield f"classify: CWE-{one.cwe} {one.severity}"
        yield f"advise: {one.advice}"
    yield f"conclude: {reading.verdict}"


def read(text: str) -> Reading | None:
    """What `actions` and `segments` wrote, or None for any other text."""
    match = _FORMAT.fullmatch(text.strip())
    if match is None:
        return None
    found = re.findall(_FINDING, match["findings"])
    return Reading(
        seen=() if match["seen"] == NOTHING else tuple(match["seen"].split(", ")),
        remarks=tuple(Remark(int(line), int(cwe), level, said) for line, cwe, level, said in found),
        verdict=match["verdict"],
    )


def parse(text: str) -> dict[str, Any] | None:
    reading = read(text)
    return None if reading is None else reading.answer


def parse_baseline(text: str) -> dict[str, Any] | None:
    answer = json_object(text, ("findings", "verdict"))
    if answer is None:
        return None
    findings, verdict = answer["findings"], answer["verdict"]
    if not isinstance(findings, list) or verdict not in (SAFE, VULNERABLE):
        return None
    return {"findings": findings, "verdict": verdict} if all(map(_is_finding, findings)) else None


def parse_leniently(text: str) -> dict[str, Any] | None:
    """Findings wherever a line and a CWE are named near each other, and the last verdict there is;
    without one, findings say what it is.
    """
    low = text.lower()
    both = re.findall(r"cwe\W{0,6}(\d{1,4})[^\n{}]{0,40}?line\W{0,6}(\d{1,4})", low)
    both += [
        (cwe, line)
        for line, cwe in re.findall(r"line\W{0,6}(\d{1,4})[^\n{}]{0,40}?cwe\W{0,6}(\d{1,4})", low)
    ]
    level = re.search(r"\b(low|medium|high)\b", low)
    severity = level[1] if level else "medium"
    findings = [
        {"cwe": int(cwe), "line": int(line), "severity": severity}
        for cwe, line in dict.fromkeys(both)
    ]
    said = re.findall(r"\b(?:un|in)?(?:safe|secure)\b|\b(?:not )?vulnerable\b", low)
    if not said and not findings:
        return None
    safe = said[-1] in ("safe", "secure", "not vulnerable") if said else False
    return {"findings": findings[:MOST_FINDINGS], "verdict": SAFE if safe else VULNERABLE}


def _is_finding(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"cwe", "line", "severity"}
        and type(value["cwe"]) is int
        and type(value["line"]) is int
        and value["severity"] in SEVERITIES
    )
