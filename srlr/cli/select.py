"""srlr select --review and --explain: questions about decisions; nothing is run to answer them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srlr.cli import render
from srlr.core.errors import ConfigError

if TYPE_CHECKING:
    from srlr.core.rundir import RunDir
    from srlr.core.settings import Settings
    from srlr.stages.select_explain import Explanation
    from srlr.stages.select_review import Review, Reviews


def alone(flags: Mapping[str, bool], explain: str | None) -> None:
    """Raises ConfigError where a question comes with what is none, or with another one."""
    said = [flag for flag, is_set in flags.items() if is_set]
    said += [] if explain is None else ["--explain"]
    if len(said) > 1:
        raise ConfigError(f"{' and '.join(said)} do not go together", "ask one at a time")


def answer(
    words: Sequence[str],
    config_dir: Path | None,
    run: str | None,
    *,
    explain: str | None,
    as_json: bool,
) -> None:
    """Why not `explain`, or where that is None: which decisions are due.

    Raises:
        ConfigError: no such model, or the words do not compose.
    """
    if explain is not None:
        _explain(words, config_dir, run, explain, as_json=as_json)
    else:
        _review(words, config_dir, run, as_json=as_json)


def _explain(
    words: Sequence[str], config_dir: Path | None, run: str | None, name: str, *, as_json: bool
) -> None:
    """Of a run's own config, or of the words: as asked for, before a model was selected."""
    from srlr.models import precision
    from srlr.stages import select_again, select_explain

    settings, rundir = _asked(words, config_dir, run)
    machine = precision.foreseen(settings.hardware)
    measured = {} if rundir is None else select_again.decided_on(rundir, machine)
    found = select_explain.explain(settings, machine, name, measured)
    render.emit(
        "select.explain", found.as_dict(), as_json=as_json, human=lambda: _show_explained(found)
    )


def _asked(
    words: Sequence[str], config_dir: Path | None, run: str | None
) -> "tuple[Settings, RunDir | None]":
    from srlr.core.compose import compose
    from srlr.core.errors import MissingArtifact
    from srlr.core.target import Ask, find

    if run is None:
        return compose(words, config_dir=config_dir).settings, None
    aim = find(Ask(tuple(words), config_dir, run), ())
    if aim.rundir is None:
        raise MissingArtifact(f"there is no run {run!r}", "see `srlr runs list`")
    return aim.first.settings, aim.rundir


def _show_explained(found: "Explanation") -> None:
    instead = f"; {found.selected} is" if found.selected not in (None, found.model) else ""
    render.text(f"{found.model}: {found.verdict}{instead}")
    for line in found.why:
        render.text(f"  {line}")
    rows = [[name, f"{-gap:+.3f}"] for name, gap in found.gaps if abs(gap) >= 0.0005]
    if rows:
        render.table(("criterion", "weighted difference"), rows, right=("weighted difference",))


def _review(
    words: Sequence[str], config_dir: Path | None, run: str | None, *, as_json: bool
) -> None:
    from datetime import UTC, datetime

    from srlr.core import runs
    from srlr.core.compose import compose
    from srlr.core.rundir import RunDir
    from srlr.stages import select_review

    settings = compose(words, config_dir=config_dir).settings
    folder, days = Path(settings.runs_dir), settings.select.update_frequency_days
    chosen = runs.all_runs(folder) if run is None else [RunDir(runs.existing(folder, run))]
    found = select_review.review(chosen, datetime.now(UTC), days)
    data = {
        "runs_dir": str(folder),
        "older_than_days": days,
        "due": [one.as_dict() for one in found.due],
        "fresh": found.fresh,
        "unreadable": [{"run": place, "why": why} for place, why in found.unreadable],
    }
    render.emit(
        "select.review", data, as_json=as_json, human=lambda: _show_reviews(found, folder, days)
    )


def _show_reviews(found: "Reviews", folder: Path, days: int) -> None:
    for place, why in found.unreadable:
        render.note(f"{place}: {why}")
    if not found.due:
        render.text(
            f"no decision under {str(folder)!r} is older than {days} days; younger: {found.fresh}"
        )
        return
    columns = ("run", "for", "days", "then", "score", "today", "score today")
    rows = [_row(one) for one in found.due]
    render.table(columns, rows, right=("days", "score", "score today"), whole=("run",))
    for one in found.due:
        render.text(f"{Path(one.run).name}: {one.verdict}")
        for line in one.why:
            render.text(f"  {line}")


def _row(one: "Review") -> list[object]:
    today = "" if one.score_today is None else f"{one.score_today:.3f}"
    name = "–" if one.model_today is None else one.model_today
    return [
        Path(one.run).name,
        f"{one.role}-{one.tier}",
        f"{one.age_days:.0f}",
        one.model,
        f"{one.score:.3f}",
        "the same" if one.verdict == "same" else name,
        today,
    ]
