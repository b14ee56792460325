"""The registry's rows: an SQLite file in the store, or PostgreSQL by URL.

    srlr_releases   a row each, its signed text in it; one that was deleted keeps its row and number
    srlr_aliases    which version current, candidate and backup of a role are now
    srlr_moves      every move of an alias, in order: what current was before

Everything that belongs together is written in one transaction, and one writer at a time.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from srlr.core.blobs import storing
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

FILE = "releases.sqlite"
BUSY_S = 30
"""How long to wait for another process that writes to the same SQLite file."""
CONNECT_S = 10
LOCK = 0x736C7265
"""The advisory lock under which PostgreSQL's tables are made and written."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows are, and how that place may be called in print."""

    engine: "Engine"
    where: str

    @contextlib.contextmanager
    def reading(self) -> Iterator["Connection"]:
        """Raises ResourceError: the database cannot be reached or read."""
        with refused(self.where), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator["Connection"]:
        """Inside, this is the only writer; at the end all of it is kept, after an error nothing.

        Raises:
            ResourceError: the database cannot be reached or written; nothing has changed.
        """
        import sqlalchemy as sql

        with refused(self.where), self.engine.connect() as connection:
            connection = connection.execution_options(srlr_begin="BEGIN IMMEDIATE")
            with connection.begin():
                if self.engine.dialect.name == "postgresql":
                    connection.execute(
                        sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK}
                    )
                yield connection


@cache
def tables() -> SimpleNamespace:
    """The tables `releases`, `aliases` and `moves`, and all of them as `all`."""
    import sqlalchemy as sql

    everything = sql.MetaData()
    releases = sql.Table(
        "srlr_releases",
        everything,
        sql.Column("role", sql.String(128), primary_key=True),
        sql.Column("version", sql.Integer, primary_key=True, autoincrement=False),
        sql.Column("content", sql.String(64), nullable=False),
        sql.Column("text", sql.Text, nullable=False),
        sql.Column("signature", sql.String(128), nullable=False),
        sql.Column("deleted", sql.String(32)),
    )
    aliases = sql.Table(
        "srlr_aliases",
        everything,
        sql.Column("role", sql.String(128), primary_key=True),
        sql.Column("alias", sql.String(16), primary_key=True),
        sql.Column("version", sql.Integer, nullable=False),
    )
    moves = sql.Table(
        "srlr_moves",
        everything,
        sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
        sql.Column("role", sql.String(128), nullable=False, index=True),
        sql.Column("alias", sql.String(16), nullable=False),
        sql.Column("version", sql.Integer),
    )
    return SimpleNamespace(releases=releases, aliases=aliases, moves=moves, all=everything)


@contextlib.contextmanager
def opened(store: Path, url_env: str | None) -> Iterator[Rows]:
    """The database, its tables made if they are not there.

    Raises:
        ConfigError: the variable `url_env` holds no address of a PostgreSQL.
        MissingArtifact: sqlalchemy or psycopg is not installed.
        ResourceError: the database cannot be reached, read or written.
    """
    rows = _sqlite(store) if url_env is None else _postgresql(url_env)
    try:
        if not _prepared(rows):
            with contextlib.nullcontext() if url_env else _first(store):
                _prepare(rows)
        yield rows
    finally:
        rows.engine.dispose()


def _sqlite(store: Path) -> Rows:
    with _installed():
        import sqlalchemy as sql
    path = store / FILE
    with storing(store):
        store.mkdir(parents=True, exist_ok=True)
    url = sql.URL.create("sqlite", database=str(path))
    engine = sql.create_engine(url, connect_args={"timeout": BUSY_S})

    @sql.event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # else sqlite3 begins transactions when it pleases
        connection.execute("PRAGMA synchronous = FULL")

    @sql.event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        said = connection.get_execution_options().get("srlr_begin", "BEGIN")
        connection.exec_driver_sql(said)

    return Rows(engine, str(path))


def _postgresql(url_env: str) -> Rows:
    with _installed():
        import sqlalchemy as sql
    hint = f"export {url_env}=postgresql://user:password@host:port/database"
    address = os.environ.get(url_env, "")
    if not address:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address of a database",
            f"{hint}, or deploy.url_env=null for a file in the store",
        )
    parts = urlsplit(address)
    try:
        url = sql.make_url(address).set(drivername="postgresql+psycopg")
        known = parts.scheme in ("postgresql", "postgres")
    except (sql.exc.SQLAlchemyError, ValueError):
        known = False
    if not known:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address of a PostgreSQL", hint
        )
    where = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
    with _installed():
        # A connection that broke while nobody used it is replaced before it is used.
        engine = sql.create_engine(
            url, connect_args={"connect_timeout": CONNECT_S}, pool_pre_ping=True
        )
    return Rows(engine, where)


def _prepared(rows: Rows) -> bool:
    import sqlalchemy as sql

    with rows.reading() as connection:
        there = sql.inspect(connection).get_table_names()
    return {table.name for table in tables().all.sorted_tables} <= set(there)


def _prepare(rows: Rows) -> None:
    from sqlalchemy.schema import CreateTable

    if rows.engine.dialect.name == "sqlite":
        # Readers and the writer do not wait for each other; the file remembers it.
        with refused(rows.where), rows.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA journal_mode = WAL")
    with rows.writing() as connection:
        for table in tables().all.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))


@contextlib.contextmanager
def _first(store: Path) -> Iterator[None]:
    """Inside, nobody else switches the same SQLite file to its write-ahead log: that is refused
    at once, however long one would wait.
    """
    with storing(store), open(store / f".{FILE}.lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def refused(where: str) -> Iterator[None]:
    """Turns what a database says into an error that names the place and the fix."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise ResourceError(
            f"the registry of releases in {where} refused: "
            f"{said[0] if said else type(error).__name__}",
            "start or repair it and try again: what was there is unchanged"
            if where.startswith("postgresql://")
            else "free some space or bring the file back from a copy, then try again",
        ) from error


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingArtifact(
            f"releases need the package {error.name!r}, which is not installed",
            "pip install 'srlr[serve]'",
        ) from error
