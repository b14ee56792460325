"""srlr backup: whole copies of releases, and what to bring back from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srlr.cli import render
from srlr.core.errors import ConfigError, GateFailed

if TYPE_CHECKING:
    from srlr.core.releases import Registry
    from srlr.core.settings import Settings

app = typer.Typer(help="Backups of releases: create, list, verify, restore.", no_args_is_help=True)

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="role=NAME store_dir=DIR", show_default=False),
]
Version = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="v3, or an alias such as current.")
]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]


@app.command()
def create(
    words: Words = None,
    version: Version = "current",
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Copy a release into the pool, verified; it becomes the role's backup."""
    from srlr.core import backups
    from srlr.serving.permits import permit

    with _opened(words, config_dir, needs_role=True) as (settings, registry, role):
        by = permit(settings, "deploy", role)
        release = registry.get(role or "", version)
        found = backups.create(registry, release, by, "srlr backup create")
        data = {"release": release.name, "folder": str(found.folder), "bytes": release.bytes}
    render.emit("backup", data, as_json=as_json, human=f"{release.name} is in {found.folder}")


@app.command("list")
def list_(words: Words = None, config_dir: ConfigDir = None, as_json: Json = False) -> None:
    """Show every copy."""
    from srlr.core import backups

    with _opened(words, config_dir) as (_, registry, role):
        found = backups.listed(registry, role)
    rows = [
        {"release": one.release.name, "folder": str(one.folder), "bytes": one.release.bytes}
        for one in found
    ]

    def show() -> None:
        if not rows:
            render.note("there is no backup\n  fix: `srlr backup create role=ROLE`")
            return
        table = [
            [one.release.name, render.gigabytes(one.release.bytes), str(one.folder)]
            for one in found
        ]
        render.table(("release", "size", "folder"), table, right=("size",))

    render.emit("backups", rows, as_json=as_json, human=show)


@app.command()
def verify(words: Words = None, config_dir: ConfigDir = None, as_json: Json = False) -> None:
    """Read every byte of every copy; exit 5 if one is not what was signed."""
    from srlr.core import backups

    with _opened(words, config_dir) as (_, registry, role):
        rows = [
            {
                "release": one.release.name,
                "faults": [f"{fault.path} {fault.why}" for fault in backups.faults(one)],
            }
            for one in backups.listed(registry, role)
        ]

    def show() -> None:
        for row in rows:
            render.text(f"{row['release']}: {'; '.join(row['faults']) or 'whole'}")

    render.emit("backups", rows, as_json=as_json, human=show)
    raise typer.Exit(GateFailed.exit_code if any(row["faults"] for row in rows) else 0)


@app.command()
def restore(
    words: Words = None,
    version: Version = "backup",
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Mend a release in the store from its copy, which is verified first."""
    from srlr.core import backups
    from srlr.serving.permits import permit

    with _opened(words, config_dir, needs_role=True) as (settings, registry, role):
        by = permit(settings, "deploy", role)
        release = registry.get(role or "", version)
        folder = backups.restore(registry, release, by, "srlr backup restore")
    data = {"release": release.name, "folder": str(folder)}
    render.emit("backup", data, as_json=as_json, human=f"{release.name} is whole in {folder}")


@contextmanager
def _opened(
    words: Sequence[str] | None, config_dir: Path | None, *, needs_role: bool = False
) -> Iterator[tuple["Settings", "Registry", str | None]]:
    """The settings, the registry, and the role if the words name one."""
    from srlr.core import compose, releases

    composition = compose.compose(words or (), config_dir=config_dir)
    settings = composition.settings
    said = composition.sources["role"].kind == "command line"
    if needs_role and not said:
        raise ConfigError("a backup is of one role's release", "say role=sentiment")
    with releases.opened(settings) as registry:
        yield settings, registry, settings.role.name if said else None
