"""Vectors of texts: what makes them, where they are kept, and which are nearest.

    Vectors(embedder, folder).of(texts)        rows of length 1; what is on disk is not made again
    Exact(texts, vectors).nearest("query", 3)  [(position, cosine), …]

On disk: one SQLite file an embedder, a row a text, by the text's sha256. A text is embedded once,
whichever source or run it comes from; a process killed midway loses at most one batch.
"""

import contextlib
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from srlr.core.types import Progress

log = logging.getLogger(__name__)

T = TypeVar("T")
BATCH = 256
"""Texts that are embedded and written together."""


class Embedder(Protocol):
    """What turns texts into rows. `id` changes with the weights: vectors of two never mix."""

    id: str
    size: int

    def embed(self, texts: Sequence[str]) -> Any:
        """Rows of length 1. Shape: (len(texts), size) float32."""


def key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class Vectors:
    """Rows for texts. `embedded` counts those that had to be made.

    Args:
        folder: where they are kept; None keeps none.
    """

    def __init__(
        self, embedder: Embedder, folder: Path | None, told: Progress | None = None
    ) -> None:
        self.embedder = embedder
        self.embedded = 0
        self._told = told or (lambda what, done, total: None)
        self._file = folder / f"{embedder.id}.sqlite" if folder else None
        self._last: tuple[str, Any] | None = None

    def of(self, texts: Sequence[str]) -> Any:
        """A row for each text, in order. Shape: (len(texts), size) float32."""
        import numpy as np

        keys = [key(text) for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        known = self._read(list(wanted))
        known |= self._made({k: text for k, text in wanted.items() if k not in known})
        rows = [known[one] for one in keys]
        return np.stack(rows) if rows else np.zeros((0, self.embedder.size), dtype=np.float32)

    def one(self, text: str) -> Any:
        """The row of one text. Several sources are asked the same thing, one after another."""
        last = self._last
        if last is None or last[0] != text:
            self._last = last = (text, self.of([text])[0])
        return last[1]

    def _made(self, lacking: dict[bytes, str]) -> dict[bytes, Any]:
        # Texts of about one length share a batch: little is computed for padding.
        keys = sorted(lacking, key=lambda one: (len(lacking[one]), one))
        rows: dict[bytes, Any] = {}
        for start in range(0, len(keys), BATCH):
            if len(keys) > 1:
                self._told("embedding texts", start, len(keys))
            batch = keys[start : start + BATCH]
            made = dict(zip(batch, self.embedder.embed([lacking[k] for k in batch]), strict=True))
            self._write(made)
            rows |= made
            self.embedded += len(batch)
        if len(keys) > 1:
            self._told("embedding texts", len(keys), len(keys))
        return rows

    def _read(self, keys: list[bytes]) -> dict[bytes, Any]:
        import numpy as np

        def read(database: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
            found: list[tuple[bytes, bytes]] = []
            for start in range(0, len(keys), BATCH):
                some = keys[start : start + BATCH]
                marks = ",".join("?" * len(some))
                found += database.execute(
                    f"SELECT key, row FROM vectors WHERE key IN ({marks})", some
                )
            return found

        return {
            one: np.frombuffer(row, dtype=np.float32)
            for one, row in self._with_file(read) or ()
            if len(row) == 4 * self.embedder.size
        }

    def _write(self, made: dict[bytes, Any]) -> None:
        rows = [(one, row.tobytes()) for one, row in made.items()]

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

        self._with_file(write)

    def _with_file(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What the work comes to; None without a file. One that cannot be used is passed over from
        then on, for it only saves time.
        """
        if self._file is None:
            return None
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._file, timeout=60)) as database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, row BLOB NOT NULL)"
                )
                return work(database)
        except (OSError, sqlite3.Error) as error:
            log.warning("vectors are not kept in %r: %s", str(self._file), error)
            self._file = None
            return None


class Exact:
    """All rows in memory; each search looks at every one."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._vectors = vectors
        self._rows = vectors.of(texts)

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with cosines > 0, the greatest first; equal ones in order."""
        import numpy as np

        scores = self._rows @ self._vectors.one(query)
        scores[list(exclude)] = 0.0
        best = np.argsort(-scores, kind="stable")[:k]
        return [(int(one), float(scores[one])) for one in best if scores[one] > 0]
