"""What holds for a trajectory of any role: steps, rewards, a text that reads back, the label."""

import math

from srlr.collaboration.checks import PASSED, found
from srlr.core.types import Role, Trajectory, Verdict
from srlr.text import dedup

RESTATED = 5
"""Words from which a step that repeats the problem is no step but a copy."""


def completeness(trajectory: Trajectory) -> Verdict:
    """There are steps, none is empty and none only repeats the problem."""
    if not trajectory.steps:
        return Verdict(0.0, ("completeness: no steps",))
    issues = []
    problem = dedup.normalise(trajectory.task.prompt)
    for number, step in enumerate(trajectory.steps, 1):
        said = dedup.normalise(step.action)
        if not said:
            issues.append(f"completeness: step {number} is empty")
        elif _restates(said, problem):
            issues.append(f"completeness: step {number} only says the problem again")
    return found(issues)


def rewards(trajectory: Trajectory) -> Verdict:
    """None is negative, and they sum to 1 within 1e-6."""
    for number, step in enumerate(trajectory.steps, 1):
        if not step.reward >= 0:
            return Verdict(0.0, (f"rewards: a step's reward is negative: step {number}",))
    total = math.fsum(step.reward for step in trajectory.steps)
    if abs(total - 1.0) <= 1e-6:
        return PASSED
    return Verdict(0.0, (f"rewards: they sum to {total:g}, not to 1",))


def readable(trajectory: Trajectory, role: Role) -> Verdict:
    """The text to be learnt reads back as the expected outcome."""
    read = role.parse("".join(role.completion(trajectory)))
    if read == dict(trajectory.expected_outcome):
        return PASSED
    return Verdict(0.0, (f"schema: the text reads as {read!r}, not as the expected outcome",))


def agreement(trajectory: Trajectory, label: str) -> Verdict | None:
    """The outcome's label is people's; None where people gave none."""
    said, human = trajectory.expected_outcome.get(label), trajectory.task.answer.get(label)
    if human is None:
        return None
    if said == human:
        return PASSED
    return Verdict(0.0, (f"agreement: people say {human!r}, the trajectory {said!r}",))


def _restates(said: str, problem: str) -> bool:
    """`said` may have a name before it: "read: Ana has 14 pens …"."""
    long = len(problem.split()) >= RESTATED
    return long and (said == problem or said.split(" ", 1)[-1] == problem)
