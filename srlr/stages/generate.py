"""generate: draw training tasks, let three models write and check their step-by-step solutions.

reads   the role's data
writes  generate/trajectories.jsonl  what SRL learns: accepted trajectories (collaboration.record)
        generate/rejected.jsonl      every trajectory that was turned down, with the reasons
        generate/tasks.jsonl         every drawn task, "use": "srl" (has a trajectory) or "rlvr"
        generate/summary.json        counts, shares, what was dropped, the seed
        generate/quality.json        balance, variety, edge cases, contamination, overlap, sources
        generate/report.md, .html    the same for people, with examples

Takes seconds and writes everything at its end: interrupted, it starts again.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from srlr import collaboration, roles
from srlr.collaboration import record, retriever, writers
from srlr.core.errors import ConfigError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Plan, Role, StageResult, Task, Trajectory
from srlr.stages import generate_page, generate_pool, generate_quality, generate_report

NAME = "generate"
READS: tuple[str, ...] = ("role", "role_path", "generate", "seed")
AFTER: tuple[str, ...] = ()

SECONDS_PER_TASK = 0.001
SECONDS_FIXED = 3.0
"""Reading all data and dropping duplicates; both measured on one core, rounded up."""
BYTES_PER_TASK = 2_000


def plan(settings: Settings) -> Plan:
    tasks = settings.generate.num_tasks
    return Plan(
        NAME,
        seconds=SECONDS_FIXED + SECONDS_PER_TASK * tasks,
        disk_gb=BYTES_PER_TASK * tasks / 1e9,
        note=f"{tasks:,} training tasks, {settings.generate.srl_share:.0%} of them for SRL",
    )


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises ConfigError where the data leave a split without tasks, or the run has no seed."""
    if settings.seed is None:
        raise ConfigError("generate: the run has no seed", "give one: seed=1")
    role = roles.load(settings.role, settings.role_path)
    pool = generate_pool.read(role, settings, rundir)
    rng = random.Random(settings.seed)
    kinds = generate_quality.kinds_of(role, pool.tasks)
    first = _drawn(pool.tasks, settings, rng)
    drawn = _topped_up(first, pool.tasks, kinds, settings, rng)
    asked = round(len(drawn) * settings.generate.srl_share)
    accepted, rejected = _written(role, pool.train, drawn[:asked], settings, rundir)
    turned_down = [trajectory for attempts in rejected for trajectory in attempts]
    ranked = writers.ranked(accepted, turned_down, settings.generate.quality.source_weights)
    accepted = writers.merged(accepted, ranked[: settings.generate.quality.sources])
    quality = generate_quality.measure(settings, pool, drawn, accepted, kinds, ranked)
    quality["topped_up"] = len({task.id for task in drawn} - {task.id for task in first})
    summary = _summary(settings, pool, drawn, asked, accepted, turned_down)
    summary["notes"] += generate_quality.notes(quality)
    page = generate_page.html(
        _identity(settings, rundir),
        summary,
        quality,
        prompts=[task.prompt for task in drawn],
        accepted=accepted,
        rejected=turned_down,
    )
    rundir.write_json("generate/quality.json", quality)
    rundir.write_text("generate/report.html", page)
    _write(rundir, settings, drawn, accepted, turned_down, summary)
    shares = summary["shares"]
    return StageResult(
        NAME,
        "generate/trajectories.jsonl",
        {
            "accepted": float(len(accepted)),
            "rejected": float(asked - len(accepted)),
            "agreed_share": shares["agreed"],
            "overridden_share": shares["overridden"],
            "rejected_share": shares["rejected"],
        },
        tuple(summary["notes"]),
    )


def _identity(settings: Settings, rundir: RunDir) -> dict[str, str]:
    return {
        "role": settings.role.name,
        "tier": settings.tier.name,
        "run": rundir.path.name,
        "teacher": settings.generate.teacher.kind,
    }


def _drawn(tasks: Sequence[Task], settings: Settings, rng: random.Random) -> list[Task]:
    """The run's tasks, drawn at random; where they are classified, a label's share goes with its
    count ** (1 - balance).
    """
    shuffled = rng.sample(tasks, len(tasks))
    if settings.role.family != "classification":
        return shuffled[: settings.generate.num_tasks]
    labels = [str(task.answer.get(settings.role.label)) for task in shuffled]
    counts, place = Counter(labels), Counter[str]()
    due = []
    for label in labels:
        due.append((place[label] + 0.5) / counts[label] ** (1 - settings.generate.label_balance))
        place[label] += 1
    # A label's n-th task is due when the draw is long enough to owe it: a cut anywhere is fair.
    order = sorted(range(len(shuffled)), key=due.__getitem__)
    return [shuffled[i] for i in order[: settings.generate.num_tasks]]


def _topped_up(
    drawn: list[Task],
    pool: Sequence[Task],
    kinds: generate_quality.Kinds,
    settings: Settings,
    rng: random.Random,
) -> list[Task]:
    if not settings.generate.quality.top_up:
        return drawn
    want = generate_quality.wanted(settings, len(drawn))
    return generate_quality.topped_up(drawn, pool, kinds, want, settings.role.label, rng)


def _written(
    role: Role, train: Sequence[Task], tasks: Sequence[Task], settings: Settings, rundir: RunDir
) -> tuple[list[Trajectory], list[list[Trajectory]]]:
    """Accepted trajectories in the tasks' order, and for every task its rejected ones."""
    examples = retriever.Examples(train)
    accepted: list[Trajectory] = []
    rejected: list[list[Trajectory]] = []
    for done, task in enumerate(tasks):
        rundir.progress("writing trajectories", done, len(tasks))
        outcome = collaboration.collaborate(
            task,
            role=role,
            examples=examples,
            label=settings.role.label,
            settings=settings.generate,
            seed=(settings.seed or 0) + done,
        )
        rejected.append(outcome.rejected)
        if outcome.accepted is not None:
            accepted.append(outcome.accepted)
    rundir.progress("writing trajectories", len(tasks), len(tasks))
    return accepted, rejected


def _summary(
    settings: Settings,
    pool: generate_pool.Pool,
    drawn: Sequence[Task],
    asked: int,
    accepted: Sequence[Trajectory],
    rejected: Sequence[Trajectory],
) -> dict[str, Any]:
    overridden = generate_report.tally(
        trajectory.meta["override"] for trajectory in accepted if trajectory.meta.get("override")
    )
    agreed = len(accepted) - sum(overridden.values())
    lost = asked - len(accepted)
    labelled = drawn if settings.role.family == "classification" else ()
    summary: dict[str, Any] = {
        "seed": settings.seed,
        "num_tasks": settings.generate.num_tasks,
        "available": len(pool.tasks),
        "drawn": len(drawn),
        "asked": asked,
        "accepted": len(accepted),
        "agreed": agreed,
        "overridden": overridden,
        "rejected": lost,
        "turned_down": len(rejected),
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
        "labels": generate_report.tally(str(t.answer.get(settings.role.label)) for t in labelled),
    }
    summary["notes"] = generate_report.notes(summary)
    return summary


def _write(
    rundir: RunDir,
    settings: Settings,
    drawn: Sequence[Task],
    accepted: Sequence[Trajectory],
    turned_down: Sequence[Trajectory],
    summary: dict[str, Any],
) -> None:
    role = settings.role.name
    learnt = {trajectory.task.id for trajectory in accepted}
    rundir.write_jsonl("generate/rejected.jsonl", [record.to_row(t, role) for t in turned_down])
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
            for task in drawn
        ],
    )
    rundir.write_text("generate/report.md", generate_report.report(summary, accepted, turned_down))
    rundir.write_json("generate/summary.json", summary)
    rundir.write_jsonl("generate/trajectories.jsonl", [record.to_row(t, role) for t in accepted])


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
