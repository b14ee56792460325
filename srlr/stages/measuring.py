"""One candidate, measured in a process of its own, so that its peak memory is nobody else's.

    python -m srlr.stages.measuring RUN MODEL CHANNEL

stages.select_measure starts it and waits for it. What it finds is CHANNEL/measured.json.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from srlr import assets, roles
from srlr.core import channel, compose, log
from srlr.core.errors import ConfigError
from srlr.core.rundir import RunDir, now, write_atomic
from srlr.core.settings import ModelCard, Settings
from srlr.core.target import Ask, Target, find
from srlr.core.types import Message, Progress, Role, Task
from srlr.models import fit, load
from srlr.models.measured import Load, Measured, Probe, Spread
from srlr.stages.refusals import machine_errors
from srlr.stages.state import NAMES

FOUND = "measured.json"
FEWEST = 3
"""Answers that are timed however long they take."""
STAGE = "select --measure"


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded model and what it is asked; `tell` hears how far one thing is."""

    model: object
    role: Role
    settings: Settings
    tell: Progress


def main(words: Sequence[str]) -> None:
    """Measures one model of a run; an error is left in the channel."""
    run, name, place = Path(words[0]), words[1], Path(words[2])
    log.setup(-1)
    channel.hold_on(place)
    outbox = channel.Outbox(place)

    def tell(what: str, done: int, total: int) -> None:
        outbox.progress(f"{name}: {what}", done, total, {})

    try:
        with machine_errors(STAGE):
            settings = settings_of(find(Ask(run=str(run)), NAMES), name)
            found = measure(settings, RunDir(run), tell)
            write_atomic(place / FOUND, json.dumps(found.as_dict()))
    except Exception as error:
        channel.leave_error(place, 0, error)
        raise


def settings_of(aim: Target, name: str) -> Settings:
    """The run's settings as they would be with this model: its card may say how long answers
    are. They come from this process, whoever answers the run.
    """
    chosen = aim.final.settings.model.name == name
    settings = (aim.final if chosen else compose.with_model(aim.first, name)).settings
    own = settings.rollout.model_copy(update={"engine": "own"})
    return settings.model_copy(update={"rollout": own})


def folder_of(card: ModelCard, config_dir: str | None) -> Path:
    """Where the card's weights are, fetched where they are an asset that is not here."""
    own = None if config_dir is None else Path(config_dir)
    return assets.locate(card.source or "", config_dir=own)


def measure(settings: Settings, rundir: RunDir, tell: Progress) -> Measured:
    """All that is measured of settings.model.

    Raises:
        ConfigError: the role has no dev tasks.
        SrlrError: the model cannot be loaded.
    """
    from srlr.stages import answering

    asked, began, busy = settings.select.measure, time.perf_counter(), os.getloadavg()[0]
    role = roles.load(settings.role, settings.role_path)
    dev = role.load_tasks(settings.role, "dev")
    if not dev:
        raise ConfigError(
            f"role {settings.role.name!r} has no dev tasks to measure with", "add rows to role.data"
        )
    tell("loading", 0, 1)
    folder = folder_of(settings.model, settings.config_dir)
    model = answering.load(folder, settings, rundir)
    subject = Subject(model, role, settings, tell)
    loading_s = time.perf_counter() - began
    alone = answering.chats_of(role, answering.some(dev, asked.latency_tasks), ())
    together = answering.some(dev, asked.quality_tasks)
    chats = answering.chats_of(role, together, ())
    answered(subject, alone[:1])  # memory is fetched and caches filled once
    first = timed(subject, alone, "first tokens", new=1)
    whole = timed(subject, alone, "answers", new=settings.rollout.max_new_tokens)
    probe, per_s, answer_tokens = probed(subject, together)
    under = loaded(subject, chats, per_s)
    lengths = [len(model.encode_chat(chat)) for chat in chats]
    rows = max(min(len(chats), settings.rollout.batch_size), under.at_once_most if under else 1)
    shape = fit.of_folder(folder) or fit.of_card(settings.model)
    computed = fit.serving(
        shape,
        model.dtype.itemsize,
        rows=rows,
        tokens=max(lengths),
        new=settings.rollout.max_new_tokens,
        device=model.device.type,
    )
    return Measured(
        model=settings.model.name,
        at=now(),
        device=model.device.type,
        dtype=str(model.dtype).removeprefix("torch."),
        loading_s=loading_s,
        first_token_s=first,
        answer_s=whole,
        answers_per_s=per_s,
        at_once=min(len(chats), settings.rollout.batch_size),
        load=under,
        probe=probe,
        peak_gb=peak_gb(model.device.type),
        computed_gb=computed.peak_gb,
        prompt_tokens=fmean(lengths),
        answer_tokens=answer_tokens,
        busy_cores=busy,
        seconds=time.perf_counter() - began,
    )


def answered(subject: Subject, chats: Sequence[list[Message]], new: int | None = None) -> None:
    """Asks the chats together, for at most `new` tokens each."""
    from srlr.models import rollout
    from srlr.stages import answering

    how = answering.greedy(subject.settings)
    rollout.generate(
        subject.model,  # type: ignore[arg-type]
        chats,
        how if new is None else replace(how, max_new_tokens=new),
    )


def timed(subject: Subject, chats: Sequence[list[Message]], what: str, *, new: int) -> Spread:
    """Seconds from each chat to its last token, asked one by one until the time is up."""
    limit_s, seconds = subject.settings.select.measure.limit_s, list[float]()
    began = time.perf_counter()
    for chat in chats:
        start = time.perf_counter()
        answered(subject, [chat], new)
        end = time.perf_counter()
        seconds.append(end - start)
        subject.tell(what, len(seconds), len(chats))
        if len(seconds) >= FEWEST and end - began > limit_s:
            break
    return Spread.of(seconds)


def probed(subject: Subject, tasks: Sequence[Task]) -> tuple[Probe, float, float]:
    """What answers to all tasks together are worth, how many came a second, and their mean
    tokens.
    """
    from srlr.evaluation import compare
    from srlr.evaluation.outcomes import Schema, outcomes
    from srlr.stages import answering

    settings = subject.settings
    schema = Schema.of(settings.role)
    began = time.perf_counter()
    rows = answering.ask(
        subject.model,  # type: ignore[arg-type]
        settings.model.name,
        subject.role,
        tasks,
        settings,
        shots=(),
        progress=lambda _, done, total: subject.tell("quality", done, total),
    )
    seconds = time.perf_counter() - began
    columns = outcomes(rows, schema)
    right, valid = int(columns.correct.sum()), float(columns.valid.mean())
    f1 = compare.interval(rows, "macro_f1", schema) if schema.labels else None
    told = None if f1 is None else (f1.value, f1.low, f1.high)
    probe = Probe.of(right, len(rows), valid, told)
    return probe, len(rows) / seconds, float(columns.tokens.mean())


def loaded(subject: Subject, chats: Sequence[list[Message]], per_s: float) -> Load | None:
    """Requests at the role's rate for a while; None where there is none, or `per_s` answers a
    second are the most and the queue could only grow.
    """
    settings = subject.settings
    rate = settings.role.requirements.throughput_rps
    if rate is None or per_s < rate:
        return None
    due = load.arrivals(rate, settings.select.measure.load_s)
    return load.open_loop(
        lambda numbers: answered(subject, [chats[n % len(chats)] for n in numbers]),
        rate,
        due,
        settings.rollout.batch_size,
        clock=time.perf_counter,
        sleep=time.sleep,
        told=lambda done, total: subject.tell("load", done, total),
    )


def peak_gb(device: str, status: Path = Path("/proc/self/status")) -> float:
    """The most memory that this process has held at once, on the device it computes on."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_reserved() / fit.GIGA
    for line in status.read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / fit.GIGA
    # ru_maxrss would tell of the process that started this one where that was larger.
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / fit.GIGA


if __name__ == "__main__":
    main(sys.argv[1:])
