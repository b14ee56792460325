"""The teacher that writes a trajectory. Embedded: the role's own programmatic expert."""

from collections.abc import Callable

from srlr.core.errors import ConfigError
from srlr.core.types import Context, Role, Task, Trajectory

Teacher = Callable[[Task, Context, int, int], Trajectory]
"""teacher(task, context, attempt, seed): `attempt` counts from 0; equal arguments, equal result."""


def _expert(role: Role) -> Teacher:
    return role.expert


TEACHERS: dict[str, Callable[[Role], Teacher]] = {"expert": _expert}
"""`generate.teacher.kind` -> what makes that teacher for a role."""


def teacher(kind: str, role: Role) -> Teacher:
    """The teacher of that kind.

    Raises:
        ConfigError: there is no such kind.
    """
    if kind not in TEACHERS:
        raise ConfigError(
            f"generate.teacher.kind: there is no teacher {kind!r}", f"one of: {', '.join(TEACHERS)}"
        )
    return TEACHERS[kind](role)


def plan(teacher: Teacher, task: Task, context: Context, *, attempt: int, seed: int) -> Trajectory:
    """The teacher's trajectory for `task`."""
    return teacher(task, context, attempt, seed)
