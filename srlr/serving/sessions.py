"""Conversations that the gateway keeps: their messages in order, in an SQLite file.

    with sessions.opened(store_dir) as kept:
        kept.begin("c1", "support")
        with kept.turn("c1") as turn:               one writer a conversation
            answer = … turn.messages + [question] …
            turn.add(question, answer)              both or neither, on disk when it returns

What was added survives a kill. Whichever version answers the next turn sees all of it.
"""

import contextlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.rundir import writing
from srlr.core.types import Message
from srlr.serving.asked import Busy

FILE = "sessions.sqlite"
TURN_S = 600.0
"""How long a turn may take; a killed gateway's is over then, and the next one may begin."""
TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, begun REAL NOT NULL,
    writer TEXT, until REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS messages (
    session TEXT, place INTEGER, message TEXT NOT NULL, PRIMARY KEY (session, place));
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A conversation in the hands of its one writer."""

    kept: "Sessions"
    session: str
    writer: str
    messages: tuple[Message, ...]

    def add(self, *messages: Message) -> None:
        """All of them at the end, or none.

        Raises:
            Busy: the turn took too long, and another writer has begun.
        """
        self.kept.add(self.session, self.writer, len(self.messages), messages)


class Sessions:
    """The file. Processes may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._told():
            self._db = sqlite3.connect(
                path, timeout=10, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(TABLES)

    def close(self) -> None:
        self._db.close()

    def begin(self, session: str, role: str) -> None:
        """A conversation of the role, new or going on.

        Raises:
            ConfigError: it is another role's.
        """
        with self._told():
            self._db.execute(
                "INSERT OR IGNORE INTO sessions (id, role, begun) VALUES (?, ?, ?)",
                (session, role, time.time()),
            )
        owner = self.role(session)
        if owner != role:
            raise ConfigError(
                f"conversation {session!r} is with {owner!r}, not with {role!r}",
                "name another conversation",
            )

    def role(self, session: str) -> str:
        """Raises MissingArtifact where there is no such conversation."""
        with self._told():
            found = self._db.execute("SELECT role FROM sessions WHERE id = ?", (session,))
            row = found.fetchone()
        if row is None:
            raise MissingArtifact(f"there is no conversation {session!r}", "begin it first")
        return str(row[0])

    def messages(self, session: str) -> tuple[Message, ...]:
        """In order; empty where nothing was said yet."""
        with self._told():
            rows = self._db.execute(
                "SELECT message FROM messages WHERE session = ? ORDER BY place", (session,)
            ).fetchall()
        return tuple(json.loads(text) for (text,) in rows)

    @contextlib.contextmanager
    def turn(self, session: str) -> Iterator[Turn]:
        """Inside, nobody else writes to the conversation.

        Raises:
            Busy: somebody does.
            MissingArtifact: there is no such conversation.
        """
        self.role(session)
        writer, now = secrets.token_hex(8), time.time()
        with self._told():
            taken = self._db.execute(
                "UPDATE sessions SET writer = ?, until = ? "
                "WHERE id = ? AND (writer IS NULL OR until < ?)",
                (writer, now + TURN_S, session, now),
            ).rowcount
        if not taken:
            raise Busy(
                f"conversation {session!r} is being answered",
                "wait for the answer, then ask the next question",
            )
        try:
            yield Turn(self, session, writer, self.messages(session))
        finally:
            with self._told():
                self._db.execute(
                    "UPDATE sessions SET writer = NULL WHERE id = ? AND writer = ?",
                    (session, writer),
                )

    def add(self, session: str, writer: str, place: int, messages: tuple[Message, ...]) -> None:
        """See Turn.add; `place` is how many messages the writer has seen."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                row = self._db.execute(
                    "SELECT writer FROM sessions WHERE id = ?", (session,)
                ).fetchone()
                if row is None or row[0] != writer:
                    raise Busy(
                        f"the turn in conversation {session!r} took more than {TURN_S:g} s",
                        "ask again",
                    )
                self._db.executemany(
                    "INSERT INTO messages VALUES (?, ?, ?)",
                    [
                        (session, place + number, json.dumps(message, ensure_ascii=False))
                        for number, message in enumerate(messages)
                    ],
                )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def forget(self, older_than_s: float) -> int:
        """Deletes conversations begun so long ago; how many."""
        before = time.time() - older_than_s
        with self._told():
            self._db.execute(
                "DELETE FROM messages WHERE session IN (SELECT id FROM sessions WHERE begun < ?)",
                (before,),
            )
            return self._db.execute("DELETE FROM sessions WHERE begun < ?", (before,)).rowcount

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ResourceError(
                f"conversations in {str(self.path)!r} cannot be read or written: {error}",
                "check the disk's space and permissions",
            ) from error


@contextlib.contextmanager
def opened(store_dir: Path) -> Iterator[Sessions]:
    """The conversations of a store."""
    kept = Sessions(store_dir / FILE)
    try:
        yield kept
    finally:
        kept.close()
