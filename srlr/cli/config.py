"""srlr config: what is composed, what can be chosen, what a key means."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from srlr.core.compose import Composition

app = typer.Typer(
    help="Show the composed configuration, the groups and their options, and what a key means.",
    no_args_is_help=True,
)


def _complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[Any]:
    from srlr.cli import completion

    return list(completion.complete(ctx, args, incomplete))


def _complete_key(incomplete: str) -> list[Any]:
    from srlr.core import schema
    from srlr.core.layers import GROUPS

    keys = dict.fromkeys([*GROUPS, *(leaf.path for leaf in schema.leaves())])
    return [key for key in keys if key.startswith(incomplete)]


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Overrides, as after any command.",
        autocompletion=_complete,
        show_default=False,
    ),
]
Key = Annotated[str, typer.Argument(metavar="KEY", autocompletion=_complete_key)]
ConfigDir = Annotated[
    Path | None, typer.Option("--config-dir", metavar="DIR", help="Your own config, read first.")
]
Run = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="Start from this run's own config.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Resolved = Annotated[
    bool, typer.Option("--resolved", help="Every value in full, also what the card may tune.")
]


@app.command()
def show(
    words: Words = None,
    config_dir: ConfigDir = None,
    run: Run = None,
    resolved: Resolved = False,
    as_json: AsJson = False,
) -> None:
    """Print the composed configuration as YAML that can be pasted."""
    import yaml

    from srlr.cli import render

    made = _composed(words or (), config_dir, run)
    content = made.settings.model_dump(mode="json")
    text = made.yaml
    if resolved:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    else:
        content = yaml.safe_load(text)
    data = {
        "config": content,
        "sources": {key: str(by) for key, by in sorted(made.sources.items())},
    }
    render.emit("config", data, as_json=as_json, human=text.rstrip("\n"))


@app.command()
def groups(
    words: Words = None,
    config_dir: ConfigDir = None,
    run: Run = None,
    as_json: AsJson = False,
) -> None:
    """List the groups, their options, and which one is chosen."""
    from srlr.cli import render
    from srlr.core.compose import available
    from srlr.roles import profiles

    made = _composed(words or (), config_dir, run)
    folder = made.settings.config_dir
    roles = made.settings.role_path
    options = available(Path(folder) if folder else None, Path(roles) if roles else None)
    bare = profiles(options["role"], roles)
    rows: list[dict[str, Any]] = [
        {"group": group, "options": names, "chosen": _chosen(made, group)}
        | ({"profiles_only": bare} if group == "role" else {})
        for group, names in options.items()
    ]

    def human() -> None:
        cells = [[row["group"], row["chosen"] or "", ", ".join(row["options"])] for row in rows]
        render.table(("group", "chosen", "options"), cells)
        if bare:
            render.text(f"profiles only, for `srlr select`: role={', '.join(bare)}")

    render.emit("config.groups", rows, as_json=as_json, human=human)


@app.command()
def explain(
    key: Key,
    words: Words = None,
    config_dir: ConfigDir = None,
    run: Run = None,
    as_json: AsJson = False,
) -> None:
    """Say what a key means and takes, what it is set to, and who set it."""
    from srlr.cli import render
    from srlr.core.explain import explain as explained

    facts = explained(key, _composed(words or (), config_dir, run))

    def human() -> None:
        for name, value in facts.items():
            render.text(f"{name.replace('_', ' ')}: {_plain(value)}")

    render.emit("config.explain", facts, as_json=as_json, human=human)


def _composed(words: Sequence[str], config_dir: Path | None, run: str | None) -> "Composition":
    from srlr.core.compose import compose
    from srlr.core.errors import MissingArtifact

    if run is None:
        return compose(words, config_dir=config_dir)
    from srlr.core.target import Ask, find

    target = find(Ask(tuple(words), config_dir, run), ())
    if target.rundir is None:
        raise MissingArtifact(f"there is no run {run!r}", "see `srlr runs list`")
    return target.final


def _chosen(made: "Composition", group: str) -> str | None:
    """The option in force; of groups whose nodes carry no name, the one its words say, else the
    default."""
    said = made.sources[group]
    if said.kind in ("command line", "environment", "select"):
        return said.where.partition("=")[2]
    node = getattr(made.settings, group, None)
    return (
        getattr(node, "name", None)
        or getattr(node, "algorithm", None)
        or getattr(node, "objective", None)
        or (None if node is None else "default")
    )


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "null" if value is None else str(value)
