"""The judge of a trajectory: what its role checks from the steps, and what holds for any role."""

import math

from srlr.core.types import Role, Trajectory, Verdict


def judge(trajectory: Trajectory, role: Role, label: str) -> Verdict:
    """The role's verdict; its score is 0 where a general rule is broken.

    General rules: there are steps and none is empty; their rewards are not negative and sum to 1
    within 1e-6; the text to be learnt reads back as the expected outcome; and the outcome's
    `label`, which the role's check had to derive from the steps, is the human one.
    """
    verdict = role.verify(trajectory)
    broken = [
        issue
        for issue in (_steps(trajectory), _rewards(trajectory), _readable(trajectory, role))
        if issue
    ]
    said, human = trajectory.expected_outcome.get(label), trajectory.task.answer.get(label)
    if said != human:
        broken.append(f"agreement: people say {human!r}, the trajectory {said!r}")
    issues = (*verdict.issues, *broken)
    return Verdict(0.0 if broken else verdict.score, issues)


def _steps(trajectory: Trajectory) -> str:
    empty = [n for n, step in enumerate(trajectory.steps, 1) if not step.action.strip()]
    if empty or not trajectory.steps:
        return f"completeness: step {empty[0]} is empty" if empty else "completeness: no steps"
    return ""


def _rewards(trajectory: Trajectory) -> str:
    rewards = [step.reward for step in trajectory.steps]
    if any(not reward >= 0 for reward in rewards):
        return "rewards: a step's reward is negative"
    total = math.fsum(rewards)
    return "" if abs(total - 1.0) <= 1e-6 else f"rewards: they sum to {total:g}, not to 1"


def _readable(trajectory: Trajectory, role: Role) -> str:
    read = role.parse("".join(role.completion(trajectory)))
    if read == dict(trajectory.expected_outcome):
        return ""
    return f"schema: the text reads as {read!r}, not as the expected outcome"
