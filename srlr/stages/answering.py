"""Putting tasks to a model and writing down what it said: what srl, rlvr and evaluate share."""

import os
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.settings import Rollout, Settings
from srlr.core.training import Grpo, Loop, Stepwise, Training
from srlr.core.types import Message, Progress, Role, Task
from srlr.evaluation.metrics import named
from srlr.evaluation.outcomes import Schema
from srlr.models import connect, local, precision, rollout, served
from srlr.models.local import LocalModel
from srlr.models.remote import Server
from srlr.models.rollout import Completion
from srlr.models.sampling import Sampling
from srlr.text.redaction import documents
from srlr.text.redaction.redactor import Redactor
from srlr.training import parallel
from srlr.training.checkpoint import stream

Attempt = dict[str, Any]
_THOUGHT = re.compile(r"<think>.*?</think>\s*", re.DOTALL)
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
    """The model in `source` on this machine, in the dtype that the run has begun with,
    reproducible. Its answers come from where rollout.engine says.
    """
    machine = precision.settled(settings.hardware, rundir)
    local.prepare(machine.cores, settings.seed or 0)
    model = local.load(
        source,
        name=settings.model.name,
        device=machine.device,
        dtype=machine.compute_dtype,
        four_bit=four_bit,
    )
    if settings.rollout.engine == "own":
        return model
    start = source / served.FOLDER
    return replace(
        model,
        server=connect.connect(
            server(settings.rollout),
            settings.rollout.model,
            model,
            rundir.path / served.FOLDER,
            start if start.is_dir() else None,
        ),
    )


def server(asked: Rollout) -> Server:
    """Where answers come from with rollout.engine=vllm.

    Raises:
        ConfigError: the key is not in the environment.
    """
    key = None if asked.api_key_env is None else os.environ.get(asked.api_key_env)
    if asked.api_key_env and not key:
        raise ConfigError(
            f"rollout.api_key_env: ${asked.api_key_env} is not set",
            f"export {asked.api_key_env}=KEY, or rollout.api_key_env=null",
        )
    return Server(asked.url, key, asked.api_key_env, asked.concurrency, asked.timeout_s)


def refuse_unfollowed(stage: str, node: Training, settings: Settings) -> None:
    """Raises ConfigError where a server would have to answer with weights that only an adapter can
    bring to it. TRL's trainers do not ask it.
    """
    by_trl = isinstance(node, Grpo) and node.backend == "trl"
    if settings.rollout.engine == "own" or by_trl:
        return
    if not isinstance(node, Loop) or node.tuning != "full":
        return
    others = ", or rlvr.backend=trl" if stage == "rlvr" else ""
    raise ConfigError(
        f"rollout.engine=vllm: {stage}.tuning=full changes all weights at each step, and a server "
        "cannot follow",
        f"{stage}.tuning=lora, or rollout.engine=own{others}",
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
    how = greedy(settings)
    return _put(
        model, name, role, tasks, settings, how=how, what="answers", shots=shots, progress=progress
    )


def draw(
    model: LocalModel,
    name: str,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    *,
    shots: Sequence[Task] | None = None,
    progress: Progress | None = None,
) -> list[Attempt]:
    """`evaluate.samples` drawn answers a task, next to each other, as rows like those of `ask`."""
    asked = settings.evaluate
    seed = stream(settings.seed or 0, "evaluate", "samples").getrandbits(48)
    samples, temperature = asked.samples, asked.temperature
    how = replace(greedy(settings), samples=samples, temperature=temperature, seed=seed)
    return _put(
        model, name, role, tasks, settings, how=how, what="samples", shots=shots, progress=progress
    )


def _put(
    model: LocalModel,
    name: str,
    role: Role,
    tasks: Sequence[Task],
    settings: Settings,
    *,
    how: Sampling,
    what: str,
    shots: Sequence[Task] | None,
    progress: Progress | None,
) -> list[Attempt]:
    chats = chats_of(role, tasks, shots)
    answers = rollout.generate(model, chats, how, progress=progress, what=f"{what} of {name}")
    every = [task for task in tasks for _ in range(how.samples)]
    rows = [
        _row(name, role, task, answer, settings, untrained=shots is not None)
        for task, answer in zip(every, answers, strict=True)
    ]
    return recorded(_graded(role, every, rows), settings)


def recorded(rows: Sequence[Attempt], settings: Settings) -> list[Attempt]:
    """Attempts as they may be stored: the model was asked as users ask, personal data and secrets
    included, and the record is without them (generate.redact).
    """
    redactor = Redactor(settings.generate.redact)
    return [documents.attempt(redactor, row) for row in rows]


def _graded(role: Role, tasks: Sequence[Task], rows: list[Attempt]) -> list[Attempt]:
    """The rows as they are; in a role with a function `graded`, with what it says of their answers
    beside what is right: where an answer is not one of a few labels, only the role can tell.
    """
    grade = getattr(role, "graded", None)
    if grade is None:
        return rows
    said = grade([(task, row["answer"]) for task, row in zip(tasks, rows, strict=True)])
    return [
        {**row, "answer": answer, "gold": gold}
        for row, (answer, gold) in zip(rows, said, strict=True)
    ]


def _row(
    name: str, role: Role, task: Task, answer: Completion, settings: Settings, *, untrained: bool
) -> Attempt:
    text = answer.text if untrained else spoken(answer.text, settings)
    strict = role.parse_baseline(text) if untrained else role.parse(text)
    read = role.parse_leniently(text) if untrained and strict is None else strict
    return {
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


def spoken(text: str, settings: Settings) -> str:
    """What of a trained model's text is its answer: without its thoughts, where SRL has taught it
    to think aloud. A thought that does not end hides nothing: such an answer is malformed.
    """
    aloud = isinstance(settings.srl, Stepwise) and settings.srl.monologue
    return _THOUGHT.sub("", text).lstrip() if aloud else text


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
    """Accuracy, macro-F1 where there are labels, validity and the role's main metric of some
    attempts.
    """
    schema = Schema.of(settings.role)
    usual = DEV_METRICS if schema.labels else tuple(w for w in DEV_METRICS if w != "macro_f1")
    names = dict.fromkeys((*usual, settings.role.main_metric))
    return {name: float(named(name, schema)(rows, schema)) for name in names}


def dev_score(
    role: Role, settings: Settings, limit: int, rundir: RunDir, stage: str
) -> Callable[[LocalModel], Mapping[str, float]]:
    """A judge for a training loop: the figures of a model on `limit` dev tasks, always the same.

    Of several processes, each asks its piece of them.
    """
    tasks, world = some(role.load_tasks(settings.role, "dev"), limit), parallel.here()
    own = [tasks[place] for place in world.piece(len(tasks))]

    def score(model: LocalModel) -> Mapping[str, float]:
        def tell(_: str, done: int, total: int) -> None:
            rundir.progress(f"{stage}: dev answers", done, total)

        rows = ask(model, stage, role, own, settings, progress=tell)
        return figures(world.chained(rows), settings)

    return score


def some(tasks: Sequence[Task], limit: int | None) -> list[Task]:
    """At most `limit` of the tasks, the same ones for every run: results must be comparable."""
    if limit is None or limit >= len(tasks):
        return list(tasks)
    return random.Random(0).sample(list(tasks), limit)
