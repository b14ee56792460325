"""srlr redact: text, JSON or JSON Lines in, the same without personal data and secrets out.

A text or a JSON file is one document; each line of JSON Lines is one. What was found is counted on
stderr, or told with --json: classes and places, never the values.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from srlr.cli import render
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact, ResourceError
from srlr.core.layers import nearest
from srlr.core.redacting import CLASSES, Redact
from srlr.text.redaction import documents
from srlr.text.redaction.redactor import Redactor, counts

Write = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to run; `check`: it fails where something is found."""

    check: bool = False
    as_json: bool = False
    quiet: bool = False


@dataclass(slots=True)
class Told:
    """What was found, without it. `spans` are places in a text, `rows` those with something."""

    documents: int = 0
    found: dict[str, int] = field(default_factory=dict)
    spans: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    unreadable: list[dict[str, Any]] = field(default_factory=list)


def settings(classes: str | None, style: str, allow: Sequence[str]) -> Redact:
    """What the command line asks for.

    Raises:
        ConfigError: an unknown class or style, or an empty value to allow.
    """
    asked: dict[str, Any] = {"style": style, "allow": tuple(allow)}
    if classes is not None:
        said = tuple(name.strip() for name in classes.split(",") if name.strip())
        asked["classes"] = CLASSES if said == ("all",) else said
        for name in asked["classes"]:
            if name not in CLASSES:
                near = nearest(name, CLASSES)
                hint = f"did you mean {near}?" if near else f"any of {','.join(CLASSES)}, or all"
                raise ConfigError(f"--classes: there is no class {name!r}", hint)
        if not said:
            raise ConfigError("--classes names none", f"any of {','.join(CLASSES)}, or all")
    try:
        return Redact(**asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"--{first['loc'][0]} {str(first['input'])[:40]!r}: {first['msg'].lower()}",
            "--style numbered or plain; --allow takes a value that stays",
        ) from None


def redact(source: str, output: Path | None, asked: Redact, manner: Manner) -> int:
    """Redacts `source` and returns the exit code: 2 if a row could not be read, else 0.

    Raises:
        MissingArtifact: the input cannot be read.
        ConfigError: it is no UTF-8, or no JSON where its name says so.
        ResourceError: the output cannot be written.
        GateFailed: `manner.check`, and something was found.
    """
    with _opened(source) as file, _sink(output, manner) as write:
        told = _worked(file, source, Redactor(asked), write)
    _tell(told, manner)
    if told.unreadable:
        return ConfigError.exit_code
    if manner.check and told.found:
        raise GateFailed(f"found: {_listed(told.found)}", "--output FILE keeps the text without")
    return 0


def _worked(file: Any, source: str, redactor: Redactor, write: Write) -> Told:
    suffix = Path(source).suffix.lower()
    if suffix == ".json":
        return _json(_decoded(file.read(), source), source, redactor, write)
    first = file.readline()
    if suffix in (".jsonl", ".ndjson") or _is_object(first):
        return _rows(first, file, redactor, write)
    text = _decoded(first + file.read(), source)
    result = redactor.text(text)
    write(result.text)
    spans = [{"start": s.start, "end": s.end, "class": s.kind} for s in result.spans]
    return Told(1, counts([result]), spans=spans)


def _json(text: str, source: str, redactor: Redactor, write: Write) -> Told:
    try:
        value, found = documents.row(redactor, _loaded(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{source!r} is not JSON: {error}", "name it .txt to read it as text"
        ) from (error)
    write(_dumped(value, indent=2) + "\n" if found else text)
    return Told(1, found)


def _rows(first: bytes, file: Any, redactor: Redactor, write: Write) -> Told:
    """A row that cannot be read is left out: nobody knows what is in it."""
    told = Told()
    for number, line in enumerate(_lines(first, file), 1):
        if not line.strip():
            write("\n")
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            value, found = documents.row(redactor, _loaded(text))
        except (ValueError, RecursionError) as error:
            told.unreadable.append({"row": number, "error": _why(error)})
            continue
        told.documents += 1
        # A row with nothing in it goes on byte for byte.
        write(_dumped(value) + "\n" if found else text if text.endswith("\n") else text + "\n")
        if found:
            told.found = documents.added(told.found, found)
            told.rows.append({"row": number, "found": found})
    return told


def _lines(first: bytes, file: Any) -> Iterator[bytes]:
    if first:
        yield first
        yield from file


def _loaded(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a field that is there twice would be read by nobody and kept by us."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a field is there twice")
    return made


def _dumped(value: Any, indent: int | None = None) -> str:
    said = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        said.encode()
    except UnicodeEncodeError:  # half of a UTF-16 pair, which only an escape can write
        return json.dumps(value, indent=indent)
    return said


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_loaded(line.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False


def _why(error: Exception) -> str:
    """What is wrong with a row, without a word of it."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    return f"not JSON: {error}"


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{source!r} is not UTF-8: byte {error.start + 1}", "save it as UTF-8 text"
        ) from error


@contextlib.contextmanager
def _opened(source: str) -> Iterator[Any]:
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115  what the body raises is not about opening
    except OSError as error:
        raise MissingArtifact(
            f"cannot read {source!r}: {error.strerror}", "name an existing file, or - for stdin"
        ) from error
    with file:
        yield file


@contextlib.contextmanager
def _sink(output: Path | None, manner: Manner) -> Iterator[Write]:
    """Where the text goes: stdout, nowhere with --json alone, or a file, whole or not at all."""
    if output is None:
        yield (lambda text: None) if manner.as_json else render.exact
        return
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file.write
        part.replace(output)
    except OSError as error:
        raise ResourceError(
            f"cannot write {str(output)!r}: {error.strerror}", "choose a folder you may write in"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _tell(told: Told, manner: Manner) -> None:
    for row in told.unreadable:
        render.error(f"row {row['row']} is left out: {row['error']}")
    if manner.as_json:
        data = {
            "documents": told.documents,
            "found": told.found,
            "spans": told.spans,
            "rows": told.rows,
            "unreadable": told.unreadable,
        }
        render.emit("redaction", data, as_json=True)
    if not manner.quiet:
        render.note(f"redacted: {_listed(told.found)}" if told.found else "nothing was found")


def _listed(found: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count:,}" for kind, count in found.items())
