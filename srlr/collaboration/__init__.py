"""Three models that write examples: a retriever, a planner and a verifier that sends work back.

context     what is known about the task           retriever
trajectory  a teacher's steps to the known answer  planner
verdict     what is wrong with them                verifier, which asks again below the floor
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial

from srlr.collaboration import verifier
from srlr.collaboration.planner import Planner
from srlr.collaboration.protocol import Ask
from srlr.collaboration.teachers import Item, Teacher, Unwritten
from srlr.core.settings import Generate
from srlr.core.types import Context, Role, Task, Trajectory

FAR = 1_000_003
"""Between the seeds of one task's answers; tasks have neighbouring seeds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The trajectory that passed, if one did, and those that did not, in their order; `unwritten`
    says why the last attempt left none at all.
    """

    accepted: Trajectory | None
    rejected: list[Trajectory]
    unwritten: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What is the same for all tasks. `label` is the answer's field that must agree with the human
    one; `context` says what is known of a task; `ask` is the model that judges, where one does.
    """

    role: Role
    context: Callable[[Task], Context]
    label: str
    settings: Generate
    ask: Ask | None = None


def written(
    work: Work, plan: Planner, tasks: Sequence[Task], seed: int
) -> Iterator[tuple[int, Outcome]]:
    """Each task's position with its outcome, as they come; the n-th task's seed is `seed` + n.

    Where a server is asked several jobs are under way at once, and an error ends them all.
    """

    def one(positions: Sequence[int], teacher: Teacher) -> list[tuple[int, Outcome]]:
        asked = [(tasks[place], seed + place) for place in positions]
        return list(zip(positions, collaborate(work, teacher, asked), strict=True))

    jobs = plan.jobs(tasks)
    if plan.threads == 1:
        for positions, seat in jobs:
            yield from one(positions, seat.teacher)
        return
    pool = ThreadPoolExecutor(plan.threads)
    try:
        futures = [pool.submit(one, positions, seat.teacher) for positions, seat in jobs]
        for future in as_completed(futures):
            yield from future.result()
    except BaseException:
        plan.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def collaborate(work: Work, teacher: Teacher, asked: Sequence[tuple[Task, int]]) -> list[Outcome]:
    """Writes and judges trajectories, again at most `max_regeneration_attempts` times.

    What is turned down goes back to the teacher with its issues. Every trajectory carries its
    score, its issues and `meta["attempts"]`. A teacher that repeats itself word for word is not
    asked again.

    Args:
        asked: tasks with their seeds, which the teacher gets together.
    """
    waiting = {
        place: Item(task, work.context(task), 0, seed) for place, (task, seed) in enumerate(asked)
    }
    outcomes = [Outcome(None, []) for _ in asked]
    for attempt in range(1 + work.settings.max_regeneration_attempts):
        found = zip(list(waiting), teacher(list(waiting.values())), strict=True)
        for place, came in found:
            item, outcome = waiting.pop(place), outcomes[place]
            if isinstance(came, Unwritten):
                outcomes[place] = replace(outcome, unwritten=came.why)
                continue
            if outcome.rejected and outcome.rejected[-1].steps == came.steps:
                continue
            judged = _judged(work, teacher, item, came)
            if judged.score >= work.settings.min_verification_score:
                outcomes[place] = replace(outcome, accepted=judged)
                continue
            outcome.rejected.append(judged)
            waiting[place] = replace(item, attempt=attempt + 1, before=judged)
        if not waiting:
            break
    return outcomes


def _judged(work: Work, teacher: Teacher, item: Item, trajectory: Trajectory) -> Trajectory:
    settings = work.settings
    verdict = verifier.judge(
        trajectory,
        work.role,
        work.label,
        settings=settings.verifier,
        panel=verifier.Panel(partial(_again, teacher, item), work.ask),
        floor=settings.min_verification_score,
    )
    return replace(
        trajectory,
        score=verdict.score,
        issues=verdict.issues,
        citations=item.context.citations,
        meta={**trajectory.meta, "attempts": item.attempt + 1, "checks": dict(verdict.checks)},
    )


def _again(teacher: Teacher, item: Item, number: int) -> Trajectory | None:
    """The teacher's further answer of that number, from a seed no other task's answer has."""
    (came,) = teacher([replace(item, seed=item.seed + number * FAR)])
    return came if isinstance(came, Trajectory) else None
