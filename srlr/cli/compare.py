"""srlr compare: several runs' final models side by side, with tests and a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli import render
from srlr.core.errors import ConfigError
from srlr.core.rundir import write_atomic, writing

if TYPE_CHECKING:
    from srlr.evaluation.side_by_side import Side


def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Names or paths.")],
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also as one page with plots.")
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="On the tasks that all runs were asked.")
    ] = False,
    runs_dir: Annotated[str | None, typer.Option("--runs-dir", metavar="DIR")] = None,
    config_dir: Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")] = False,
) -> None:
    """Compare evaluated runs on the same tasks: figures, every two against each other, a page."""
    from srlr.cli import runs as shown
    from srlr.core import runs
    from srlr.core.rundir import RunDir
    from srlr.evaluation import side_by_side
    from srlr.evaluation.compare import Resampling

    if len(run) < 2:
        raise ConfigError("one run cannot be compared", "name two or more, see `srlr runs list`")
    folder = shown.place(runs_dir, config_dir)
    chosen = [RunDir(runs.existing(folder, name)) for name in run]
    if len({rundir.path.resolve() for rundir in chosen}) < len(chosen):
        raise ConfigError("a run cannot be compared with itself", "name each run once")
    sides = [_side(rundir) for rundir in chosen]
    how = Resampling(0, sides[0].report["samples"], sides[0].report["level"])
    data = side_by_side.compared(sides, _schema(chosen), how, common=common)
    settings = shown.differences(chosen)
    if page is not None:
        with writing(page):
            page.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(page, side_by_side.html(data, sides, settings))
    whole = {**data, "settings": settings, "page": page and str(page)}
    render.emit("compare", whole, as_json=as_json, human=lambda: _show(data, settings, page))


def _side(rundir: Any) -> "Side":
    """A run's report and answers.

    Raises:
        MissingArtifact: it is not evaluated.
    """
    from srlr.cli import closing
    from srlr.evaluation.side_by_side import Side

    report = rundir.read_json(closing.REPORT)
    return Side(rundir.path.name, report, rundir.read_jsonl("evaluate/attempts.jsonl"))


def _schema(chosen: Sequence[Any]) -> Any:
    """What the answers of all runs look like.

    Raises:
        ConfigError: they do not look alike.
    """
    import yaml

    from srlr.core.profile import RoleProfile
    from srlr.evaluation.outcomes import Schema

    roles = [
        RoleProfile.model_validate(yaml.safe_load(one.read_text("config.yaml"))["role"])
        for one in chosen
    ]
    schemas = {Schema.of(role): role.name for role in roles}
    if len(schemas) > 1:
        raise ConfigError(
            f"the runs are of roles with other answers: {', '.join(schemas.values())}",
            "compare runs of one role",
        )
    return next(iter(schemas))


def _show(data: Mapping[str, Any], settings: Mapping[str, Any], page: Path | None) -> None:
    from srlr.cli.closing import SHORT_TITLES, figure, interval
    from srlr.evaluation.compare import Difference
    from srlr.evaluation.sentences import p_value, signed

    main = data["metric"]
    others = [word for word in data["words"] if word != main]
    titles = [SHORT_TITLES.get(word, word) for word in (main, *others)]
    rows = [
        [
            run["name"],
            run["title"],
            interval(run["figures"].get(main)),
            *(figure(run["figures"].get(word)) for word in others),
        ]
        for run in data["runs"]
    ]
    render.table(("run", "model", *titles), rows, right=titles, whole=("run",))
    lines = []
    for one in data["pairs"]:
        known = [signed(None), "", ""]
        if one["gap"] is not None:
            gap = Difference(**one["gap"])
            known = [signed(gap), p_value(gap.p), p_value(one["p_holm"])]
        h = f"{one['effect']['cohen_h']:+.2f}"
        lines.append([f"{one['run']} − {one['against']}", *known, h])
    columns = (f"{titles[0]}, {data['tasks']} tasks", "p", "Holm’s p", "Cohen’s h")
    render.table(("difference", *columns), lines, right=columns)
    if settings:
        cells = [[key, *map(str, values)] for key, values in settings.items()]
        render.table(("setting", *(run["name"] for run in data["runs"])), cells)
    if page is not None:
        render.text(f"page: {page}")
