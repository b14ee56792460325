"""Three models that write examples: a retriever, a planner and a verifier that sends work back.

context     what is known about the task           retriever
trajectory  a teacher's steps to the known answer  planner
verdict     what is wrong with them                verifier, which asks again below the floor
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from srlr.collaboration import planner, retriever, verifier
from srlr.core.settings import Generate
from srlr.core.types import Context, Role, Task, Trajectory

FAR = 1_000_003
"""Between the seeds of one task's answers; tasks have neighbouring seeds."""


class Outcome(NamedTuple):
    """The trajectory that passed, if one did, and those that did not, in their order."""

    accepted: Trajectory | None
    rejected: list[Trajectory]


def collaborate(
    task: Task,
    *,
    role: Role,
    examples: retriever.Examples,
    label: str,
    settings: Generate,
    seed: int,
) -> Outcome:
    """Writes and judges a trajectory, again at most `max_regeneration_attempts` times.

    Every trajectory carries its score, its issues and `meta["attempts"]`. A teacher that repeats
    itself word for word is not asked again.

    Args:
        label: the field of the answer that must agree with the human one.
    """
    context = retriever.retrieve(task, role, examples, settings.neighbours)
    teacher = planner.teacher(settings.teacher.kind, role)
    rejected: list[Trajectory] = []
    for attempt in range(1 + settings.max_regeneration_attempts):
        written = planner.plan(teacher, task, context, attempt=attempt, seed=seed)
        if rejected and rejected[-1].steps == written.steps:
            break
        verdict = verifier.judge(
            written,
            role,
            label,
            settings=settings.verifier,
            panel=verifier.Panel(again=partial(_again, teacher, task, context, attempt, seed)),
            floor=settings.min_verification_score,
        )
        judged = replace(
            written,
            score=verdict.score,
            issues=verdict.issues,
            citations=context.citations,
            meta={**written.meta, "attempts": attempt + 1, "checks": dict(verdict.checks)},
        )
        if verdict.score >= settings.min_verification_score:
            return Outcome(judged, rejected)
        rejected.append(judged)
    return Outcome(None, rejected)


def _again(
    teacher: planner.Teacher, task: Task, context: Context, attempt: int, seed: int, number: int
) -> Trajectory:
    """The teacher's further answer of that number, from a seed no other task's answer has."""
    return planner.plan(teacher, task, context, attempt=attempt, seed=seed + number * FAR)
