"""The audit log: every decision with its reason, one JSON line each, chained by hashes.

    {"at": "2026-11-24T03:00:00.000000+00:00", "kind": "swap.step", "by": "gateway", "why": "…",
     "what": {…}, "before": "<hash of the line before>", "hash": "<of all the rest>"}

The log is only ever appended to. A line that was changed, taken out or put in breaks the chain at
its place, and `verify` names it. What was cut off at the end is found by whoever kept the last
line's hash: `srlr audit tail` prints it.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from srlr.core.rundir import writing

FILE = "audit.jsonl"
START = "0" * 64
"""What the first line says of the line before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log. `kind` is a dotted word, `by` who decided: a person, a key, a process."""

    at: str
    kind: str
    by: str
    why: str
    what: Mapping[str, Any]
    before: str
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold: the line's number, counted from 1, and how."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The log in a file, which processes of one machine share."""

    path: Path

    def append(self, kind: str, by: str, why: str, what: Mapping[str, Any] | None = None) -> Entry:
        """The entry that was written, on disk when this returns.

        What a killed writer left half written is ended with a newline first, so that it stays a
        line of its own, which `verify` names.

        Raises:
            ResourceError: the log cannot be written.
        """
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                last = _last_line(file)
                rest: dict[str, Any] = {
                    "at": datetime.now(UTC).isoformat(timespec="microseconds"),
                    "kind": kind,
                    "by": by,
                    "why": why,
                    "what": dict(what or {}),
                    "before": START if last is None else _hash_in(last),
                }
                line = {**rest, "hash": _hash(rest)}
                torn = last is not None and not last.endswith(b"\n")
                text = json.dumps(line, ensure_ascii=False) + "\n"
                file.write(b"\n" * torn + text.encode())
                file.flush()
                os.fsync(file.fileno())
        return Entry(**line)

    def entries(self) -> Iterator[Entry]:
        """Every line that can be read, the oldest first; none where there is no log."""
        for _, row in _rows(self.path):
            if row is not None:
                yield row

    def verify(self) -> list[Break]:
        """Every place at which the chain is broken; empty where it holds."""
        found, before = [], START
        for number, row in _rows(self.path):
            if row is None:
                found.append(Break(number, "is not an entry"))
                continue
            rest = {key: getattr(row, key) for key in ("at", "kind", "by", "why", "what", "before")}
            if row.hash != _hash(rest):
                found.append(Break(number, "was changed"))
            elif row.before != before:
                found.append(Break(number, "does not follow the line before"))
            before = row.hash
        return found


def _rows(path: Path) -> Iterator[tuple[int, Entry | None]]:
    if not path.exists():
        return
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield number, Entry(**json.loads(line))
            except (ValueError, TypeError):
                yield number, None


def _last_line(file: Any) -> bytes | None:
    """The last line with its end, read from the file's end; None where the file is empty."""
    end = file.seek(0, os.SEEK_END)
    if not end:
        return None
    size, tail = 4096, b""
    while True:
        start = max(0, end - size)
        file.seek(start)
        tail = file.read(end - start)
        if start == 0 or b"\n" in tail[:-1]:
            return bytes(tail[tail.rfind(b"\n", 0, -1) + 1 :])
        size *= 2


def _hash_in(line: bytes) -> str:
    """The hash that a line says it has; of one that says none, of its bytes."""
    try:
        return str(json.loads(line)["hash"])
    except (ValueError, TypeError, KeyError):
        return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def _hash(rest: Mapping[str, Any]) -> str:
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
