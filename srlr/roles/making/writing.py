"""The files of a new role: NAME.py, NAME.yaml, test_NAME.py, and rows where none were given."""

import ast
import csv
import io
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, create_model

from srlr.core.errors import ConfigError, ResourceError
from srlr.core.types import Task
from srlr.roles import data
from srlr.roles.making import classify, columns, cues
from srlr.roles.making.columns import Table

SUFFIX = ".csv"
WIDTH = 96
SAMPLE = (
    ("The {thing} is {how}, I need help today.", "urgent", ("on fire", "down", "leaking", "lost")),
    ("Everybody waits, the {thing} is {how}!", "urgent", ("broken", "stolen", "gone", "stuck")),
    ("Could you tell me whether the {thing} is {how}?", "normal", ("new", "blue", "old", "heavy")),
    ("Whenever you have time: is the {thing} {how}?", "normal", ("open", "free", "ready", "big")),
)
THINGS = ("server", "door", "printer", "van", "shop", "lift", "oven", "gate", "phone", "pump")
PROFILE = """\
# Which label does a text have? Made by `srlr roles new` from {file}; every key may be changed.
name: {name}
family: classification
description: Says which label a text has.
data: {data}  # the table; moved: change it, or say role.data=PATH
where: {{}}  # slices, by the table's further columns: {{region: [north]}}
label: label
labels: {labels}
max_prompt_chars: {longest}
requirements:
  response: real_time
  accuracy_min: 0.8
  licences: [apache-2.0, mit, llama3.1, llama3.2]
weights: {{}}  # as the family's tree says
rewards: {{label: 1.0, words: 0.25}}
outcome: label
metrics: [accuracy, macro_f1, validity]
main_metric: macro_f1
"""


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and from what."""

    files: tuple[Path, ...]
    table: Table
    splits: Mapping[str, int]
    """Rows by split, without repeated texts."""
    explained: float
    """Share of the training texts that have a word which speaks for their label."""


def make(
    name: str,
    folder: Path,
    source: Path | None = None,
    *,
    named: tuple[str | None, str | None] = (None, None),
    force: bool = False,
) -> Made:
    """Writes the role into `folder`, which need not be there; its name has been checked.

    Args:
        source: the table; without one NAME.csv in the folder, which is made if it is not there.
        named: the columns of texts and of labels; None infers.
        force: write over the role that is there. A table is never written over.

    Raises:
        ConfigError: the table is unfit, or files are there and `force` is not said.
        MissingArtifact: there is no such table.
        ResourceError: the folder cannot be written.
    """
    paths = [folder / f"{name}.py", folder / f"{name}.yaml", folder / f"test_{name}.py"]
    there = [str(path) for path in paths if path.exists()]
    if there and not force:
        raise ConfigError(
            f"there already: {', '.join(there)}", "--force writes over them, never over a table"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = folder / f"{name}{SUFFIX}"
        if source is None and not own.exists():
            own.write_text(_sample(), encoding="utf-8")
            paths.append(own)
        table = columns.read(source or own, *named)
        tasks = _tasks(table)
        train = [task for task in tasks if task.meta["split"] == "train"]
        found = cues.found([(one.prompt, one.answer["label"]) for one in train], table.labels)
        texts = [_module(table, found), _profile(name, table), _test(name)]
        for path, text in zip(paths, texts, strict=False):
            _put(path, text)
    except OSError as error:
        raise ResourceError(f"{str(folder)!r}: {error}", "--into another folder") from error
    spoken = sum(bool(cues.words(t.prompt) & {*found[t.answer["label"]]}) for t in train)
    splits = Counter(task.meta["split"] for task in tasks)
    return Made(tuple(paths), table, dict(splits), spoken / len(train))


def _tasks(table: Table) -> tuple[Task, ...]:
    """The rows as the role will read them.

    Raises:
        ConfigError: rows contradict each other, a split would have none, or train not every label.
    """
    schema = _schema(table.labels)
    called = partial(data.renamed, columns=_called(table))
    tasks = data.read(str(table.path), schema, table.longest, called).tasks
    splits = {task.meta["split"] for task in tasks}
    lacking = [split for split in ("train", "dev", "test") if split not in splits]
    if lacking:
        raise ConfigError(
            f"{table.path.name!r}: its {len(tasks)} different texts leave none for "
            f"{' and '.join(lacking)}",
            "add rows (60 are enough), or a column `split` that says train, dev or test",
        )
    taught = {task.answer["label"] for task in tasks if task.meta["split"] == "train"}
    if unseen := [label for label in table.labels if label not in taught]:
        raise ConfigError(
            f"{table.path.name!r}: no training row is {', '.join(unseen)}",
            "add rows that are, or leave them out",
        )
    return tasks


def _schema(labels: Sequence[str]) -> type[BaseModel]:
    """The schema that the written module will have."""
    label: Any = Annotated[
        Literal[tuple(labels)],
        BeforeValidator(lambda value: str(value).strip()),
    ]
    return create_model("Schema", __base__=classify.Schema, label=(label, ...))


def _called(table: Table) -> dict[str, str]:
    said = {"text": table.text, "label": table.label}
    return {ours: theirs for ours, theirs in said.items() if ours != theirs}


def _module(table: Table, found: Mapping[str, Sequence[str]]) -> str:
    """The source of `classify` with this table's labels, columns and cues in it."""
    listed = "".join(f"    {_said(label)}: {_wrapped(found[label])},\n" for label in table.labels)
    new = {
        "Label": f"Label = Literal[\n{_one_a_line(table.labels)}]",
        "COLUMNS": f"COLUMNS: dict[str, str] = {_said(_called(table))}",
        "CUES": f"CUES: dict[str, tuple[str, ...]] = {{\n{listed}}}",
    }
    return _replaced(classify.__file__, new)


def _test(name: str) -> str:
    from srlr.roles.making import check_classify

    return _replaced(str(check_classify.__file__), {"NAME": f"NAME = {_said(name)}"})


def _replaced(path: str, new: Mapping[str, str]) -> str:
    """A module's source with other assignments to some of its names."""
    source = Path(path).read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id in new:
            lines[node.lineno - 1 : node.end_lineno] = new[target.id].splitlines()
    return "\n".join(lines) + "\n"


def _one_a_line(values: Sequence[str]) -> str:
    return "".join(f"    {_said(value)},\n" for value in values)


def _wrapped(values: Sequence[str]) -> str:
    """A tuple of words as Python writes it, several words a line."""
    if not values:
        return "()"
    lines, line = [], ""
    for value in values:
        piece = f"{_said(value)}, "
        if line and len(line) + len(piece) > WIDTH - 8:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return "".join(("(\n", *(f"        {one}\n" for one in (*lines, line.rstrip())), "    )"))


def _said(value: object) -> str:
    """A text or a mapping of texts as JSON has it, which Python and YAML read too."""
    return json.dumps(value, ensure_ascii=False)


def _profile(name: str, table: Table) -> str:
    labels = _said(table.labels)
    where = _said(str(table.path.resolve()))
    return PROFILE.format(
        name=name,
        file=" ".join(table.path.name.split()),
        data=where,
        labels=labels,
        longest=table.longest,
    )


def _sample() -> str:
    """Rows to begin with, so that a role without a table runs too."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("text", "label"))
    for thing in THINGS:
        for text, label, ways in SAMPLE:
            writer.writerows((text.format(thing=thing, how=how), label) for how in ways)
    return file.getvalue()


def _put(path: Path, text: str) -> None:
    """The file is there whole or as it was."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
