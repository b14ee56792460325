"""generate: draw training tasks, let three models write and check their step-by-step solutions.

reads   the role's data
writes  generate/trajectories.jsonl  what SRL learns: accepted trajectories (collaboration.record)
        generate/rejected.jsonl      every trajectory that was turned down, with the reasons
        generate/tasks.jsonl         every drawn task, "use": "srl" (has a trajectory) or "rlvr"
        generate/summary.json        counts, shares, what was dropped, the seed
        generate/report.md           the same for people, with examples

Takes seconds and writes everything at its end: interrupted, it starts again.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srlr import collaboration, roles
from srlr.collaboration import record, retriever
from srlr.core.errors import ConfigError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Plan, Role, Split, StageResult, Task, Trajectory
from srlr.stages import generate_report
from srlr.text import dedup
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
    redactor = Redactor(settings.generate.redact)
    pool = _pool(role, settings, rundir, redactor)
    rng = random.Random(settings.seed)
    drawn = _drawn(pool.tasks, settings, rng)
    asked = round(len(drawn) * settings.generate.srl_share)
    written = _written(role, pool.train, drawn[:asked], settings, rundir)
    accepted, rejected = _redacted(written, redactor)
    summary = _summary(settings, pool, drawn, asked, accepted, rejected)
    _write(rundir, settings.role.name, drawn, accepted, rejected, summary)
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


@dataclass(frozen=True, slots=True)
class _Pool:
    """Training tasks to draw from, the whole training split, and why some are left out."""

    tasks: list[Task]
    train: list[Task]
    near_duplicates: int
    contaminated: int
    redacted: dict[str, int]
    redacted_rows: int


def _pool(role: Role, settings: Settings, rundir: RunDir, redactor: Redactor) -> _Pool:
    """The training tasks that repeat no other one and nothing in the held-out splits, redacted
    before a teacher or a file sees them.
    """
    splits: tuple[Split, ...] = ("train", "dev", "test")
    tasks: dict[Split, Sequence[Task]] = {}
    for done, split in enumerate(splits):
        rundir.progress("reading data", done, len(splits))
        tasks[split] = role.load_tasks(settings.role, split)
    rundir.progress("reading data", len(splits), len(splits))
    for split in ("train", "dev", settings.evaluate.split):
        if not tasks[split]:
            found = ", ".join(f"{len(tasks[name])} {name}" for name in splits)
            raise ConfigError(
                f"role.data {settings.role.data!r} leaves no {split} rows ({found})",
                "add rows, give them a `split` column, or widen role.where",
            )
    held_out = [task.prompt for split in ("dev", "test") for task in tasks[split]]
    train = list(tasks["train"])
    prompts = [task.prompt for task in train]
    copies = dedup.duplicates(prompts, against=held_out)
    held_out_texts = set(held_out)
    contaminated = sum(text in held_out_texts for text in copies.values())
    train, redacted, rows = documents.tasks(redactor, train)
    kept = [task for position, task in enumerate(train) if position not in copies]
    return _Pool(kept, train, len(copies) - contaminated, contaminated, redacted, rows)


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


def _redacted(
    written: tuple[list[Trajectory], list[list[Trajectory]]], redactor: Redactor
) -> tuple[list[Trajectory], list[list[Trajectory]]]:
    """What a teacher wrote, without what it may have made up or let slip."""
    accepted, rejected = written
    return (
        [documents.trajectory(redactor, one)[0] for one in accepted],
        [[documents.trajectory(redactor, one)[0] for one in attempts] for attempts in rejected],
    )


def _summary(
    settings: Settings,
    pool: _Pool,
    drawn: Sequence[Task],
    asked: int,
    accepted: Sequence[Trajectory],
    rejected: Sequence[Sequence[Trajectory]],
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
        "turned_down": sum(map(len, rejected)),
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
            "found": pool.redacted,
        },
        "labels": generate_report.tally(str(t.answer.get(settings.role.label)) for t in labelled),
    }
    summary["notes"] = generate_report.notes(summary)
    return summary


def _write(
    rundir: RunDir,
    role: str,
    drawn: Sequence[Task],
    accepted: Sequence[Trajectory],
    rejected: Sequence[Sequence[Trajectory]],
    summary: dict[str, Any],
) -> None:
    learnt = {trajectory.task.id for trajectory in accepted}
    turned_down = [trajectory for attempts in rejected for trajectory in attempts]
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
