"""An SQLite file, or PostgreSQL by URL: where what serves releases keeps what must outlive it."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.text.pgvector import CONNECT_S, LOCK, shown

BUSY_S = 10
"""How long to wait for another process that writes to the same SQLite file."""


@dataclass(frozen=True, slots=True)
class Database:
    """The engine, and how the place may be called in print: without user and password."""

    engine: sql.Engine
    where: str

    @contextlib.contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A connection; what a database says becomes a ResourceError that names the place."""
        with refused(self.where), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A transaction: all of it or nothing."""
        with refused(self.where), self.engine.begin() as connection:
            yield connection

    def prepare(self, tables: sql.MetaData) -> None:
        """Makes the tables that are not there."""
        with self.writing() as connection:
            if self.engine.dialect.name == "postgresql":
                # Two processes that make a table at once meet an error, IF NOT EXISTS or no.
                connection.execute(sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            for table in tables.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))


def database(path: Path, url_env: str | None, setting: str) -> Database:
    """The database in the file, or the one whose address is in the environment variable.

    Args:
        setting: the key that names the variable, for what is said where it holds no address.

    Raises:
        ConfigError: it holds none.
        MissingArtifact: psycopg is not installed.
        ResourceError: the file's folder cannot be made.
    """
    if url_env is not None:
        return _postgresql(url_env, setting)
    with refused(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made here, and for its owner alone: what is kept in it is nobody else's.
        path.touch(mode=0o600, exist_ok=True)
    url = sql.URL.create("sqlite", database=str(path))
    return Database(sql.create_engine(url, connect_args={"timeout": BUSY_S}), str(path))


def _postgresql(url_env: str, setting: str) -> Database:
    address = os.environ.get(url_env, "")
    if not address:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address of a database",
            f"export {url_env}=postgresql://user:password@host:port/database, or {setting}=null "
            "for a file",
        )
    where = shown(address)
    try:
        url = sql.make_url(address).set(drivername="postgresql+psycopg")
    except (SQLAlchemyError, ValueError) as error:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address that can be read",
            "write postgresql://user:password@host:port/database",
        ) from error
    how = {"connect_timeout": CONNECT_S}
    try:
        # A server that went away and came back leaves dead connections in the pool.
        return Database(sql.create_engine(url, connect_args=how, pool_pre_ping=True), where)
    except ImportError as error:
        raise MissingArtifact(
            f"{setting} needs the package 'psycopg'", "pip install 'srlr[serve]'"
        ) from error


@contextlib.contextmanager
def refused(where: str) -> Iterator[None]:
    """Turns what a database says into an error that names the place and the fix."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise ResourceError(
            f"{where} cannot be used: {said[0] if said else type(error).__name__}",
            "start the database, repair the file, or free space beside it",
        ) from error
