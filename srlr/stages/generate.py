"""generate: draw training tasks, let three models write and check their step-by-step solutions.

reads   the role's data; what the retriever's sources name; earlier runs of the role
writes  generate/trajectories.jsonl  what SRL learns: accepted trajectories (collaboration.record)
        generate/rejected.jsonl      every trajectory that was turned down, with the reasons
        generate/unwritten.jsonl     tasks for which a teacher left nothing to judge, and why
        generate/tasks.jsonl         every drawn task, "use": "srl" (has a trajectory) or "rlvr"
        generate/summary.json        counts, shares, cost, what was dropped or redacted, the seed
        generate/quality.json        balance, variety, edge cases, contamination, overlap, sources
        generate/report.md, .html    the same for people, with examples

Writes everything at its end: interrupted, it starts again, and what a server had answered by then
is read from teacher/journal.jsonl and not asked for once more. Personal data and secrets are taken
out before anything is sent or stored (generate.redact).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srlr import collaboration, roles
from srlr.collaboration import Outcome, Work, estimate, planner, record, retriever, writers
from srlr.collaboration.planner import Planner
from srlr.collaboration.writers import Source
from srlr.core.errors import ConfigError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Plan, StageResult, Task, Trajectory
from srlr.core.verifying import Quality
from srlr.stages import (
    generate_draw,
    generate_focus,
    generate_pool,
    generate_quality,
    generate_report,
)
from srlr.stages.generate_pool import Pool
from srlr.text.redaction import documents
from srlr.text.redaction.redactor import Redactor

NAME = "generate"
READS: tuple[str, ...] = ("role", "role_path", "generate", "seed")
AFTER: tuple[str, ...] = ()

SECONDS_PER_TASK = 0.001
SECONDS_FIXED = 3.0
"""Reading all data and dropping duplicates; both measured on one core, rounded up."""
BYTES_PER_TASK = 2_000


def plan(settings: Settings) -> Plan:
    tasks = settings.generate.num_tasks
    note = f"{tasks:,} training tasks, {settings.generate.srl_share:.0%} of them for SRL"
    seconds = SECONDS_FIXED + SECONDS_PER_TASK * tasks
    asked = estimate.of(settings)
    if asked is not None:
        note += f"; {generate_report.foreseen(asked, settings.generate.budget)}"
        seconds += asked.seconds
    return Plan(
        NAME,
        tokens=0 if asked is None else asked.tokens,
        seconds=seconds,
        disk_gb=BYTES_PER_TASK * tasks / 1e9,
        note=note,
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """What came of the drawn tasks: those a trajectory was asked for, with an outcome for each; the
    accepted trajectories that are kept, and all that were turned down; who wrote them, ranked.
    """

    drawn: Sequence[Task]
    asked: Sequence[Task]
    outcomes: Sequence[Outcome]
    accepted: Sequence[Trajectory]
    turned_down: Sequence[Trajectory]
    sources: Sequence[Source]


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises ConfigError where the data leave a split without tasks, or the run has no seed, and
    what a teacher's server or files are wrong with.
    """
    if settings.seed is None:
        raise ConfigError("generate: the run has no seed", "give one: seed=1")
    role = roles.load(settings.role, settings.role_path)
    redactor = Redactor(settings.generate.redact)
    clean = lambda text: redactor.text(text).text  # noqa: E731
    with planner.opened(settings, role, rundir.path, clean) as teachers:
        pool = generate_pool.read(role, settings, rundir, redactor)
        focus = generate_focus.read(settings, rundir, pool.tasks)
        draw = generate_draw.drawn(role, pool.tasks, settings, teachers.known, focus.picked)
        asked = draw.tasks[: round(len(draw.tasks) * settings.generate.srl_share)]
        with retriever.open(
            settings, role, pool.train, pool.held_out, run=rundir.path, told=rundir.progress
        ) as found:
            judge = teachers.judge.ask if teachers.judge else None
            work = Work(role, found.context, settings.role.label, settings.generate, judge)
            written = _written(work, teachers, asked, settings.seed, rundir)
            told = {"retriever": found.record(), "cost": teachers.cost()}
            notes = [*found.notes(), *teachers.notes(), *focus.notes(draw.tasks)]
            most = settings.generate.quality.embedded
            spread = generate_quality.embedding_spread(draw.tasks, found.sentences, most)
    outcomes = [_redacted(one, redactor) for one in written]
    made = _made(draw.tasks, asked, outcomes, settings.generate.quality)
    quality = generate_quality.measure(
        settings, pool, draw.tasks, made.accepted, kinds=draw.kinds, sources=made.sources
    )
    quality |= {"topped_up": draw.topped_up, "embedding_spread": spread}
    summary = _summary(settings, pool, made) | told
    notes += generate_quality.notes(quality)
    summary["notes"] = [*generate_report.notes(summary), *notes]
    _tell(rundir, settings, made, summary, quality)
    _write(rundir, settings.role.name, made, summary)
    return _result(summary)


def _written(
    work: Work, teachers: Planner, tasks: Sequence[Task], seed: int, rundir: RunDir
) -> list[Outcome]:
    """What came of each task, in the tasks' order."""
    found: dict[int, Outcome] = {}
    rundir.progress("writing trajectories", 0, len(tasks))
    for position, outcome in collaboration.written(work, teachers, tasks, seed):
        found[position] = outcome
        rundir.progress("writing trajectories", len(found), len(tasks))
    return [found[position] for position in range(len(tasks))]


def _made(
    drawn: Sequence[Task], asked: Sequence[Task], outcomes: Sequence[Outcome], quality: Quality
) -> _Made:
    """Of what was accepted, the best sources' are kept."""
    accepted = [one.accepted for one in outcomes if one.accepted is not None]
    turned_down = [trajectory for one in outcomes for trajectory in one.rejected]
    ranked = writers.ranked(accepted, turned_down, quality.source_weights)
    kept = writers.merged(accepted, ranked[: quality.sources])
    return _Made(drawn, asked, outcomes, kept, turned_down, ranked)


def _redacted(outcome: Outcome, redactor: Redactor) -> Outcome:
    """What a teacher wrote, without what it may have made up or let slip."""
    accepted = outcome.accepted
    return Outcome(
        None if accepted is None else documents.trajectory(redactor, accepted)[0],
        [documents.trajectory(redactor, one)[0] for one in outcome.rejected],
        None if outcome.unwritten is None else redactor.text(outcome.unwritten).text,
    )


def _result(summary: Mapping[str, Any]) -> StageResult:
    shares = summary["shares"]
    return StageResult(
        NAME,
        "generate/trajectories.jsonl",
        {
            "accepted": float(summary["accepted"]),
            "rejected": float(summary["rejected"]),
            "agreed_share": shares["agreed"],
            "overridden_share": shares["overridden"],
            "rejected_share": shares["rejected"],
        },
        tuple(summary["notes"]),
    )


def _summary(settings: Settings, pool: Pool, made: _Made) -> dict[str, Any]:
    drawn, accepted, asked = made.drawn, made.accepted, len(made.asked)
    overridden = generate_report.tally(
        trajectory.meta["override"] for trajectory in accepted if trajectory.meta.get("override")
    )
    agreed = len(accepted) - sum(overridden.values())
    lost = asked - len(accepted)
    unwritten = [one.unwritten for one in made.outcomes if one.unwritten]
    labelled = drawn if settings.role.family == "classification" else ()
    return {
        "seed": settings.seed,
        "num_tasks": settings.generate.num_tasks,
        "available": len(pool.tasks),
        "drawn": len(drawn),
        "asked": asked,
        "accepted": len(accepted),
        "agreed": agreed,
        "overridden": overridden,
        "rejected": lost,
        "turned_down": len(made.turned_down),
        "unwritten": generate_report.tally(unwritten),
        "shares": {
            "agreed": _share(agreed, asked),
            "overridden": _share(sum(overridden.values()), asked),
            "rejected": _share(lost, asked),
        },
        "use": {"srl": len(accepted), "rlvr": len(drawn) - len(accepted)},
        "dropped": {
            "near_duplicates": pool.near_duplicates,
            "contaminated": pool.contaminated,
        },
        "redacted": {
            "classes": list(settings.generate.redact.classes),
            "training_rows": pool.redacted_rows,
            "found": dict(pool.redacted),
        },
        "labels": generate_report.tally(str(t.answer.get(settings.role.label)) for t in labelled),
    }


def _tell(
    rundir: RunDir,
    settings: Settings,
    made: _Made,
    summary: dict[str, Any],
    quality: dict[str, Any],
) -> None:
    """Writes what people read."""
    from srlr.stages import generate_page  # its templates are not needed to plan

    identity = {
        "role": settings.role.name,
        "tier": settings.tier.name,
        "run": rundir.path.name,
        "teacher": settings.generate.teacher.kind,
    }
    page = generate_page.html(
        identity,
        summary,
        quality,
        prompts=[task.prompt for task in made.drawn],
        accepted=made.accepted,
        rejected=made.turned_down,
    )
    rundir.write_json("generate/quality.json", quality)
    rundir.write_text("generate/report.html", page)
    report = generate_report.report(summary, made.accepted, made.turned_down)
    rundir.write_text("generate/report.md", report)


def _write(rundir: RunDir, role: str, made: _Made, summary: dict[str, Any]) -> None:
    """Writes what the next stages read; trajectories.jsonl comes last."""
    learnt = {trajectory.task.id for trajectory in made.accepted}
    rejected = [record.to_row(one, role) for one in made.turned_down]
    rundir.write_jsonl("generate/rejected.jsonl", rejected)
    both = zip(made.asked, made.outcomes, strict=True)
    unwritten = [{"id": task.id, "why": one.unwritten} for task, one in both if one.unwritten]
    rundir.write_jsonl("generate/unwritten.jsonl", unwritten)
    rundir.write_jsonl(
        "generate/tasks.jsonl",
        [
            {
                "id": task.id,
                "prompt": task.prompt,
                "answer": dict(task.answer),
                "meta": dict(task.meta),
                "use": "srl" if task.id in learnt else "rlvr",
            }
            for task in made.drawn
        ],
    )
    rundir.write_json("generate/summary.json", summary)
    accepted = [record.to_row(one, role) for one in made.accepted]
    rundir.write_jsonl("generate/trajectories.jsonl", accepted)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
