"""Teachers: who writes a trajectory for a task.

expert      the role's own programmatic expert
llm         a language model on a server: prompt writes what it is told, reading checks what it says
decompose   a data set's own worked solutions, parted into steps
importing   a file of trajectories
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srlr.core.types import Context, Task, Trajectory


@dataclass(frozen=True, slots=True)
class Item:
    """What a teacher is asked for: steps for one task.

    `attempt` counts from 0; after a rejection `before` is what was turned down, with its issues.
    """

    task: Task
    context: Context
    attempt: int = 0
    seed: int = 0
    before: Trajectory | None = None


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Why there is no trajectory: counted, never judged."""

    why: str


Written = Trajectory | Unwritten
Teacher = Callable[[Sequence[Item]], list[Written]]
"""teacher(items): one result for each item, in their order."""
