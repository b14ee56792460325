"""srlr track: how a role's figures have gone over all evaluations, and whether one has fallen."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli import render
from srlr.core.errors import ConfigError, GateFailed
from srlr.core.rundir import write_atomic, writing

if TYPE_CHECKING:
    from srlr.core.settings import Settings
    from srlr.core.types import Decision
    from srlr.evaluation.degradation import Series

    Found = list[tuple[Series, Decision]]

LINES = 12
"""Evaluations of a series that a terminal shows."""


def _complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[Any]:
    from srlr.cli import completion

    return list(completion.complete(ctx, args, incomplete))


def track(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Settings: runs_dir=DIR evaluate.track.window=5.",
            autocompletion=_complete,
            show_default=False,
        ),
    ] = None,
    config_dir: Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")] = None,
    role: Annotated[str | None, typer.Option("--role", help="Only this role.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this base model.")] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="Not each role's main figure, but this.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Whose: baseline, srl, …; default: the final one.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also as .html or .svg.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read the reports of all runs again first.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 5 if a figure has fallen.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")] = False,
) -> None:
    """Show how figures have gone over all evaluations, and which have fallen."""
    from srlr.core import compose

    settings = compose.compose(words or (), config_dir=config_dir).settings
    _known(metric, stage, plot)
    where, found = _found(settings, (role, model), (metric, stage), rebuild=rebuild)
    if plot is not None:
        _drawn(found, plot)
    data = {"database": where, "series": [_told(one, said) for one, said in found]}
    render.emit("track", data, as_json=as_json, human=lambda: _show(found, settings, where, plot))
    fallen = any(said.do == "alert" for _, said in found)
    raise typer.Exit(GateFailed.exit_code if check and fallen else 0)


def _found(
    settings: "Settings",
    whose: tuple[str | None, str | None],
    what: tuple[str | None, str | None],
    *,
    rebuild: bool,
) -> tuple[str, "Found"]:
    """The database's name, and every series of a role and a model with what is to be said of it."""
    from srlr.evaluation import degradation, tracker
    from srlr.stages import tracking

    node, runs_dir, now = settings.evaluate.track, Path(settings.runs_dir), datetime.now(UTC)
    with tracker.opened(node, runs_dir) as database:
        if rebuild:
            _rebuilt(list(tracking.rebuild(database, runs_dir)))
        entries = tracker.history(database, role=whose[0], model=whose[1])
        series = degradation.series_of(entries, *what)
        return database.where, [(one, degradation.decide(one, now, node)) for one in series]


def _known(metric: str | None, stage: str | None, plot: Path | None) -> None:
    """Refuses a misspelt metric or stage, which would only find nothing."""
    from srlr.core.layers import nearest
    from srlr.evaluation.metrics import DETECTED, FALSE_POSITIVE, METRICS
    from srlr.evaluation.value import TITLES

    for what, said, names in (
        ("metric", metric, list(METRICS)),
        ("stage", stage, list(TITLES)),
    ):
        of_category = what == "metric" and (said or "").startswith((DETECTED, FALSE_POSITIVE))
        if said is not None and said not in names and not of_category:
            near = nearest(said, names)
            raise ConfigError(
                f"--{what}: there is no {what} {said!r}",
                f"--{what} {near}" if near else f"one of {', '.join(names)}",
            )
    if plot is not None and plot.suffix not in (".html", ".svg"):
        raise ConfigError(f"--plot {str(plot)!r} is no .html or .svg", "--plot history.html")


def _rebuilt(told: Sequence[tuple[str, str | None]]) -> None:
    left_out = [(path, why) for path, why in told if why is not None]
    for path, why in left_out:
        render.note(f"left out: {path}: {why}")
    render.note(f"{len(told) - len(left_out)} evaluated runs read again")


def _drawn(found: "Found", plot: Path) -> None:
    from srlr.evaluation import history_page

    if plot.suffix == ".html":
        text = history_page.html(found, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    elif len(found) == 1:
        text = history_page.svg(found[0][0])
    else:
        raise ConfigError(
            f"--plot {str(plot)!r}: an .svg holds one series and there are {len(found)}",
            "narrow it with --role and --model, or write an .html",
        )
    with writing(plot):
        plot.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(plot, text)


def _told(series: "Series", decision: "Decision") -> dict[str, Any]:
    """A series for machines."""
    return {
        "role": series.role,
        "model": series.model,
        "metric": series.metric,
        "tasks": series.points[-1][0].tasks,
        "decision": decision.do,
        "why": decision.why,
        "evaluations": [
            {
                **{key: getattr(entry, key) for key in ("id", "at", "run", "path", "tier", "seed")},
                **{key: getattr(entry, key) for key in ("final", "split", "verdict", "code")},
                "value": figure.value,
                "low": figure.low,
                "high": figure.high,
            }
            for entry, figure in series.points
        ],
    }


def _show(found: "Found", settings: "Settings", where: str, plot: Path | None) -> None:
    if not found:
        render.note(f"{where} holds no such evaluation")
        render.note(
            f"  fix: `srlr evaluate` adds one; `srlr track --rebuild` reads {settings.runs_dir!r}"
        )
    for series, decision in found:
        shown = series.points[-LINES:]
        title = f"{series.role} · {series.model} · {shown[-1][0].tasks} tasks"
        rows = [
            [entry.at[:16].replace("T", " "), entry.run, entry.final, _figure(figure)]
            for entry, figure in shown
        ]
        columns = ("at", "run", "stage", series.metric)
        render.table(columns, rows, title=title, right=(series.metric,), whole=("at", "run"))
        render.text(f"{decision.do}: {decision.why}\n")
    if plot is not None:
        render.text(f"plot: {plot}")


def _figure(figure: Any) -> str:
    if figure.low is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f} {figure.high:.3f}]"
