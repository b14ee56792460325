"""Every request and answer of a run, as lines that are on the disk before anything follows.

    {"event": "sent", "key": …, "tokens": 900, "pico_usd": 0}       at most so much may be due
    {"event": "answer", "key": …, "answer": {…}, "tokens": 311, …}  so much was
    {"event": "failed", "key": …, "tokens": 0, "why": …}            or this came of it

A key is the SHA-256 of what was asked. A process that dies leaves a request that was sent and has
no end: it counts as spent in full, for the server may have answered it.
"""

import asyncio
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlr.collaboration.budget import Cost
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.rundir import now, writing

Row = dict[str, Any]


def key_of(request: Mapping[str, Any]) -> str:
    """The name under which the answer to a request is kept."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Known:
    """What a journal says: answers by key, what was spent, and how many requests have no end."""

    answers: dict[str, Row] = field(default_factory=dict)
    spent: list[Cost] = field(default_factory=list)
    open_ends: int = 0


class Journal:
    """One file, appended to by one process. Lines that wait at the same moment share one fsync."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.known = _read(path)
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None

    def answer(self, key: str) -> Row | None:
        """What was answered to that request, if it is known."""
        return self.known.answers.get(key)

    async def write(self, row: Row) -> None:
        """Returns when the line is on the disk.

        Raises:
            ResourceError: the disk refused.
        """
        if row["event"] == "answer":
            self.known.answers[row["key"]] = row
        line = json.dumps({**row, "at": now()}, ensure_ascii=False) + "\n"
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                error: Exception | None = None
                try:
                    await asyncio.to_thread(self._append, "".join(line for line, _ in batch))
                except (ResourceError, OSError) as refused:
                    error = refused
                for _, done in batch:
                    if done.done():  # whoever waited for it was cancelled
                        continue
                    if error is None:
                        done.set_result(None)
                    else:
                        done.set_exception(error)
        finally:
            self._flusher = None

    def _append(self, text: str) -> None:
        with writing(self.path), open(self.path, "ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> Known:
    """What an earlier process left; the line that its end may have cut is taken away."""
    known = Known()
    if not path.exists():
        return known
    with writing(path), open(path, "r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
    sent: dict[str, list[Cost]] = defaultdict(list)
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            row = json.loads(line)
            cost = Cost(row["tokens"], row["pico_usd"])
            if row["event"] == "sent":
                sent[row["key"]].append(cost)
                continue
            if row["event"] == "answer":
                known.answers[row["key"]] = row
            if sent[row["key"]]:
                sent[row["key"]].pop()
            known.spent.append(cost)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"line {number} of the journal {str(path)!r} is damaged: {error!r}",
                "remove that line: the request of that line may be paid for once more",
            ) from error
    ends = [cost for costs in sent.values() for cost in costs]
    known.spent += ends
    known.open_ends = len(ends)
    return known
