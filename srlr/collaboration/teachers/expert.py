"""The role's own programmatic expert as a teacher."""

from collections.abc import Sequence

from srlr.collaboration.teachers import Item, Teacher, Written
from srlr.core.types import Role


def teacher(role: Role) -> Teacher:
    """Equal items, equal trajectories."""

    def write(items: Sequence[Item]) -> list[Written]:
        return [role.expert(one.task, one.context, one.attempt, one.seed) for one in items]

    return write
