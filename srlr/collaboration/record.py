"""A trajectory as a line of JSON, in the documented form, and back.

    {"problem": …, "steps": [{"action": …, "reasoning": …, "reward": 0.25}, …],
     "expected_outcome": {…}, "id": …, "role": …, "author": …, "score": 1.0,
     "issues": [], "citations": [], "meta": {…}, "answer": {…}, "slices": {…}}

`answer` and `slices` are the task's own answer and meta; `meta` is the trajectory's.
"""

from collections.abc import Mapping
from typing import Any

from srlr.core.types import Step, Task, Trajectory


def to_row(trajectory: Trajectory, role: str) -> dict[str, Any]:
    """The line for `trajectory`; everything in it is plain JSON."""
    return {
        "id": trajectory.task.id,
        "role": role,
        "problem": trajectory.task.prompt,
        "steps": [
            {"action": step.action, "reasoning": step.reasoning, "reward": step.reward}
            for step in trajectory.steps
        ],
        "expected_outcome": dict(trajectory.expected_outcome),
        "author": trajectory.author,
        "score": trajectory.score,
        "issues": list(trajectory.issues),
        "citations": list(trajectory.citations),
        "meta": dict(trajectory.meta),
        "answer": dict(trajectory.task.answer),
        "slices": dict(trajectory.task.meta),
    }


def from_row(row: Mapping[str, Any]) -> Trajectory:
    """The trajectory `to_row` wrote."""
    return Trajectory(
        task=Task(row["id"], row["problem"], row["answer"], row["slices"]),
        steps=tuple(Step(s["action"], s["reasoning"], s["reward"]) for s in row["steps"]),
        expected_outcome=row["expected_outcome"],
        author=row["author"],
        score=row["score"],
        issues=tuple(row["issues"]),
        citations=tuple(row["citations"]),
        meta=row["meta"],
    )
