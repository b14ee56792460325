"""evaluate: the untouched model, SRL and RLVR answer the same held-out tasks; is it better, surely?

reads   the base model, srl/best, rlvr/best, generate/tasks.jsonl, metrics.jsonl,
        select/decision.yaml
writes  evaluate/attempts.jsonl   what every model said to every task
        evaluate/samples.jsonl    with samples > 1: the answers drawn beside the greedy one
        evaluate/report.json      figures with intervals, paired tests, weak spots
        evaluate/report.md .html  the same for people
        evaluate/weaknesses.json  weak spots with ids, which generate.focus takes up
        evaluate/parts/           while it runs: one file a model, so that none is asked twice
        evaluate.track            a row in the database of evaluations
"""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from srlr import roles
from srlr.core import hardware
from srlr.core.errors import ConfigError, GateFailed
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.training import Training
from srlr.core.types import Plan, Role, StageResult, Task
from srlr.evaluation import classical, gate, page, report
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.value import TITLES, Extras, Report
from srlr.models import rollout
from srlr.models.local import LocalModel
from srlr.stages import answering, generalise, learning, memory, tracking, weak_spots
from srlr.stages.answering import Attempt
from srlr.training.checkpoint import stream

NAME = "evaluate"
READS: tuple[str, ...] = ("role", "role_path", "model", "hardware", "rollout", "evaluate", "seed")
AFTER: tuple[str, ...] = ("srl", "rlvr")
SAMPLES = "evaluate/samples.jsonl"


def plan(settings: Settings) -> Plan:
    tasks = settings.evaluate.limit or 400
    learnt, node = learners(settings), settings.evaluate
    asked = (1 + len(learnt)) * tasks + len(node.shots) * node.shots_tasks
    first = next(iter(learnt.values()))
    cost = learning.plan(NAME, settings, first, 0, trained=0, generated=asked)
    peak_gb = memory.asking_gb(settings)
    return Plan(NAME, cost.tokens, cost.seconds, peak_gb, 0.01, f"{tasks} tasks each")


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """The report, its database row and its weak spots.

    Raises:
        GateFailed: a floor in evaluate.gate is not reached; the report is written.
        ConfigError: there are no tasks, or a metric or floor names what nothing measures.
    """
    check(settings)
    role = roles.load(settings.role, settings.role_path)
    tasks = _tasks(role, settings)
    seen = generalise.seen(tasks, settings, rundir)
    attempts, shots = baseline(role, tasks, settings, rundir)
    for stage in learners(settings):
        attempts += trained(stage, role, tasks, settings, rundir)
    attempts += comparisons(role, tasks, settings, rundir)
    rundir.write_jsonl("evaluate/attempts.jsonl", attempts)
    if settings.evaluate.samples > 1:
        names = ("baseline", *learners(settings))
        parts = [f"evaluate/parts/{name}-samples.jsonl" for name in names]
        samples = [row for part in parts for row in rundir.read_jsonl(part)]
        rundir.write_jsonl(SAMPLES, samples)
    beyond = generalise.run(role, tasks, attempts, settings, rundir)
    value = _report(attempts, shots, role, tasks, settings, rundir)
    value = value.model_copy(update={"generalised": beyond, "contamination": seen})
    value = weak_spots.add(value, settings, rundir)
    page.write(value, rundir)
    untracked = tracking.track(settings, rundir)
    failed = gate.failed(value)
    if failed:
        raise GateFailed("\n".join(failed), f"see {rundir.path / 'evaluate' / 'report.md'}")
    shutil.rmtree(rundir.path / "evaluate" / "parts", ignore_errors=True)
    notes = (*value.notes, *_left_out(attempts, settings), *untracked)
    return StageResult(NAME, "evaluate/report.json", _figures(value), notes)


def _tasks(role: Role, settings: Settings) -> list[Task]:
    split = settings.evaluate.split
    tasks = answering.some(role.load_tasks(settings.role, split), settings.evaluate.limit)
    if not tasks:
        raise ConfigError(
            f"role.data {settings.role.data!r} leaves no {split} rows to ask",
            "add rows, give them a `split` column, or widen role.where",
        )
    return tasks


def _left_out(attempts: Sequence[Attempt], settings: Settings) -> tuple[str, ...]:
    """What a role whose answers have a label has no row of."""
    there = any(row["model"] == "tfidf" for row in attempts)
    if there or not classical.applies_tfidf(settings.role):
        return ()
    return (f"{TITLES['tfidf']} is left out: the training rows have one label only.",)


def _figures(value: Report) -> dict[str, float]:
    return {
        f"{row.model}_{name}": metric.value
        for row in value.table
        for name, metric in row.metrics.items()
        if metric is not None
    }


def check(settings: Settings) -> None:
    """Raises ConfigError where a metric of the role or a floor names what nothing measures."""
    schema = Schema.of(settings.role)
    report.shown_metrics(settings, schema)
    gate.require(settings.evaluate.gate, schema)


def learners(settings: Settings) -> dict[str, Training]:
    """The stages that learn something, with their settings; what is passed over has no model of its
    own to ask.
    """
    nodes = {"srl": settings.srl, "rlvr": settings.rlvr}
    return {name: node for name, node in nodes.items() if isinstance(node, Training)}


def baseline(
    role: Role, tasks: Sequence[Task], settings: Settings, rundir: RunDir
) -> tuple[list[Attempt], int]:
    """The untouched model's attempts, with the number of solved examples that is best on dev."""
    chosen = rundir.path / "evaluate" / "parts" / "shots.json"
    if not chosen.exists():
        model = answering.load(answering.base_folder(settings, rundir), settings, rundir)
        shown = shots_of(role, settings)
        score = {n: _dev(model, role, shown[:n], settings, rundir) for n in settings.evaluate.shots}
        best = max(score, key=lambda n: (score[n], -n))
        _drawn(model, "baseline", role, tasks, settings, rundir, shown[:best])
        rows = _asked(model, "baseline", role, tasks, settings, rundir, shown[:best])
        rundir.write_jsonl("evaluate/parts/baseline.jsonl", rows)
        rundir.write_json("evaluate/parts/shots.json", best)
    return (
        rundir.read_jsonl("evaluate/parts/baseline.jsonl"),
        rundir.read_json("evaluate/parts/shots.json"),
    )


def comparisons(
    role: Role, tasks: Sequence[Task], settings: Settings, rundir: RunDir
) -> list[Attempt]:
    """Older methods on the same tasks, fitted on the run's own training rows; they classify, and
    so have no part in a role whose answers have no label.
    """
    schema = Schema.of(settings.role)
    if not classical.applies_tfidf(settings.role):
        return []
    drawn = rundir.read_jsonl("generate/tasks.jsonl")
    train = [Task(row["id"], row["prompt"], row["answer"], row["meta"]) for row in drawn]
    rows = classical.vader(tasks, schema) if classical.applies_vader(schema) else []
    if len({str(task.answer.get(schema.label)) for task in train}) > 1:
        # with one alone there is nothing to tell apart; trained models need not fail with it
        rows += classical.tfidf(train, tasks, schema, settings.seed or 0)
    return answering.recorded(rows, settings)


def trained(
    stage: str, role: Role, tasks: Sequence[Task], settings: Settings, rundir: RunDir
) -> list[Attempt]:
    """The attempts of the model that `stage` left."""
    path = f"evaluate/parts/{stage}.jsonl"
    if not (rundir.path / path).exists():
        model = answering.load(rundir.path / stage / "best", settings, rundir)
        _drawn(model, stage, role, tasks, settings, rundir, None)
        rundir.write_jsonl(path, _asked(model, stage, role, tasks, settings, rundir, None))
    return rundir.read_jsonl(path)


def _asked(
    model: LocalModel,
    name: str,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    rundir: RunDir,
    shots: Sequence[Task] | None,
) -> list[Attempt]:
    rows = answering.ask(model, name, role, tasks, settings, shots=shots, progress=_teller(rundir))
    for row, seconds in zip(rows, _latencies(model, role, tasks, settings, shots), strict=False):
        row["latency_s"] = seconds
    return rows


def _drawn(
    model: LocalModel,
    name: str,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    rundir: RunDir,
    shots: Sequence[Task] | None,
) -> None:
    """Writes the model's drawn answers, where any are asked for."""
    if settings.evaluate.samples > 1:
        tell = _teller(rundir)
        rows = answering.draw(model, name, role, tasks, settings, shots=shots, progress=tell)
        rundir.write_jsonl(f"evaluate/parts/{name}-samples.jsonl", rows)


def _latencies(
    model: LocalModel,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    shots: Sequence[Task] | None,
) -> list[float]:
    """Seconds for one answer alone, of the first few tasks: what a user would wait."""
    seconds = []
    for chat in answering.chats_of(role, tasks[: settings.evaluate.latency_tasks], shots):
        began = time.perf_counter()
        rollout.generate(model, [chat], answering.greedy(settings))
        seconds.append(time.perf_counter() - began)
    return seconds


def shots_of(role: Role, settings: Settings) -> list[Task]:
    """Solved examples from the training split; where they are classified, one label after the
    other.
    """
    tasks = list(role.load_tasks(settings.role, "train"))
    stream(settings.seed or 0, NAME, "shots").shuffle(tasks)
    most = max(settings.evaluate.shots, default=0)
    if settings.role.family != "classification":
        return tasks[:most]
    by_label: dict[Any, list[Task]] = {}
    for task in tasks:
        by_label.setdefault(str(task.answer.get(settings.role.label)), []).append(task)
    columns = [by_label[label] for label in sorted(by_label)]
    return [column[n] for n in range(most) for column in columns if n < len(column)][:most]


def _dev(
    model: LocalModel, role: Role, shots: Sequence[Task], settings: Settings, rundir: RunDir
) -> float:
    tasks = answering.some(role.load_tasks(settings.role, "dev"), settings.evaluate.shots_tasks)
    rows = answering.ask(
        model, "baseline", role, tasks, settings, shots=shots, progress=_teller(rundir)
    )
    return answering.figures(rows, settings)[settings.role.main_metric]


def _teller(rundir: RunDir) -> Callable[[str, int, int], None]:
    return lambda what, done, total: rundir.progress(f"evaluate: {what}", done, total)


def _report(
    attempts: list[Attempt],
    shots: int,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    rundir: RunDir,
) -> Report:
    decision: Path = rundir.path / "select" / "decision.yaml"
    machine = hardware.probe(settings.hardware, rundir.path)
    used = [row["use"] for row in rundir.read_jsonl("generate/tasks.jsonl")]
    uses = {"srl": used.count("srl"), "rlvr": len(used)}
    stages, learnt = rundir.manifest["stages"], learners(settings)
    dev = next(iter(learnt.values())).eval_tasks
    extras = Extras(
        run=rundir.path.name,
        seed=settings.seed or 0,
        created=rundir.manifest["created"],
        machine=f"{machine.device_name}, {machine.cores} cores, {machine.memory_gb:.0f} GB",
        rows={
            **{name: n for name, n in uses.items() if name in learnt},
            "dev": min(dev, len(role.load_tasks(settings.role, "dev"))),
            settings.evaluate.split: len(tasks),
        },
        results={stage: rundir.read_json(f"{stage}/result.json") for stage in learnt},
        shots=shots,
        sampled=rundir.read_jsonl(SAMPLES) if settings.evaluate.samples > 1 else (),
        seconds={name: entry["seconds"] for name, entry in stages.items() if "seconds" in entry},
    )
    text = yaml.safe_load(decision.read_text(encoding="utf-8")) if decision.exists() else None
    return report.build(attempts, settings, text, rundir.metrics(), extras)
