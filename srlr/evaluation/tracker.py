"""Every evaluation in a small database: an SQLite file, or PostgreSQL by URL.

    with opened(settings.evaluate.track, runs_dir) as database:
        record(database, entry_of(report, tasks, facts))
        history(database, role="sentiment")

Two tables, srlr_evaluations and srlr_figures. An evaluation's id is a hash of its run and of its
answers, so that one told twice is one row. Runs are the truth: what is here can be read from their
reports again.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.evaluating import Track
from srlr.core.rundir import hash_of
from srlr.text.pgvector import CONNECT_S, LOCK, shown

FILE = "track.sqlite"
BUSY_S = 30
"""How long to wait for another process that writes to the same SQLite file."""

_TABLES = sql.MetaData()
_EVALUATIONS = sql.Table(
    "srlr_evaluations",
    _TABLES,
    sql.Column("id", sql.String(16), primary_key=True),
    sql.Column("at", sql.String(32), nullable=False, index=True),
    *(
        sql.Column(name, sql.Text, nullable=False)
        for name in ("run", "path", "role", "tier", "model", "final", "split", "tasks_hash")
    ),
    *(sql.Column(name, sql.Text, nullable=False) for name in ("main_metric", "verdict", "code")),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("tasks", sql.Integer, nullable=False),
)
_FIGURES = sql.Table(
    "srlr_figures",
    _TABLES,
    sql.Column("evaluation", sql.String(16), primary_key=True),
    sql.Column("model", sql.String(64), primary_key=True),
    sql.Column("metric", sql.String(64), primary_key=True),
    sql.Column("value", sql.Float, nullable=False),
    sql.Column("low", sql.Float),
    sql.Column("high", sql.Float),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One evaluation. `tasks_hash` is the same for two that asked the same tasks."""

    id: str
    at: str
    """UTC, ISO 8601."""
    run: str
    path: str
    role: str
    tier: str
    model: str
    """The base model."""
    final: str
    """The stage whose model is judged: baseline, srl or rlvr."""
    split: str
    tasks_hash: str
    main_metric: str
    verdict: str
    code: str
    """A hash of the srlr that made it; "" where it is not known."""
    seed: int
    tasks: int
    figures: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    """By model and metric: "rlvr" → "macro_f1" → …."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where evaluations are kept, and how that place may be called in print."""

    engine: sql.Engine
    where: str


@contextlib.contextmanager
def opened(track: Track, runs_dir: Path) -> Iterator[Database]:
    """The database that the settings name, made if it is not there.

    Raises:
        ConfigError: the variable of track.url_env holds no address of a PostgreSQL.
        MissingArtifact: psycopg is not installed.
        ResourceError: the database cannot be reached, read or written.
    """
    if track.url_env is None:
        path = Path(track.path) if track.path else runs_dir / FILE
        where = str(path)
        with _refused(where):
            path.parent.mkdir(parents=True, exist_ok=True)
        url = sql.URL.create("sqlite", database=where)
        engine = sql.create_engine(url, connect_args={"timeout": BUSY_S})
    else:
        engine, where = _postgresql(track.url_env)
    try:
        with _refused(where):
            _prepare(engine)
        yield Database(engine, where)
    finally:
        engine.dispose()


def _postgresql(url_env: str) -> tuple[sql.Engine, str]:
    address = os.environ.get(url_env, "")
    if not address:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address of a database",
            f"export {url_env}=postgresql://user:password@host:port/database, or "
            "evaluate.track.url_env=null for a file",
        )
    where = shown(address)
    try:
        url = sql.make_url(address).set(drivername="postgresql+psycopg")
    except (SQLAlchemyError, ValueError) as error:
        raise ConfigError(
            f"the environment variable {url_env!r} holds no address that can be read",
            "write postgresql://user:password@host:port/database",
        ) from error
    try:
        return sql.create_engine(url, connect_args={"connect_timeout": CONNECT_S}), where
    except ImportError as error:
        raise MissingArtifact(
            "evaluate.track.url_env needs the package 'psycopg'", "pip install 'srlr[track]'"
        ) from error


def _prepare(engine: sql.Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two processes that make a table at once meet an error, IF NOT EXISTS or no.
            connection.execute(sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        for table in _TABLES.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))


@contextlib.contextmanager
def _refused(where: str) -> Iterator[None]:
    """Turns what a database says into an error that names the place and the fix."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise ResourceError(
            f"evaluations cannot be kept in {where}: {said[0] if said else type(error).__name__}",
            "repair it or name another place, evaluate.track.path=FILE; `srlr track --rebuild` "
            "reads all runs again",
        ) from error


def entry_of(report: Mapping[str, Any], tasks: Sequence[str], facts: Mapping[str, Any]) -> Entry:
    """The row of a report.json; undefined figures are left out.

    Args:
        tasks: ids of the tasks that were asked.
        facts: `at`, `path`, `code`, and `answers`, a hash of what was answered.
    """
    figures: dict[str, dict[str, Figure]] = {}
    for row in report["table"]:
        found = {
            word: Figure(one["value"], one["low"], one["high"])
            for word, one in row["metrics"].items()
            if one is not None
        }
        for name, seconds in row["latency_s"].items():
            if seconds is not None and row["kind"] == "stage":
                found[f"latency_{name}_s"] = Figure(seconds)
        figures[row["model"]] = found
    names = ("run", "role", "tier", "model", "final", "split", "main_metric", "verdict", "seed")
    return Entry(
        id=hash_of([report["run"], facts["answers"]]),
        at=str(facts["at"]),
        path=str(facts["path"]),
        code=str(facts["code"] or ""),
        tasks_hash=hash_of([report["split"], *sorted(set(tasks))]),
        tasks=len(set(tasks)),
        figures=figures,
        **{name: report[name] for name in names},
    )


def record(database: Database, entry: Entry) -> None:
    """Keeps the evaluation, in the place of one of the same id; all of it or nothing.

    Raises:
        ResourceError: the database cannot be written.
    """
    row = {c.name: getattr(entry, c.name) for c in _EVALUATIONS.columns}
    figures = [
        {"evaluation": entry.id, "model": model, "metric": word, **asdict(one)}
        for model, by_word in entry.figures.items()
        for word, one in by_word.items()
    ]
    with _refused(database.where), database.engine.begin() as connection:
        connection.execute(sql.delete(_FIGURES).where(_FIGURES.c.evaluation == entry.id))
        connection.execute(sql.delete(_EVALUATIONS).where(_EVALUATIONS.c.id == entry.id))
        connection.execute(sql.insert(_EVALUATIONS), row)
        if figures:
            connection.execute(sql.insert(_FIGURES), figures)


def history(
    database: Database, *, role: str | None = None, model: str | None = None
) -> list[Entry]:
    """Evaluations with their figures, the oldest first; of one role or base model if asked.

    Raises:
        ResourceError: the database cannot be read.
    """
    asked = sql.select(_EVALUATIONS).order_by(_EVALUATIONS.c.at, _EVALUATIONS.c.id)
    if role is not None:
        asked = asked.where(_EVALUATIONS.c.role == role)
    if model is not None:
        asked = asked.where(_EVALUATIONS.c.model == model)
    wanted = sql.select(_FIGURES).where(
        _FIGURES.c.evaluation.in_(sql.select(asked.subquery().c.id))
    )
    with _refused(database.where), database.engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(asked).mappings()]
        found: dict[str, dict[str, dict[str, Figure]]] = {row["id"]: {} for row in rows}
        for one in connection.execute(wanted).mappings():
            of_model = found[one["evaluation"]].setdefault(one["model"], {})
            of_model[one["metric"]] = Figure(one["value"], one["low"], one["high"])
    return [Entry(**row, figures=found[row["id"]]) for row in rows]
