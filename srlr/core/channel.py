"""How a stage's processes talk to the one that waits for them: through files in a folder.

    lifeline   a pipe that the one who waits holds open; however that one ends, it closes
    events     what the first process tells, a JSON line each
    error-N    what ended the process of rank N
    output     what the processes and their launcher have printed

A process that loses its lifeline ends at once, as nothing it writes can be left half written.
"""

import contextlib
import json
import logging
import os
import pickle
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from srlr.core.errors import LostError, SrlrError
from srlr.core.rundir import RunDir
from srlr.core.types import StageResult

TAIL_LINES = 20


# -- the one who waits -----------------------------------------------------------------------------


@contextlib.contextmanager
def opened() -> Iterator[Path]:
    """A new channel's folder; after the block, all who hold on to its lifeline end."""
    with tempfile.TemporaryDirectory(prefix="srlr-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        os.mkfifo(place / "lifeline")
        (place / "events").touch()
        held = os.open(place / "lifeline", os.O_RDWR)  # write-only would wait for a reader
        try:
            yield place
        finally:
            os.close(held)


class Inbox:
    """Hands on what the first process tells; `result` is what its stage left, once it is done."""

    def __init__(self, place: Path) -> None:
        self.result: StageResult | None = None
        self._file = (place / "events").open(encoding="utf-8")
        self._rest = ""

    def empty(self, rundir: RunDir) -> None:
        """Hands on what has come since the last time."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for kind, said in map(json.loads, lines):
            if kind == "progress":
                what, done, total, figures = said
                rundir.progress(what, done, total, **figures)
            elif kind == "tell":
                rundir.tell(*said)
            elif kind == "log":
                name, level, text = said
                logging.getLogger(name).log(level, "%s", text)
            else:
                self.result = StageResult(**{**said, "notes": tuple(said["notes"])})

    def close(self) -> None:
        self._file.close()


def error_in(place: Path) -> BaseException | None:
    """What ended a process first; that another one was lost only if nothing else is known."""
    found: list[tuple[bool, int, BaseException]] = []
    for path in place.glob("error-*"):
        error = pickle.loads(path.read_bytes())
        found.append((isinstance(error, LostError), path.stat().st_mtime_ns, error))
    return min(found, key=lambda one: one[:2])[2] if found else None


def printed(place: Path) -> str:
    """The last lines of what was printed."""
    text = (place / "output").read_text(encoding="utf-8", errors="replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])


# -- a process of the stage ------------------------------------------------------------------------


def hold_on(place: Path) -> None:
    """Ends this process when the lifeline closes."""
    line = os.open(place / "lifeline", os.O_RDONLY | os.O_NONBLOCK)  # else it waits for a writer
    os.set_blocking(line, True)

    def wait() -> None:
        os.read(line, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


class Outbox:
    """What the first process tells: progress, events, log records and the result."""

    def __init__(self, place: Path) -> None:
        self._file = (place / "events").open("a", encoding="utf-8")

    def _put(self, kind: str, said: Any) -> None:
        with contextlib.suppress(OSError):  # what is not heard must not end the training
            self._file.write(json.dumps([kind, said]) + "\n")
            self._file.flush()

    def progress(self, what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        self._put("progress", [what, done, total, dict(figures)])

    def tell(self, stage: str, event: str, detail: str) -> None:
        self._put("tell", [stage, event, detail])

    def result(self, result: StageResult) -> None:
        self._put("result", asdict(result))

    def records(self) -> logging.Handler:
        """A handler that passes log records on."""
        handler = logging.Handler()
        handler.emit = lambda record: self._put(  # type: ignore[method-assign]
            "log", [record.name, record.levelno, record.getMessage()]
        )
        return handler


def leave_error(place: Path, rank: int, error: Exception) -> None:
    """Keeps the error for the one who waits; what is not the user's to fix, with its traceback."""
    if not isinstance(error, SrlrError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        kept = pickle.dumps(error)
        pickle.loads(kept)
    except Exception:  # noqa: BLE001 - whatever a foreign class does when it is pickled
        kept = pickle.dumps(RuntimeError("".join(traceback.format_exception(error))))
    part = place / f".error-{rank}"
    part.write_bytes(kept)
    os.replace(part, place / f"error-{rank}")
