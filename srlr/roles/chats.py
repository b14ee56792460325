"""How a role puts a task to a model."""

from collections.abc import Sequence

from srlr.core.types import Message, Task


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
