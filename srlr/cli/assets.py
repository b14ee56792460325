"""srlr assets: list, fetch, verify and remove the models and data sets srlr comes with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from srlr.assets import Asset, Progress, State

app = typer.Typer(
    help="Locked, checksummed models and data sets: list, fetch, verify, remove.",
    no_args_is_help=True,
)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="See srlr assets list.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only errors on stderr.")]
All = Annotated[bool, typer.Option("--all", help="Every asset of the catalog.")]
ConfigDir = Annotated[
    Path | None,
    typer.Option("--config-dir", metavar="DIR", help="Your own config, whose assets/ come first."),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="PATH", help="Take it from this file or folder, not from a network."
    ),
]


@app.command("list")
def list_(as_json: Json = False, config_dir: ConfigDir = None) -> None:
    """Show every asset, whether the cache has it, and where."""
    from srlr import assets
    from srlr.assets import content
    from srlr.assets.store import strays
    from srlr.cli import render

    known = assets.catalog(config_dir)
    rows = [
        {**_facts(known[state.name], state), "path": str(state.path)}
        for state in assets.glance(list(known.values()))
    ]
    cache, others = str(assets.cache_dir()), strays(set(known))

    def size(row: dict[str, Any]) -> str:
        return content.human(row["size"]) if row["size"] else ""

    def human() -> None:
        columns = ("name", "state", "size", "licence", "what")
        cells = [
            (row["name"], row["status"], size(row), row["licence"], row["description"])
            for row in rows
        ]
        render.table(columns, cells, right=("size",))
        render.note(f"cache: {cache}")
        if others:
            render.note(f"also in the cache: {', '.join(others)}")

    data = {"cache": cache, "assets": rows, "others": others}
    render.emit("assets.list", data, as_json=as_json, human=human)


@app.command()
def fetch(
    names: Names = None,
    every: All = False,
    source: From = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring assets into the cache, verified; what is there already is only checked."""
    from srlr.assets.store import obtain
    from srlr.cli import render

    rows = []
    with _progress(quiet) as progress:
        for asset in _chosen(names, every, config_dir):
            rows.append({"name": asset.name, "path": str(obtain(asset, progress, source))})
    _emit_rows("assets.fetch", rows, as_json, lambda row: render.text(row["path"]))


@app.command()
def verify(names: Names = None, as_json: Json = False, config_dir: ConfigDir = None) -> None:
    """Read every byte of cached assets and compare; without names, of all that are cached."""
    from srlr import assets
    from srlr.cli import render
    from srlr.core.errors import MissingArtifact

    states = [assets.verify(asset) for asset in _chosen(names, not names, config_dir)]
    rows = [_facts(None, state) for state in states]
    _emit_rows(
        "assets.verify",
        rows,
        as_json,
        lambda row: render.text(" ".join(filter(None, (row["name"], row["status"], row["why"])))),
    )
    # What nobody asked for by name may be missing; what is there may not be wrong.
    bad = [s.name for s in states if s.status == "corrupt" or (names and s.status == "missing")]
    if bad:
        render.note(f"  fix: srlr assets fetch {' '.join(bad)}")
        raise typer.Exit(MissingArtifact.exit_code)


@app.command()
def remove(
    names: Names = None, every: All = False, as_json: Json = False, config_dir: ConfigDir = None
) -> None:
    """Delete assets from the cache; they are fetched again when something needs them."""
    from srlr import assets
    from srlr.assets.content import human
    from srlr.assets.locked import find
    from srlr.assets.store import strays
    from srlr.cli import render

    _named_or_all(names, every)
    known = assets.catalog(config_dir)
    others = strays(set(known))
    chosen = [*known, *others] if every else names or []
    for name in chosen:
        if name not in others:
            find(name, config_dir)
    rows = [{"name": name, "freed_bytes": assets.remove(name)} for name in chosen]
    _emit_rows(
        "assets.remove",
        rows,
        as_json,
        lambda row: render.text(f"{row['name']}: {human(row['freed_bytes'])} freed"),
    )


def _chosen(names: list[str] | None, every: bool, config_dir: Path | None) -> "list[Asset]":
    from srlr import assets
    from srlr.assets.locked import find

    _named_or_all(names, every)
    if every:
        return list(assets.catalog(config_dir).values())
    return [find(name, config_dir) for name in names or []]


def _named_or_all(names: list[str] | None, every: bool) -> None:
    from srlr.core.errors import ConfigError

    if names and every:
        raise ConfigError("both names and --all were given", "choose one")
    if not names and not every:
        raise ConfigError("no asset was named", "name one of `srlr assets list`, or say --all")


def _facts(asset: "Asset | None", state: "State") -> dict[str, Any]:
    facts = {"name": state.name, "status": state.status, "why": state.why}
    if asset is None:
        return facts
    return facts | {
        "kind": asset.kind,
        "size": asset.size,
        "licence": asset.licence,
        "description": asset.description,
    }


def _emit_rows(kind: str, rows: list[dict[str, Any]], as_json: bool, say: Any) -> None:
    from srlr.cli import render

    render.emit(kind, {"assets": rows}, as_json=as_json, human=lambda: [say(row) for row in rows])


@contextmanager
def _progress(quiet: bool) -> "Iterator[Progress]":
    """The terminal's progress; a step without a known end is said once."""
    from srlr.cli import render

    said: set[str] = set()
    with render.progress_sink(quiet=quiet) as sink:

        def report(what: str, done: int, total: int | None) -> None:
            if total:
                sink(what, done, total, {})
            elif not quiet and what not in said:
                said.add(what)
                render.note(f"{what} ...")

        yield report
