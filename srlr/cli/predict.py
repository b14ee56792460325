"""srlr predict: texts in, JSON Lines out, with the model of a run.

{"text": …, "answer": {…} | null, "output": "the model's own words", "valid": true}
{"row": 3, "error": "…"}                     a row that cannot be answered; the others are
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr import roles
from srlr.cli import render
from srlr.cli.runs import place
from srlr.core import runs, target
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Message, Role, Task
from srlr.stages.refusals import machine_errors
from srlr.stages.state import NAMES

STAGES = ("srl", "rlvr", "base")
TRAINED = ("rlvr", "srl")
"""Stages that leave a model, the last one first."""

Answer = Callable[[list[list[Message]]], list[str]]
"""The model: chats to its outputs, in order."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which model of which run answers."""

    run: str
    stage: str | None = None
    runs_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of input: a text, or what is wrong with it."""

    number: int
    text: str = ""
    id: Any = None
    error: str = ""


def predict(texts: Sequence[str], source: str | None, which: Which, *, quiet: bool) -> int:
    """Answers every text and returns the exit code: 2 if a row could not be read, else 0.

    Raises:
        ConfigError: nothing to answer, or an unknown stage.
        MissingArtifact: no such run, input file or trained model.
    """
    if which.stage not in (None, *STAGES):
        raise ConfigError(f"--stage {which.stage!r} is none", f"one of {', '.join(STAGES)}")
    if bool(texts) == (source is not None):
        raise ConfigError(
            "both texts and --input were given" if texts else "there is no text to answer",
            'srlr predict --run R "a text", or --input FILE, or --input - for stdin',
        )
    rundir = RunDir(runs.existing(place(which.runs_dir), which.run))
    settings = target.find(target.Ask(run=str(rundir.path)), NAMES).final.settings
    stage = which.stage or newest(rundir)
    batches = _opened(source, settings) if source is not None else _batched(texts, settings)
    role = roles.load(settings.role, settings.role_path)
    if not quiet:
        render.note(f"run {rundir.path}, model of {stage}")
    with machine_errors("predict"):
        answer = _load(rundir, settings, stage)
        return answer_all(batches, answer, role, base=stage == "base")


def newest(rundir: RunDir) -> str:
    """The last stage that left a trained model.

    Raises:
        MissingArtifact: nothing is trained here yet.
    """
    for stage in TRAINED:
        if rundir.status(stage).get("status") == "done":
            return stage
    raise MissingArtifact(
        f"nothing is trained yet in {str(rundir.path)!r}",
        f"`srlr train --run {rundir.path}`, or ask the untrained model with --stage base",
    )


def answer_all(batches: Iterator[list[Row]], answer: Answer, role: Role, *, base: bool) -> int:
    """Puts out one line a row, batch by batch; 2 if one of them was bad."""
    bad = 0
    for batch in batches:
        good = [row for row in batch if not row.error]
        tasks = [Task(f"input-{row.number}", row.text, {}) for row in good]
        ask = role.baseline_messages if base else role.messages
        outputs = iter(answer([ask(task) for task in tasks]))
        for row in batch:
            if row.error:
                bad += 1
                render.line({"row": row.number, "error": row.error})
            else:
                render.line(_answered(row, next(outputs), role, base=base))
    if bad:
        rows = "1 row" if bad == 1 else f"{bad} rows"
        render.error(f"{rows} could not be read", 'the lines with "error" name each and why')
    return ConfigError.exit_code if bad else 0


def _answered(row: Row, output: str, role: Role, *, base: bool) -> dict[str, Any]:
    strict = role.parse_baseline(output) if base else role.parse(output)
    # An untrained model is read as generously as in its row of the closing table.
    answer = role.parse_leniently(output) if base and strict is None else strict
    said = {} if row.id is None else {"id": row.id}
    valid = strict is not None
    return {**said, "text": row.text, "answer": answer, "output": output, "valid": valid}


def _load(rundir: RunDir, settings: Settings, stage: str) -> Answer:
    from srlr.models import rollout
    from srlr.stages import answering

    own = settings.rollout.model_copy(update={"engine": "own"})
    settings = settings.model_copy(update={"rollout": own})
    model = answering.load(_weights(rundir, settings, stage), settings, rundir)

    def answer(chats: list[list[Message]]) -> list[str]:
        found = rollout.generate(model, chats, answering.greedy(settings))
        texts = [completion.text for completion in found]
        return texts if stage == "base" else [answering.spoken(text, settings) for text in texts]

    return answer


def _weights(rundir: RunDir, settings: Settings, stage: str) -> Path:
    if stage != "base":
        folder = rundir.path / stage / "best"
        if folder.is_dir():
            return folder
        raise MissingArtifact(
            f"{stage} has left no model in {str(rundir.path)!r}",
            f"srlr {stage} --run {rundir.path}",
        )
    from srlr.stages import answering

    return answering.base_folder(settings, rundir)


# -- input -----------------------------------------------------------------------------------------


def _batched(texts: Sequence[str], settings: Settings) -> Iterator[list[Row]]:
    rows = [_checked(Row(n, text), settings) for n, text in enumerate(texts, 1)]
    size = settings.rollout.batch_size
    yield from (rows[start : start + size] for start in range(0, len(rows), size))


def _opened(source: str, settings: Settings) -> Iterator[list[Row]]:
    """Opens the input now, so that a missing file is said before a model is loaded."""
    if source == "-":
        return read_rows(sys.stdin.fileno(), settings)
    try:
        return read_rows(os.open(source, os.O_RDONLY), settings)
    except OSError as error:
        raise MissingArtifact(
            f"cannot read {source!r}: {error.strerror}", "name an existing file after --input"
        ) from error


def read_rows(descriptor: int, settings: Settings) -> Iterator[list[Row]]:
    """Batches of rows as they arrive: what a slow pipe has written so far is not held back."""
    number, rest = 0, b""
    while True:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except IsADirectoryError:
            raise MissingArtifact("the input is a folder", "name a file after --input") from None
        *lines, rest = (rest + chunk).split(b"\n") if chunk else (rest, b"")
        rows = []
        for line in lines:
            number += 1
            if line.strip():
                rows.append(_parsed(number, line, settings))
        size = settings.rollout.batch_size
        yield from (rows[start : start + size] for start in range(0, len(rows), size))
        if not chunk:
            return


def _parsed(number: int, line: bytes, settings: Settings) -> Row:
    """One line: a JSON object with `text`, or plain text."""
    try:
        said = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        return Row(number, error=f"not UTF-8: byte {error.start + 1}")
    if not said.startswith("{"):
        return _checked(Row(number, said), settings)
    try:
        value = json.loads(said)
    except (json.JSONDecodeError, RecursionError) as error:
        return Row(number, error=f"not JSON: {error}")
    text = value.get("text")
    if not isinstance(text, str):
        return Row(number, error='an object needs "text", a string')
    return _checked(Row(number, text, value.get("id")), settings)


def _checked(row: Row, settings: Settings) -> Row:
    limit = settings.role.max_prompt_chars
    if not row.text.strip():
        return Row(row.number, error="the text is empty")
    if len(row.text) > limit:
        why = f"{len(row.text):,} characters; role.max_prompt_chars is {limit:,}"
        return Row(row.number, error=why)
    return row
