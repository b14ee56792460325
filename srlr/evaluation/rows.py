"""What a run has said and learnt from as a table: one row an attempt, or one a trajectory.

attempts      run, model, task, prompt, text, said, gold, right, valid, latency_s, tokens,
              answer, gold_answer, meta
trajectories  run, id, problem, steps, outcome, author, score, issues, citations, all_steps, meta

`said` and `gold` are the field of an answer that is right or wrong (role.label); `steps` has an
action a line. The last three columns are JSON, with all that the record has.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import write_atomic
from srlr.evaluation.outcomes import Attempt, Schema, outcomes

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
Row = dict[str, Any]
"""Columns in order; texts, numbers, truth values and None."""

_COMMAND = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; the wide ones as well."""
_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32)], "\ufffd")
"""Characters that end a cell, or a file, in some spreadsheets."""


def of_attempts(run: str, attempts: Sequence[Attempt], schema: Schema) -> list[Row]:
    """A row for each answer of each model.

    Raises:
        ConfigError: there are none.
    """
    right = outcomes(attempts, schema).correct
    return [
        {
            "run": run,
            "model": one["model"],
            "task": one["task"],
            "prompt": one["prompt"],
            "text": one["text"],
            "said": _cell((one["answer"] or {}).get(schema.label)),
            "gold": _cell(one["gold"].get(schema.label)),
            "right": bool(correct),
            "valid": bool(one["valid"]),
            "latency_s": one["latency_s"],
            "tokens": one["tokens"],
            "answer": _json(one["answer"]),
            "gold_answer": _json(one["gold"]),
            "meta": _json(one["meta"]),
        }
        for one, correct in zip(attempts, right, strict=True)
    ]


def of_trajectories(run: str, trajectories: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row for each solution that a model was trained on.

    Raises:
        ConfigError: there are none.
    """
    if not trajectories:
        raise ConfigError(f"run {run!r} has no trajectories", "srlr generate --run RUN --force")
    return [
        {
            "run": run,
            "id": one["id"],
            "problem": one["problem"],
            "steps": "\n".join(step["action"] for step in one["steps"]),
            "outcome": _json(one["expected_outcome"]),
            "author": one["author"],
            "score": one["score"],
            "issues": "\n".join(one.get("issues", ())),
            "citations": "\n".join(one.get("citations", ())),
            "all_steps": _json(one["steps"]),
            "meta": _json(one.get("meta", {})),
        }
        for one in trajectories
    ]


def write(rows: Sequence[Row], path: Path, form: Format) -> None:
    """The table at `path`, whole or not at all.

    Raises:
        MissingArtifact: parquet, and pyarrow is not installed.
    """
    _WRITERS[form](rows, path)


def _csv(rows: Sequence[Row], path: Path) -> None:
    """As spreadsheets read it: a mark of UTF-8, every text in quotes, and a ' before one that would
    be taken for a formula.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(rows[0])
    writer.writerows([_safe(value) for value in row.values()] for row in rows)
    write_atomic(path, "\ufeff" + out.getvalue())


def _safe(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    plain = value.translate(_CONTROL)
    return f"'{plain}" if plain.startswith(_COMMAND) else plain


def _jsonl(rows: Sequence[Row], path: Path) -> None:
    write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _parquet(rows: Sequence[Row], path: Path) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingArtifact(
            "parquet needs the package 'pyarrow'", "pip install pyarrow, or --format csv"
        ) from error
    part = path.with_name(f".{path.name}.part")
    try:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([_typed(row) for row in rows]), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _typed(row: Row) -> Row:
    """With answers as texts: a column has one type, and an answer may be 3 or "three"."""
    said = {name: row[name] for name in ("said", "gold") if name in row}
    return row | {name: None if one is None else str(one) for name, one in said.items()}


_WRITERS: Mapping[Format, Callable[[Sequence[Row], Path], None]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}


def _cell(value: Any) -> Any:
    """What a cell can hold as it is; anything else as JSON."""
    return value if value is None or isinstance(value, str | int | float) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
