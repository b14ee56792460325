"""What must survive the gateway: routing, what workers are started from, swaps. An SQLite file.

Written before anything is done, so that who comes after a killed gateway finds what it was about to
do. One gateway holds a file at a time.
"""

import contextlib
import fcntl
import json
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from srlr.core.errors import ResourceError
from srlr.core.rundir import now, writing
from srlr.serving.slots import Slot, Slots

FILE = "serving.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS slots (role TEXT PRIMARY KEY, slots TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS specs (
    role TEXT, version TEXT, spec TEXT NOT NULL, workers INTEGER NOT NULL,
    PRIMARY KEY (role, version));
CREATE TABLE IF NOT EXISTS swaps (
    id INTEGER PRIMARY KEY, role TEXT NOT NULL, began TEXT NOT NULL, ended TEXT,
    swap TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a version's workers are started from, and how many."""

    spec: Mapping[str, Any]
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A swap, and how far it has come. `state` of one that has ended: done, rolled back, failed."""

    id: int
    role: str
    old: str | None
    new: str
    by: str
    why: str
    settings: Mapping[str, Any]
    state: str = "load"
    """load, verify, shift, drain; or how it ended."""
    step: int = 0
    reason: str = ""
    """Of the last decision."""
    began: str = ""
    ended: str | None = None

    @property
    def ended_s(self) -> float:
        """Seconds since the epoch; of one under way, never."""
        return datetime.fromisoformat(self.ended).timestamp() if self.ended else -math.inf


class Ledger:
    """The file, held by this process until `close`."""

    def __init__(self, store_dir: Path) -> None:
        """Raises:
        ResourceError: another gateway holds it, or it cannot be written.
        """
        self.path = store_dir / FILE
        with writing(self.path):
            store_dir.mkdir(parents=True, exist_ok=True)
            self._lock = _held(store_dir / f"{FILE}.lock")
        with self._told():
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(TABLES)

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    # -- routing -----------------------------------------------------------------------------------

    def save(self, slots: Slots) -> None:
        rows = json.dumps([asdict(slot) for slot in slots.slots])
        self._write("REPLACE INTO slots VALUES (?, ?)", slots.role, rows)

    def slots(self) -> dict[str, Slots]:
        """Of every role, as they were saved last."""
        return {
            role: Slots(role, tuple(Slot(**slot) for slot in json.loads(text)))
            for role, text in self._read("SELECT role, slots FROM slots")
        }

    def want(self, role: str, version: str, wanted: Wanted) -> None:
        spec = json.dumps(dict(wanted.spec))
        self._write("REPLACE INTO specs VALUES (?, ?, ?, ?)", role, version, spec, wanted.workers)

    def wanted(self) -> dict[tuple[str, str], Wanted]:
        """Of every role and version."""
        rows = self._read("SELECT role, version, spec, workers FROM specs")
        return {(role, v): Wanted(json.loads(spec), workers) for role, v, spec, workers in rows}

    # -- swaps -------------------------------------------------------------------------------------

    def begin(self, record: Record) -> Record:
        """The record with its number and the time."""
        begun = replace(record, began=now())
        with self._told():
            found = self._db.execute(
                "INSERT INTO swaps (role, began, swap) VALUES (?, ?, ?)",
                (begun.role, begun.began, json.dumps(asdict(begun))),
            )
        begun = replace(begun, id=int(found.lastrowid or 0))
        self.update(begun)
        return begun

    def update(self, record: Record) -> None:
        self._write(
            "UPDATE swaps SET ended = ?, swap = ? WHERE id = ?",
            record.ended,
            json.dumps(asdict(record)),
            record.id,
        )

    def swaps(self, role: str | None = None, *, under_way: bool = False) -> list[Record]:
        """The newest first."""
        where = ["1"] + ["role = ?"] * (role is not None) + ["ended IS NULL"] * under_way
        rows = self._read(
            f"SELECT swap FROM swaps WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT 200",
            *([role] if role is not None else []),
        )
        return [Record(**json.loads(text)) for (text,) in rows]

    # -- parts -------------------------------------------------------------------------------------

    def _write(self, statement: str, *values: Any) -> None:
        with self._told():
            self._db.execute(statement, values)

    def _read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._told():
            return self._db.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ResourceError(
                f"the gateway's state in {str(self.path)!r} cannot be used: {error}",
                "check the disk's space and permissions; a damaged file can be moved away: roles "
                "are then served from their release `current`",
            ) from error


def _held(path: Path) -> IO[bytes]:
    """The file with a lock on it, which ends with this process."""
    file = open(path, "a+b")  # noqa: SIM115 - held until the ledger is closed
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().decode(errors="replace") or "another process"
        file.close()
        raise ResourceError(
            f"{str(path.parent)!r} is served already, by {owner}",
            "stop that gateway, or give this one a store_dir of its own",
        ) from error
    file.truncate(0)
    file.write(f"process {os.getpid()}".encode())
    file.flush()
    return file
