"""Putting tasks to a model and writing down what it said: what srl, rlvr and evaluate share."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from srlr.core import hardware
from srlr.core.errors import MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Message, Progress, Role, Task
from srlr.evaluation.metrics import METRICS
from srlr.evaluation.outcomes import Schema
from srlr.models import local, rollout
from srlr.models.local import LocalModel
from srlr.models.sampling import Sampling

Attempt = dict[str, Any]
DEV_METRICS = ("accuracy", "macro_f1", "validity")


def base_folder(settings: Settings, rundir: RunDir) -> Path:
    """The folder of the untrained model, fetched if it is not here.

    Raises:
        MissingArtifact: nothing is selected yet.
    """
    from srlr import assets

    if settings.model.source is None:
        raise MissingArtifact(
            f"no model is selected yet in {str(rundir.path)!r}", f"srlr select --run {rundir.path}"
        )
    return assets.locate(settings.model.source)


def load(source: Path, settings: Settings, rundir: RunDir, *, four_bit: bool = False) -> LocalModel:
    """The model in `source` on this machine, in the dtype it is fast in, reproducible."""
    machine = hardware.probe(settings.hardware, rundir.path)
    local.prepare(machine.cores, settings.seed or 0)
    return local.load(
        source,
        name=settings.model.name,
        device=machine.device,
        dtype=machine.compute_dtype,
        four_bit=four_bit,
    )


def ask(
    model: LocalModel,
    name: str,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    *,
    shots: Sequence[Task] | None = None,
    progress: Progress | None = None,
) -> list[Attempt]:
    """One greedy answer a task, as rows of attempts.jsonl without latency.

    Args:
        shots: None asks as a trained model is asked; a sequence, empty or not, as an untrained one,
            whose label is read leniently while `valid` still means exactly the described format.
    """
    untrained = shots is not None
    chats = chats_of(role, tasks, shots)
    answers = rollout.generate(
        model,
        chats,
        greedy(settings),
        progress=progress,
        what=f"answers of {name}",
    )
    rows = []
    for task, answer in zip(tasks, answers, strict=True):
        strict = role.parse_baseline(answer.text) if untrained else role.parse(answer.text)
        read = role.parse_leniently(answer.text) if untrained and strict is None else strict
        rows.append(
            {
                "model": name,
                "task": task.id,
                "prompt": task.prompt,
                "text": answer.text,
                "answer": read,
                "gold": dict(task.answer),
                "meta": dict(task.meta),
                "valid": strict is not None,
                "latency_s": None,
                "tokens": len(answer.tokens),
            }
        )
    return rows


def greedy(settings: Settings) -> Sampling:
    """How a model answers wherever it is not trained: the likeliest token each time."""
    asked = settings.rollout
    return Sampling(asked.max_new_tokens, asked.batch_size, stop=asked.stop)


def chats_of(
    role: Role, tasks: Sequence[Task], shots: Sequence[Task] | None
) -> list[list[Message]]:
    """The chats as `ask` puts them."""
    if shots is None:
        return [role.messages(task) for task in tasks]
    return [role.baseline_messages(task, shots) for task in tasks]


def figures(rows: Sequence[Attempt], settings: Settings) -> dict[str, float]:
    """Accuracy, macro-F1, validity and the role's main metric of some attempts."""
    schema = Schema.of(settings.role)
    names = dict.fromkeys((*DEV_METRICS, settings.role.main_metric))
    return {name: float(METRICS[name](rows, schema)) for name in names}


def dev_score(
    role: Role, settings: Settings, limit: int, rundir: RunDir, stage: str
) -> Callable[[LocalModel], Mapping[str, float]]:
    """A judge for a training loop: the figures of a model on `limit` dev tasks, always the same."""
    tasks = some(role.load_tasks(settings.role, "dev"), limit)

    def score(model: LocalModel) -> Mapping[str, float]:
        def tell(_: str, done: int, total: int) -> None:
            rundir.progress(f"{stage}: dev answers", done, total)

        return figures(ask(model, stage, role, tasks, settings, progress=tell), settings)

    return score


def some(tasks: Sequence[Task], limit: int | None) -> list[Task]:
    """At most `limit` of the tasks, the same ones for every run: results must be comparable."""
    if limit is None or limit >= len(tasks):
        return list(tasks)
    return random.Random(0).sample(list(tasks), limit)
