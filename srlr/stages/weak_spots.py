"""Where the final model of a run is weak, with ids that `generate.focus` takes up.

reads   evaluate/attempts.jsonl, generate/tasks.jsonl
writes  evaluate/weaknesses.json
"""

from typing import Any

from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Task
from srlr.evaluation import findings, generalising
from srlr.evaluation.compare import Resampling
from srlr.evaluation.findings import Material
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.value import COMPARISONS, Report
from srlr.models import embed
from srlr.stages import answering

MOST = 5000
"""Training tasks that are looked at, for what they are like."""


def add(report: Report, settings: Settings, rundir: RunDir) -> Report:
    """The report with its weak spots, which are written too, and with how the tasks fare that are
    far from training.
    """
    embedder, note = embed.chosen(settings.evaluate.embedder)
    rows = rundir.read_jsonl("evaluate/attempts.jsonl")
    mine = [row for row in rows if row["model"] == report.final]
    train = answering.some(tasks_of(rundir), MOST)
    material = Material(
        rows=mine,
        schema=Schema.of(settings.role),
        vectors_NF=embedder.embed([row["prompt"] for row in mine]),
        others=[[row for row in rows if row["model"] == name] for name in COMPARISONS],
        train=train,
        train_vectors_NF=embedder.embed([task.prompt for task in train]),
    )
    how = Resampling(report.seed, report.samples, report.level)
    found = findings.find(material, how)
    facts: dict[str, Any] = {
        "format": findings.FORMAT,
        "run": report.run,
        "role": report.role,
        "model": report.final,
        "notes": [note] if note else [],
    }
    rundir.write_json(findings.FILE, facts | found.record(embedder.id))
    far = generalising.by_distance(
        mine, material.vectors_NF, material.train_vectors_NF, material.schema, how
    )
    return report.model_copy(
        update={
            "findings": found.findings,
            "groups_looked_at": found.looked_at,
            "generalised": (*report.generalised, *([far] if far else [])),
        }
    )


def tasks_of(rundir: RunDir) -> list[Task]:
    """The training tasks of a run."""
    rows = rundir.read_jsonl("generate/tasks.jsonl")
    return [Task(row["id"], row["prompt"], row["answer"], row["meta"]) for row in rows]
