"""How a role puts a task to a model, and forms of answer that several roles share."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from srlr.core.types import Context, Message, Task, Trajectory

Expert = Callable[[Task, Context, int, int], Trajectory]


def chat(system: str, solved: Sequence[tuple[Task, str]], task: Task) -> list[Message]:
    """What a model is told, solved tasks with what is to be said to them, and the task."""
    shots = [
        turn
        for shot, said in solved
        for turn in (
            {"role": "user", "content": shot.prompt},
            {"role": "assistant", "content": said},
        )
    ]
    return [
        {"role": "system", "content": system}, *shots, {"role": "user", "content": task.prompt}
    ]  # fmt: skip


def shown(
    shots: Sequence[Task], expert: Expert, completion: Callable[[Trajectory], Sequence[str]]
) -> list[tuple[Task, str]]:
    """Solved tasks for `chat`: each with the text of its expert's solution."""
    return [(shot, "".join(completion(expert(shot, Context(), 0, 0)))) for shot in shots]


def segments(written: Mapping[str, str], steps: Sequence[str]) -> list[str]:
    """The trained text of actions "name: rest", a segment each.

    Args:
        written: by name, the text in which {} stands for the rest. A step of no known name stays
            as it is, which no role reads.
    """
    parted = [(*step.partition(": "), step) for step in steps]
    return [written.get(name, step).replace("{}", rest) for name, _, rest, step in parted]


def worked(trajectory: Trajectory) -> list[str]:
    """The trained text of a solution that is worked a line a step and ends with its answer."""
    parted = [step.action.partition(": ") for step in trajectory.steps]
    return [f"Answer: {rest}" if name == "answer" else f"{rest}\n" for name, _, rest in parted]


def json_object(text: str, keys: Collection[str]) -> dict[str, Any] | None:
    """The JSON object that a text is; None of any other text, and where its keys are not these."""
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and set(found) == set(keys) else None
