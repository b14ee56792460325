"""Which of the tasks that may be drawn a run gets."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srlr.core.settings import Settings
from srlr.core.types import Role, Task
from srlr.stages import generate_quality
from srlr.stages.generate_quality import Kinds


@dataclass(frozen=True, slots=True)
class Draw:
    """The run's tasks; what kinds of edge case every task is; how many were drawn for one."""

    tasks: list[Task]
    kinds: Kinds
    topped_up: int


def drawn(
    role: Role,
    pool: Sequence[Task],
    settings: Settings,
    known: Callable[[Task], bool],
    focus: Sequence[bool] | None = None,
) -> Draw:
    """Tasks drawn at random with the run's seed, then edge cases in the place of others where the
    settings ask for them.

    Args:
        known: whether the teachers can write about a task.
        focus: of each task, whether more of its kind are wanted; None: of no kind.
    """
    rng = random.Random(settings.seed)
    kinds = generate_quality.kinds_of(role, pool)
    if focus is None:
        first = balanced(pool, settings, rng, known)
    else:
        first = focused(pool, focus, settings, rng, known)
    if not settings.generate.quality.top_up:
        return Draw(first, kinds, 0)
    want = generate_quality.wanted(settings, len(first))
    label = settings.role.label
    tasks = generate_quality.topped_up(first, pool, kinds, want, label=label, rng=rng)
    return Draw(tasks, kinds, len({task.id for task in tasks} - {task.id for task in first}))


def focused(
    pool: Sequence[Task],
    focus: Sequence[bool],
    settings: Settings,
    rng: random.Random,
    known: Callable[[Task], bool],
) -> list[Task]:
    """As many as are asked for, `generate.focus_share` of them in the focus where there are so
    many, each part drawn as `balanced` draws; mixed.
    """
    inside = [task for task, wanted in zip(pool, focus, strict=True) if wanted]
    outside = [task for task, wanted in zip(pool, focus, strict=True) if not wanted]
    count = min(len(inside), round(settings.generate.focus_share * settings.generate.num_tasks))
    found = []
    for tasks, many in ((inside, count), (outside, settings.generate.num_tasks - count)):
        node = settings.generate.model_copy(update={"num_tasks": many})
        part = settings.model_copy(update={"generate": node})
        found += balanced(tasks, part, rng, known)
    return rng.sample(found, len(found))


def balanced(
    tasks: Sequence[Task], settings: Settings, rng: random.Random, known: Callable[[Task], bool]
) -> list[Task]:
    """As many as are asked for, drawn at random; where they are classified, a label's share goes
    with its count ** (1 - balance). Those that the teachers know come before the others.
    """
    shuffled = rng.sample(tasks, len(tasks))
    if settings.role.family != "classification":
        return sorted(shuffled, key=lambda task: not known(task))[: settings.generate.num_tasks]
    labels = [str(task.answer.get(settings.role.label)) for task in shuffled]
    counts, place = Counter(labels), Counter[str]()
    due = []
    for label in labels:
        due.append((place[label] + 0.5) / counts[label] ** (1 - settings.generate.label_balance))
        place[label] += 1
    # A label's n-th task is due when the draw is long enough to owe it: a cut anywhere is fair.
    order = sorted(range(len(shuffled)), key=due.__getitem__)
    order.sort(key=lambda i: not known(shuffled[i]))
    return [shuffled[i] for i in order[: settings.generate.num_tasks]]
