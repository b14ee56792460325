"""generate: draw training tasks, let three models write and check their step-by-step solutions.

reads   the role's data
writes  generate/trajectories.jsonl  what SRL learns: accepted trajectories (collaboration.record)
        generate/rejected.jsonl      every trajectory that was turned down, with the reasons
        generate/unwritten.jsonl     tasks for which a teacher left nothing to judge, and why
        generate/tasks.jsonl         every drawn task, "use": "srl" (has a trajectory) or "rlvr"
        generate/summary.json        counts, shares, what was dropped, the seed
        generate/report.md           the same for people, with examples

Writes everything at its end: interrupted, it starts again, and what a server had answered by then
is read from teacher/journal.jsonl and not asked for once more.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from srlr import collaboration, roles
from srlr.collaboration import Outcome, Work, estimate, planner, record, retriever
from srlr.collaboration.planner import Planner
from srlr.core.errors import ConfigError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Context, Plan, Role, Split, StageResult, Task
from srlr.stages import generate_report
from srlr.text import dedup

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


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises ConfigError where the data leave a split without tasks, or the run has no seed, and
    what a teacher's server or files are wrong with.
    """
    if settings.seed is None:
        raise ConfigError("generate: the run has no seed", "give one: seed=1")
    role = roles.load(settings.role, settings.role_path)
    with planner.opened(settings, role, rundir.path) as teachers:
        pool = _pool(role, settings, rundir)
        drawn = _drawn(pool.tasks, settings, random.Random(settings.seed), teachers.known)
        asked = drawn[: round(len(drawn) * settings.generate.srl_share)]
        outcomes = _written(role, pool.train, asked, settings, rundir, teachers)
        summary = _summary(settings, pool, drawn, outcomes, teachers)
    _write(rundir, settings.role.name, drawn, asked, outcomes, summary)
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


@dataclass(frozen=True, slots=True)
class _Pool:
    """Training tasks to draw from, the whole training split, and why some are left out."""

    tasks: list[Task]
    train: list[Task]
    near_duplicates: int
    contaminated: int


def _pool(role: Role, settings: Settings, rundir: RunDir) -> _Pool:
    """The training tasks that repeat no other one and nothing in the held-out splits."""
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
    kept = [task for position, task in enumerate(train) if position not in copies]
    return _Pool(kept, train, len(copies) - contaminated, contaminated)


def _drawn(
    tasks: Sequence[Task], settings: Settings, rng: random.Random, known: Callable[[Task], bool]
) -> list[Task]:
    """The run's tasks, drawn at random; where they are classified, a label's share goes with its
    count ** (1 - balance). Those that the teachers know come before the others.
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


def _written(
    role: Role,
    train: Sequence[Task],
    tasks: Sequence[Task],
    settings: Settings,
    rundir: RunDir,
    teachers: Planner,
) -> list[Outcome]:
    """What came of each task, in the tasks' order."""
    examples = retriever.Examples(train)

    def context(task: Task) -> Context:
        return retriever.retrieve(task, role, examples, settings.generate.neighbours)

    work = Work(role, context, settings.role.label, settings.generate)
    found: dict[int, Outcome] = {}
    rundir.progress("writing trajectories", 0, len(tasks))
    for position, outcome in collaboration.written(work, teachers, tasks, settings.seed or 0):
        found[position] = outcome
        rundir.progress("writing trajectories", len(found), len(tasks))
    return [found[position] for position in range(len(tasks))]


def _summary(
    settings: Settings,
    pool: _Pool,
    drawn: Sequence[Task],
    outcomes: Sequence[Outcome],
    teachers: Planner,
) -> dict[str, Any]:
    accepted = [one.accepted for one in outcomes if one.accepted is not None]
    overridden = generate_report.tally(
        trajectory.meta["override"] for trajectory in accepted if trajectory.meta.get("override")
    )
    agreed = len(accepted) - sum(overridden.values())
    lost = len(outcomes) - len(accepted)
    labelled = drawn if settings.role.family == "classification" else ()
    summary: dict[str, Any] = {
        "seed": settings.seed,
        "num_tasks": settings.generate.num_tasks,
        "available": len(pool.tasks),
        "drawn": len(drawn),
        "asked": len(outcomes),
        "accepted": len(accepted),
        "agreed": agreed,
        "overridden": overridden,
        "rejected": lost,
        "turned_down": sum(len(one.rejected) for one in outcomes),
        "unwritten": generate_report.tally(one.unwritten for one in outcomes if one.unwritten),
        "shares": {
            "agreed": _share(agreed, len(outcomes)),
            "overridden": _share(sum(overridden.values()), len(outcomes)),
            "rejected": _share(lost, len(outcomes)),
        },
        "use": {"srl": len(accepted), "rlvr": len(drawn) - len(accepted)},
        "dropped": {
            "near_duplicates": pool.near_duplicates,
            "contaminated": pool.contaminated,
        },
        "labels": generate_report.tally(str(t.answer.get(settings.role.label)) for t in labelled),
        "cost": teachers.cost(),
    }
    summary["notes"] = [*generate_report.notes(summary), *teachers.notes()]
    return summary


def _write(
    rundir: RunDir,
    role: str,
    drawn: Sequence[Task],
    asked: Sequence[Task],
    outcomes: Sequence[Outcome],
    summary: dict[str, Any],
) -> None:
    accepted = [one.accepted for one in outcomes if one.accepted is not None]
    learnt = {trajectory.task.id for trajectory in accepted}
    turned_down = [trajectory for one in outcomes for trajectory in one.rejected]
    rundir.write_jsonl("generate/rejected.jsonl", [record.to_row(t, role) for t in turned_down])
    rundir.write_jsonl(
        "generate/unwritten.jsonl",
        [
            {"id": task.id, "why": one.unwritten}
            for task, one in zip(asked, outcomes, strict=True)
            if one.unwritten
        ],
    )
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
