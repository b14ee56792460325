"""A run's evaluation as a row of the database, and all runs' rows anew.

reads   evaluate/report.json, evaluate/attempts.jsonl, manifest.json
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from srlr.core import runs
from srlr.core.errors import ConfigError, MissingArtifact, SrlrError
from srlr.core.rundir import RunDir, hash_file, now
from srlr.core.settings import Settings

if TYPE_CHECKING:
    from srlr.evaluation.tracker import Database, Entry

log = logging.getLogger(__name__)


def track(settings: Settings, rundir: RunDir) -> tuple[str, ...]:
    """Keeps the run's evaluation; returns what is to be said where that cannot be done.

    The report is written by then: a database that is away costs a row, never an evaluation.
    """
    if not settings.evaluate.track.enabled:
        return ()
    try:
        from srlr.evaluation import tracker

        with tracker.opened(settings.evaluate.track, Path(settings.runs_dir)) as database:
            tracker.record(database, entry_of(rundir, now()))
    except ImportError as error:
        why = f"{error.name} is not installed: pip install 'srlr[track]'"
    except SrlrError as error:
        why = f"{error.what}; {error.hint}"
    else:
        return ()
    log.warning("not tracked: %s", why)
    return (f"Not tracked: {why}",)


def entry_of(rundir: RunDir, at: str) -> "Entry":
    """The row of a run that is evaluated, as of then.

    Raises:
        MissingArtifact: it is not evaluated.
        ConfigError: its report is damaged, or of another version.
    """
    from srlr.evaluation import tracker

    report = rundir.read_json("evaluate/report.json")
    answered = rundir.read_jsonl("evaluate/attempts.jsonl")
    facts = {
        "at": at,
        "path": rundir.path.resolve(),
        "code": rundir.manifest.get("code"),
        "answers": hash_file(rundir.path / "evaluate" / "attempts.jsonl"),
    }
    try:
        return tracker.entry_of(report, [row["task"] for row in answered], facts)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"the report of {str(rundir.path)!r} cannot be read: {error!r}",
            f"evaluate again: `srlr evaluate --run {rundir.path} --force`",
        ) from error


def rebuild(database: "Database", runs_dir: Path) -> Iterator[tuple[str, str | None]]:
    """Keeps the evaluation of every run below the folder, the oldest first: its path, and why it
    was left out, if it was.

    Raises:
        ResourceError: the database cannot be written.
    """
    from srlr.evaluation import tracker

    for rundir in reversed(runs.all_runs(runs_dir)):
        if not (rundir.path / "evaluate" / "report.json").is_file():
            continue
        status = rundir.status("evaluate")
        at = status.get("finished") or status.get("started") or rundir.manifest["created"]
        try:
            entry = entry_of(rundir, at)
        except (ConfigError, MissingArtifact) as error:
            yield str(rundir.path), error.what
            continue
        tracker.record(database, entry)
        yield str(rundir.path), None
