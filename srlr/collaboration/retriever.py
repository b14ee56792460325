"""The context of a task: the role's rules, words it knows, and the nearest labelled examples."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from srlr.core.types import Context, Role, Task
from srlr.text.index import Index


class Examples:
    """Labelled training tasks to search; a task's own group is never among its neighbours."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tuple(tasks)
        self._index = Index([task.prompt for task in self._tasks])
        self._members: dict[str, list[int]] = defaultdict(list)
        for position, task in enumerate(self._tasks):
            self._members[_group(task)].append(position)

    def nearest(self, task: Task, k: int) -> tuple[Task, ...]:
        """At most `k` tasks of other groups that share words with `task`, nearest first."""
        if k < 1:
            return ()
        own = self._members.get(_group(task), [])
        found = self._index.nearest(task.prompt, k, exclude=own)
        return tuple(self._tasks[position] for position, _ in found)


def retrieve(task: Task, role: Role, examples: Examples, neighbours: int) -> Context:
    """What the role knows about `task`, with labelled neighbours; citations name every source."""
    known = role.knowledge(task)
    near = examples.nearest(task, neighbours)
    return replace(
        known, neighbours=near, citations=(*known.citations, *(neighbour.id for neighbour in near))
    )


def _group(task: Task) -> str:
    return str(task.meta.get("group") or f"\0{task.id}")
