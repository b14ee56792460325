"""A user's own labelled rows, from a file or a hub data set, checked against the role's schema.

    {"text": "It broke at once.", "sentiment": "negative", "confidence": 0.9, "group": "review-7"}

Columns are named as the schema's fields, the first of which is the text that a model is given.
`id`, `group` (rows that must share a split) and `split` (train, dev, test) may be given; any
further column goes into `meta`, by which `role.where` filters.
Without `split`, rows are divided 80/10/10 by the sha256 of their group, or of their text.
"""

import difflib
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.types import Split, Task
from srlr.roles.rows import HUB, Row, from_hub, rows_of
from srlr.text.dedup import normalise

log = logging.getLogger(__name__)

SHOWN = 20
"""Bad rows named in one error; of the rest only the number is given."""
SUFFIXES = (".jsonl", ".csv", ".parquet")

_SPLITS = get_args(Split)
_RESERVED = {"id", "group", "split"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """Tasks of all splits (`meta["split"]`), no two with the same normalised text."""

    tasks: tuple[Task, ...]
    duplicates: int = 0
    conflicts: int = 0
    """Duplicates whose answer differs from the row that was kept."""


def split_of(group: str, ends: tuple[float, float] = (0.8, 0.9)) -> Split:
    """train, dev or test; the same group always gets the same one.

    Args:
        ends: the shares of groups that are in train, and in train or dev.
    """
    share = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) / 2**32
    return "train" if share < ends[0] else "dev" if share < ends[1] else "test"


Prepare = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def read(
    spec: str, schema: type[BaseModel], max_chars: int, prepare: Prepare | None = None
) -> Dataset:
    """The rows of a .jsonl, .csv or .parquet file, or of hub:org/name, as tasks in their order.

    Args:
        prepare: makes of a row's values what the schema calls them; a function of its module,
            since what was read is remembered by it.

    Raises:
        ConfigError: rows do not fit the schema (each named with its number), or there are none.
        MissingArtifact: the file or the data set is not there.
    """
    files = from_hub(spec) if spec.startswith(HUB) else [_file(spec)]
    stamp = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    return _read(spec, stamp, schema, max_chars, prepare)


def renamed(values: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """A row's values by the schema's names.

    Args:
        columns: by a field of the schema what the file calls it. Another column that has the
            field's own name becomes "text_".
    """
    ours = {theirs: field for field, theirs in columns.items() if theirs != field}
    ours |= {field: f"{field}_" for field in ours.values() if field not in ours}
    return {ours.get(name, name): value for name, value in values.items()}


def choose(tasks: Iterable[Task], where: Mapping[str, Sequence[str]], split: Split) -> list[Task]:
    """Tasks of a split whose `meta` values are all among those `role.where` lists, in order.

    Raises:
        ConfigError: no task at all has such a key or value.
    """
    everything = list(tasks)
    for key, wanted in where.items():
        values = sorted({_said(task.meta[key]) for task in everything if key in task.meta})
        if not values:
            keys = sorted({name for task in everything for name in task.meta})
            raise ConfigError(f"role.where.{key}: no row has {key!r}", _nearest(key, keys))
        for value in wanted:
            if _said(value) not in values:
                raise ConfigError(
                    f"role.where.{key}: no row has the value {value!r}", _nearest(value, values)
                )
    allowed = {key: {_said(value) for value in values} for key, values in where.items()}
    return [
        task
        for task in everything
        if task.meta["split"] == split
        and all(_said(task.meta.get(key)) in values for key, values in allowed.items())
    ]


@lru_cache(maxsize=4)
def _read(
    spec: str,
    stamp: tuple[tuple[str, int, int], ...],
    schema: type[BaseModel],
    max_chars: int,
    prepare: Prepare | None,
) -> Dataset:
    rows = [row for path, *_ in stamp for row in rows_of(Path(path), named=len(stamp) > 1)]
    if prepare is not None:
        rows = [Row(row.where, prepare(row.values), row.problem) for row in rows]
    if not rows:
        raise ConfigError(f"role.data {spec!r} has no rows", "add at least one row for each split")
    tasks: list[Task] = []
    problems: list[str] = []
    splits: dict[str, str] = {}
    ids: dict[str, str] = {}
    for row in rows:
        task, wrong = _checked(row, schema, max_chars)
        if task is not None:
            wrong += _clashes(task, row.where, splits, ids)
            tasks.append(task)
        if wrong:
            problems.append(f"{row.where}: {'; '.join(wrong)}")
    if problems:
        raise _refusal(spec, problems, len(rows))
    return _without_duplicates(spec, tasks)


def _checked(row: Row, schema: type[BaseModel], max_chars: int) -> tuple[Task | None, list[str]]:
    """The row as a task, or what is wrong with it."""
    if row.problem:
        return None, [row.problem]
    given = {key: value for key, value in row.values.items() if value is not None and value != ""}
    name = text_field(schema)
    text = str(given.get(name, "")).strip()
    wrong = _text_problems(name, text, row, max_chars)
    fields = {key: given[key] for key in schema.model_fields if key in given}
    answer: dict[str, Any] = {}
    try:
        answer = schema.model_validate(fields).model_dump(exclude={name, "metadata"})
    except ValidationError as error:
        said = [_said_of(detail, given) for detail in error.errors()]
        wrong += (
            said if text or name not in row.values else [s for s in said if repr(name) not in s]
        )
    split = given.get("split")
    if split is not None and split not in _SPLITS:
        wrong.append(f"'split' {str(split)[:40]!r} is not train, dev or test")
    return (None, wrong) if wrong else (_task(given, text, answer, schema), [])


def text_field(schema: type[BaseModel]) -> str:
    """The field with the text that a model is given: the schema's first."""
    return next(iter(schema.model_fields))


def _text_problems(name: str, text: str, row: Row, max_chars: int) -> list[str]:
    if not text:
        return [f"{name!r} is empty"] if name in row.values else []
    if len(text) > max_chars:
        allowed = f"role.max_prompt_chars allows {max_chars:,}"
        return [f"{name!r} has {len(text):,} characters, {allowed}"]
    if any("\ud800" <= character <= "\udfff" for character in text):
        return [f"{name!r} has half of a UTF-16 pair, which is no character"]
    return []


def _task(
    given: Mapping[str, Any], text: str, answer: Mapping[str, Any], schema: type[BaseModel]
) -> Task:
    key = hashlib.sha256(normalise(text).encode()).hexdigest()[:16]
    group = str(given["group"]) if "group" in given else None
    meta = {k: v for k, v in given.items() if k not in schema.model_fields and k not in _RESERVED}
    meta |= given.get("metadata", {})
    if group:
        meta["group"] = group
    meta["split"] = given.get("split") or split_of(group or key)
    return Task(str(given.get("id", key)), text, answer, meta)


def _clashes(task: Task, where: str, splits: dict[str, str], ids: dict[str, str]) -> list[str]:
    """What this row contradicts in earlier ones; remembers it for later ones."""
    wrong = []
    group = task.meta.get("group")
    if group and splits.setdefault(group, task.meta["split"]) != task.meta["split"]:
        wrong.append(f"group {group!r} is in {splits[group]!r} and in {task.meta['split']!r}")
    twin = f"{task.id}\n{normalise(task.prompt)}"
    if ids.setdefault(task.id, twin) != twin:
        wrong.append(f"id {task.id!r} is another row's too")
    return wrong


def _without_duplicates(spec: str, tasks: Sequence[Task]) -> Dataset:
    kept: dict[str, Task] = {}
    conflicts = 0
    for task in tasks:
        first = kept.setdefault(normalise(task.prompt), task)
        conflicts += dict(first.answer) != dict(task.answer)
    dropped = len(tasks) - len(kept)
    if dropped:
        log.warning(
            "role.data %r: %d duplicate rows dropped, %d of them with another answer",
            spec, dropped, conflicts,
        )  # fmt: skip
    return Dataset(tuple(kept.values()), dropped, conflicts)


def _said_of(detail: ErrorDetails, given: Mapping[str, Any]) -> str:
    """A pydantic complaint in a reader's words, with the nearest valid value where there is one."""
    field = ".".join(str(part) for part in detail["loc"])
    if not field:  # of the row as a whole
        return detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f"field {field!r} is missing (the row has: {', '.join(sorted(given)) or 'nothing'})"
    if detail["type"] == "literal_error":
        expected = detail["ctx"]["expected"]
        options = [option.strip("' ") for option in expected.replace(" or ", ",").split(",")]
        near = difflib.get_close_matches(str(detail["input"]).strip().lower(), options, 1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        return f"{field!r} {str(detail['input'])[:40]!r} is not {expected}{hint}"
    return f"{field!r} {str(detail['input'])[:40]!r}: {detail['msg'].lower()}"


def _refusal(spec: str, problems: Sequence[str], rows: int) -> ConfigError:
    shown = "\n  ".join(problems[:SHOWN])
    rest = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return ConfigError(
        f"role.data {spec!r}: {len(problems)} of {rows} rows cannot be used\n  {shown}{rest}",
        "correct or remove these rows; nothing was trained",
    )


def _file(spec: str) -> Path:
    path = Path(spec).expanduser()
    if not path.is_file():
        raise MissingArtifact(
            f"role.data {spec!r}: there is no such file", "role.data=PATH to a .jsonl or .csv file"
        )
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"role.data {spec!r}: {path.suffix or 'no suffix'!r} is not read",
            f"give a file that ends in {', '.join(SUFFIXES)}",
        )
    return path


def _said(value: Any) -> str:
    return str(value).lower()


def _nearest(word: str, options: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, options, 1)
    return f"use {near[0]!r}" if near else f"one of: {', '.join(options[:SHOWN])}"
