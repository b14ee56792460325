"""The answer said before it was worked out: in the problem, or in an early step.

A step that comes to the answer is no leak; one that is told it is.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from srlr.collaboration.checks import arithmetic, found
from srlr.core.types import Trajectory, Verdict

SHORTEST = 3
"""Letters of an answer in words that are looked for: "no" is in many texts that leak nothing."""
FEWEST_STEPS = 3
"""Steps from which the first one comes too early to name the answer."""

_CLAIM = (
    r"\b(?:answer|label|outcome|solution|result|gold|ground truth)\s*"
    r"(?:(?:is|was|must be|should be|has to be|will be|=|:)\s*)+[\"'“‘*(]*"
)
_NUMBER = re.compile(r"(?<![\w.,])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w%])")


def leak(trajectory: Trajectory, label: str) -> Verdict | None:
    """None where the outcome has no value that can be told from other words."""
    value = trajectory.expected_outcome.get(label)
    if value is None or isinstance(value, bool | list | dict | tuple):
        return None
    number = _number(value)
    if number is None and len(str(value)) < SHORTEST:
        return None
    issues = [*_claimed(trajectory, value)]
    issues += _too_soon(trajectory, number) if number is not None else _at_once(trajectory, value)
    return found(issues)


def _claimed(trajectory: Trajectory, value: Any) -> Iterator[str]:
    """Where a text says what the answer is: "the right label is negative"."""
    claim = re.compile(_CLAIM + re.escape(str(value)) + r"(?![\w]|[.,]\d)", re.IGNORECASE)
    if claim.search(trajectory.task.prompt):
        yield f"leak: the problem says that the answer is {value}"
    for place, step in enumerate(trajectory.steps[:-1], 1):
        if claim.search(step.action) or claim.search(step.reasoning):
            yield f"leak: step {place} says that the answer is {value}"


def _at_once(trajectory: Trajectory, value: Any) -> Iterator[str]:
    """The first of several steps names an answer that the problem does not."""
    word = re.compile(rf"(?<!\w){re.escape(str(value))}(?!\w)", re.IGNORECASE)
    many = len(trajectory.steps) >= FEWEST_STEPS
    if many and word.search(trajectory.steps[0].action) and not word.search(trajectory.task.prompt):
        yield f"leak: step 1 names the answer, {value}, before anything speaks for it"


def _too_soon(trajectory: Trajectory, number: Fraction) -> Iterator[str]:
    """A number that a later step comes to is used before, and the problem does not have it."""
    results = [
        {one.result for one in arithmetic.calculations(f"{step.action}\n{step.reasoning}")}
        for step in trajectory.steps
    ]
    reached = next((place for place, known in enumerate(results) if number in known), 0)
    if number in _numbers(trajectory.task.prompt):
        return
    for place, step in enumerate(trajectory.steps[:reached], 1):
        if number in _numbers(step.action):
            yield f"leak: step {place} has {number}, which only step {reached + 1} comes to"


def _numbers(text: str) -> set[Fraction]:
    return {Fraction(one.replace(",", "")) for one in _NUMBER.findall(text)}


def _number(value: Any) -> Fraction | None:
    if isinstance(value, int | Fraction):
        return Fraction(value)
    match = _NUMBER.fullmatch(str(value).strip())
    return Fraction(match[0].replace(",", "")) if match else None
