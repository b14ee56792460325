"""srlr roles: what models can be trained for, and a role of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli.config import AsJson, ConfigDir, Words

if TYPE_CHECKING:
    from srlr.roles.making.writing import Made

app = typer.Typer(help="List the roles, show one, or make your own.", no_args_is_help=True)


@app.command("list")
def list_(words: Words = None, config_dir: ConfigDir = None, as_json: AsJson = False) -> None:
    """Show every role: what it is for, and whether a model can be trained for it."""
    from srlr.cli import render
    from srlr.roles.making import telling

    rows = telling.listed(_settings(words or (), config_dir))

    def human() -> None:
        cells = [
            (row["name"], row["family"], "yes" if row["trainable"] else "", row["about"])
            for row in rows
        ]
        render.table(("role", "family", "trainable", "what for"), cells, whole=("role", "family"))
        render.note("not trainable: a profile, with which `srlr select` finds a model")

    render.emit("roles.list", rows, as_json=as_json, human=human)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See srlr roles list.")],
    words: Words = None,
    config_dir: ConfigDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a role: its schema, metrics, rewards, data and documentation."""
    from srlr.cli import render
    from srlr.roles.making import telling

    facts = telling.told(_settings((f"role={name}", *(words or ())), config_dir))
    render.emit("roles.show", facts, as_json=as_json, human=lambda: _show(facts))


def _show(facts: dict[str, Any]) -> None:
    from srlr.cli import render

    for key in ("name", "family", "description", "module", "docs", "data", "label", "labels"):
        if value := facts[key]:
            render.text(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    render.text(f"metrics: {', '.join(facts['metrics'])}; the main one is {facts['main_metric']}")
    if not facts["trainable"]:
        render.text("a profile only: `srlr select` finds a model for it, nothing else")
    if facts["schema"]:
        render.text("")
        render.table(
            ("field of a row", "type", "needed"),
            [
                (one["field"], one["type"], "yes" if one["needed"] else "")
                for one in facts["schema"]
            ],
        )
    if facts["rewards"]:
        render.text("")
        render.table(
            ("reward", "weight", "worth"),
            [(one["reward"], f"{one['weight']:g}", one["about"]) for one in facts["rewards"]],
            right=("weight",),
        )


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _.")],
    table: Annotated[
        Path | None,
        typer.Option("--from-csv", metavar="FILE", help="Labelled texts; also .jsonl, .parquet."),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="The folder of your roles.")
    ] = Path("my_roles"),
    text: Annotated[
        str | None, typer.Option("--text", metavar="COLUMN", help="Of the texts; else inferred.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="Of the labels; else inferred.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over the role there is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a role of your own: module, YAML and test, ready to run with role_path=DIR."""
    from srlr.cli import render
    from srlr.core.layers import available
    from srlr.roles.making import naming, writing

    naming.check(name, available()["role"], folder)
    made = writing.make(name, folder, table, named=(text, label), force=force)
    data = {
        "name": name,
        "files": [str(path) for path in made.files],
        "table": str(made.table.path),
        "text": made.table.text,
        "label": made.table.label,
        "labels": list(made.table.labels),
        "rows": made.splits,
        "explained": round(made.explained, 4),
        "next": _next(name, folder),
    }
    render.emit("roles.new", data, as_json=as_json, human=lambda: _made(data, made))


def _made(data: dict[str, Any], made: "Made") -> None:
    from srlr.cli import render

    labels = ", ".join(made.table.labels)
    rows = ", ".join(f"{made.splits[split]} {split}" for split in ("train", "dev", "test"))
    render.text(
        f"texts from column {made.table.text!r}, labels from {made.table.label!r}: {labels}"
    )
    render.text(
        f"rows: {rows}; {made.explained:.0%} of train have a word that speaks for its label"
    )
    for path in data["files"]:
        render.text(f"wrote {path}")
    render.text("next:")
    for command in data["next"]:
        render.text(f"  {command}")


def _next(name: str, folder: Path) -> list[str]:
    import shlex

    place = shlex.quote(str(folder))
    where = f"role={name} {shlex.quote(f'role_path={folder}')}"
    return [
        f"python -m pytest {place}",
        f"srlr generate {where}",
        f"srlr train {where} tier=gold",
    ]


def _settings(words: Sequence[str], config_dir: Path | None) -> Any:
    from srlr.core.compose import compose

    return compose(words, config_dir=config_dir).settings
