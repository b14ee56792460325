"""What the teacher says when it is asked again: an answer it does not stand by is a guess.

Source: Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning", arXiv:2203.11171.
"""

from collections.abc import Callable

from srlr.core.types import Trajectory, Verdict

Again = Callable[[int], Trajectory | None]
"""again(n): the teacher's n-th further answer to the task, from 1; None where it gave none."""
MAJORITY = 0.5
"""The share of agreeing answers below which the check fails."""


def consistency(trajectory: Trajectory, label: str, again: Again, answers: int) -> Verdict | None:
    """The share of `answers` further answers with the same label; None where none can be read."""
    said = trajectory.expected_outcome.get(label)
    others = [
        other.expected_outcome.get(label)
        for other in map(again, range(1, answers + 1))
        if other is not None
    ]
    if not others:
        return None
    agreeing = sum(other == said for other in others)
    share = agreeing / len(others)
    if share >= MAJORITY:
        return Verdict(share)
    return Verdict(
        share, (f"consistency: {agreeing} of {len(others)} further answers are {said!r} too",)
    )
