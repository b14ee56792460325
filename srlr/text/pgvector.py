"""Vectors in PostgreSQL with the extension pgvector, searched by an HNSW index.

    database = open_database(url)
    Pgvector(texts, vectors, database, "sentiment/manual").nearest("query", 3)

A table for each size of vector, srlr_vectors_384; a row is a namespace, a text's sha256 and its
vector. A namespace holds exactly the texts it was last opened with: what is there is not sent
again, what is no longer among them is deleted. Texts themselves are not stored.

Source: pgvector's README, "HNSW" and "Iterative Index Scans" (version 0.8).
"""

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.text.vectors import BATCH, Vectors, key

LOCK = 0x73726C72
"""The advisory lock under which tables are made and namespaces filled: "srlr"."""
CONNECT_S = 10


class Database:
    """A connection that several threads may use, one at a time."""

    def __init__(self, connection: Any, where: str) -> None:
        self._connection = connection
        self._lock = Lock()
        self.where = where

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor whose work is kept if nothing goes wrong.

        Raises:
            ResourceError: the database refused or is gone.
        """
        import psycopg

        try:
            with self._lock, self._connection.transaction(), self._connection.cursor() as cursor:
                yield cursor
        except psycopg.Error as error:
            raise ResourceError(
                f"{self.where}: {_first_line(error)}", "see what the database logs, and try again"
            ) from error

    def close(self) -> None:
        self._connection.close()


def open_database(url: str, url_env: str) -> Database:
    """A connection to postgresql://user:password@host/database, which the variable held.

    Raises:
        MissingArtifact: psycopg is not installed, or the database has no pgvector.
        ResourceError: the database cannot be reached.
        ConfigError: the variable holds something else.
    """
    if not url:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address of a database",
            f"export {url_env}=postgresql://user:password@host:port/database",
        )
    try:
        import psycopg
    except ImportError as error:
        raise MissingArtifact(
            "generate.retriever.store.kind=pgvector needs the package 'psycopg'",
            "pip install 'srlr[pgvector]'",
        ) from error
    where = shown(url)
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_S)
    except (psycopg.Error, UnicodeError) as error:
        raise ResourceError(
            f"the database {where} cannot be reached: {_first_line(error)}",
            f"start it, or correct the address in {url_env}",
        ) from error
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except psycopg.Error as error:
        connection.close()
        raise MissingArtifact(
            f"the database {where} has no extension 'vector': {_first_line(error)}",
            "install pgvector there, or let its owner run `CREATE EXTENSION vector`",
        ) from error
    return Database(connection, where)


def shown(url: str) -> str:
    """The address as it may be printed: no user, no password, no options."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ConfigError(
            "the database's address is not postgresql://…",
            "write postgresql://user:password@host:port/database",
        )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class Pgvector:
    """The vectors of texts, in a namespace of a database."""

    def __init__(
        self,
        texts: Sequence[str],
        vectors: Vectors,
        database: Database,
        namespace: str,
        ef_search: int = 100,
    ) -> None:
        self._vectors, self._database, self._ef_search = vectors, database, ef_search
        self._namespace = f"{namespace}/{vectors.embedder.id}"
        self._table = f"srlr_vectors_{vectors.embedder.size}"
        self._keys = [key(text) for text in texts]
        self._positions: dict[bytes, list[int]] = defaultdict(list)
        for position, one in enumerate(self._keys):
            self._positions[one].append(position)
        self._prepare()
        self._fill(dict(zip(self._keys, texts, strict=True)))

    def _prepare(self) -> None:
        table = self._table
        with self._database.transaction() as cursor:
            # Two processes that make a table at once meet an error, IF NOT EXISTS or no.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (namespace text NOT NULL, key bytea NOT NULL, "
                f"row vector({self._vectors.embedder.size}) NOT NULL, PRIMARY KEY (namespace, key))"
            )
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {table}_hnsw ON {table} "
                "USING hnsw (row vector_cosine_ops)"
            )

    def _fill(self, texts: dict[bytes, str]) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                f"SELECT key FROM {self._table} WHERE namespace = %s", (self._namespace,)
            )
            there = {bytes(one) for (one,) in cursor.fetchall()}
            gone = list(there - set(texts))
            cursor.execute(
                f"DELETE FROM {self._table} WHERE namespace = %s AND key = ANY(%s)",
                (self._namespace, gone),
            )
        lacking = [one for one in texts if one not in there]
        for start in range(0, len(lacking), BATCH):
            batch = lacking[start : start + BATCH]
            rows = self._vectors.of([texts[one] for one in batch])
            with self._database.transaction() as cursor:
                cursor.executemany(
                    f"INSERT INTO {self._table} VALUES (%s, %s, %s::vector) ON CONFLICT DO NOTHING",
                    [(self._namespace, k, _said(row)) for k, row in zip(batch, rows, strict=True)],
                )

    def nearest(self, query: str, k: int, exclude: Collection[int] = ()) -> list[tuple[int, float]]:
        """At most `k` positions with cosines > 0, the greatest first; nearly always the right ones,
        as the index does not look at all.
        """
        row = _said(self._vectors.one(query))
        left_out = set(exclude)
        skipped = list({self._keys[position] for position in left_out})
        with self._database.transaction() as cursor:
            cursor.execute(f"SET LOCAL hnsw.ef_search = {self._ef_search}")
            # Other namespaces' rows are found too and dropped: it goes on until k are left.
            cursor.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            cursor.execute(
                f"SELECT key, 1 - (row <=> %s::vector) FROM {self._table} "
                "WHERE namespace = %s AND key <> ALL(%s) ORDER BY row <=> %s::vector LIMIT %s",
                (row, self._namespace, skipped, row, k),
            )
            found = [(bytes(one), float(cosine)) for one, cosine in cursor.fetchall()]
        ordered = sorted(
            (-cosine, position)
            for one, cosine in found
            for position in self._positions.get(one, ())
            if cosine > 0 and position not in left_out
        )
        return [(position, -cosine) for cosine, position in ordered[:k]]


def _said(row: Any) -> str:
    return "[" + ",".join(f"{number:.9g}" for number in row.tolist()) + "]"
