"""Raw rows of a data file, each with the place to name when it is wrong; only encoding is judged.

mine.jsonl row 3   {"text": "…"}
mine.csv row 2     the first record after the header, as a spreadsheet counts
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact

HUB = "hub:"
_PATTERNS = ("*.jsonl", "*.csv", "*.parquet")
_SPLIT_NAMES = {"train": "train", "dev": "dev", "validation": "dev", "val": "dev", "test": "test"}


@dataclass(frozen=True, slots=True)
class Row:
    """One record: where it is, its values by column, and what kept it from being read."""

    where: str
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def rows_of(path: Path, *, named: bool = False) -> Iterator[Row]:
    """All rows of a .jsonl, .csv or .parquet file in order; `named` puts its name before them."""
    prefix = f"{path.name} row" if named else "row"
    split = _split_in(path.stem) if named else None
    reader = {".csv": _csv, ".parquet": _parquet}.get(path.suffix.lower(), _jsonl)
    for row in reader(path, prefix):
        if split and not row.problem and "split" not in row.values:
            yield Row(row.where, {**row.values, "split": split})
        else:
            yield row


def from_hub(spec: str) -> list[Path]:
    """Local files of the data set hub:org/name[@revision], downloaded unless they are cached.

    Raises:
        MissingArtifact: huggingface_hub is not installed, or the data set cannot be reached, or it
            has no file in a format that is read.
    """
    name, _, revision = spec.removeprefix(HUB).partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ConfigError(f"role.data {spec!r} is not a data set's id", "role.data=hub:org/name")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingArtifact(
            f"role.data {spec!r} needs the package 'huggingface_hub'", "pip install 'srlr[train]'"
        ) from error
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=revision or None, allow_patterns=list(_PATTERNS)
        )
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise MissingArtifact(
            f"data set {name!r} cannot be fetched from the hub: {str(error).splitlines()[0]}",
            "check the id and the connection, or save its rows and say role.data=./rows.jsonl",
        ) from error
    files = sorted(path for pattern in _PATTERNS for path in Path(folder).rglob(pattern))
    if not files:
        raise MissingArtifact(
            f"data set {name!r} has no {', '.join(_PATTERNS)} file",
            "save its rows as JSON Lines and say role.data=./rows.jsonl",
        )
    return files


def _jsonl(path: Path, prefix: str) -> Iterator[Row]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        where = f"{prefix} {number}"
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield Row(where, problem=_undecodable(line, error))
        except (json.JSONDecodeError, RecursionError) as error:
            yield Row(where, problem=f"not JSON: {error}")
        else:
            if isinstance(value, dict):
                yield Row(where, value)
            else:
                yield Row(where, problem=f"a JSON {type(value).__name__}, not an object")


def _csv(path: Path, prefix: str) -> Iterator[Row]:
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    bad = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            bad.append(Row(f"{prefix} {number}", problem=_undecodable(line, error)))
    if bad:  # a broken line may hold the quote that ends a record, so the others cannot be trusted
        yield from bad
        return
    limit = csv.field_size_limit(sys.maxsize)  # role.max_prompt_chars says it better
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        number = 1
        for number, values in enumerate(reader, 2):
            extra = values.pop(None, None)
            problem = f"{len(extra)} more cells than the header has" if extra else ""
            yield Row(f"{prefix} {number}", values, problem)
    except csv.Error as error:
        yield Row(f"{prefix} {number + 1}", problem=f"not CSV: {error}")
    finally:
        csv.field_size_limit(limit)


def _parquet(path: Path, prefix: str) -> Iterator[Row]:
    try:
        from pyarrow import parquet  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as error:
        raise MissingArtifact(
            f"{path.name!r} is a parquet file, which needs the package 'pyarrow'",
            "pip install pyarrow",
        ) from error
    try:
        records = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{str(path)!r} is not parquet: {error}", "fetch the file again"
        ) from error
    for number, values in enumerate(records, 1):
        yield Row(f"{prefix} {number}", values)


def _undecodable(line: bytes, error: UnicodeDecodeError) -> str:
    return f"byte {error.start + 1} is not UTF-8 (0x{line[error.start]:02x})"


def _split_in(stem: str) -> str | None:
    """The split a data file's name tells: train-00000-of-00001 -> train."""
    words = re.split(r"[^a-z]+", stem.lower())
    return next((_SPLIT_NAMES[word] for word in words if word in _SPLIT_NAMES), None)
