"""srlr releases: what was published, which of it is current, whether it is still whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from srlr.core.releases import Registry, Release

app = typer.Typer(
    help="Published models: list, show, promote, rollback, verify, prune, export.",
    no_args_is_help=True,
)

StoreDir = Annotated[
    str | None,
    typer.Option("--store-dir", metavar="DIR", help="Where releases are; default: as configured."),
]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="A role's name.")]
Which = Annotated[
    str, typer.Argument(metavar="RELEASE", help="ROLE is its current one; ROLE@v3; ROLE@backup.")
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the audit log.")]


@contextmanager
def registry(store_dir: str | None, config_dir: Path | None) -> Iterator["Registry"]:
    """The registry as said, else as configured."""
    from srlr.core import compose, releases

    words = () if store_dir is None else (f"store_dir={store_dir}",)
    with releases.opened(compose.compose(words, config_dir=config_dir).settings) as found:
        yield found


@app.command("list")
def list_(
    role: Annotated[str | None, typer.Argument(metavar="[ROLE]", show_default=False)] = None,
    store_dir: StoreDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Show every release, the newest of a role first."""
    from srlr.cli import render
    from srlr.cli.deploy import facts

    with registry(store_dir, config_dir) as found:
        rows = [
            {**facts(release), "aliases": _aliases(found, release)}
            for name in ([role] if role else found.roles())
            for release in reversed(found.versions(name))
        ]
        place = str(found.store)

    def human() -> None:
        if not rows:
            render.note(f"no releases in {place!r}; a first one: srlr deploy role=ROLE")
            return
        columns = ("release", "aliases", "base", "gate", "score", "size", "created")
        cells = [
            [
                row["name"],
                " ".join(row["aliases"]),
                row["base"],
                row["gate"] + " (forced)" * row["forced"],
                _score(row["metrics"]),
                render.gigabytes(row["bytes"]),
                row["created"][:16].replace("T", " "),
            ]
            for row in rows
        ]
        render.table(columns, cells, right=("score", "size"), whole=("release", "aliases"))

    data = {"store_dir": place, "releases": rows}
    render.emit("releases.list", data, as_json=as_json, human=human)


@app.command()
def show(
    release: Which, store_dir: StoreDir = None, config_dir: ConfigDir = None, as_json: Json = False
) -> None:
    """Show one release: what it is, where it comes from, its figures and its files."""
    from dataclasses import asdict

    from srlr.cli import render
    from srlr.cli.deploy import about

    with registry(store_dir, config_dir) as found:
        one = _one(found, release)
        data = {**asdict(one), "aliases": _aliases(found, one)}

    def human() -> None:
        render.text(f"{one.name} {' '.join(data['aliases'])}\n{about(one)}")
        for key in ("created", "by", "licence", "digest"):
            render.text(f"{key}: {getattr(one, key)}")
        for key in ("path", "stage", "code", "config", "data", "seed"):
            render.text(f"{key}: {one.lineage.get(key)}")
        for sentence in one.failed:
            render.text(f"not reached: {sentence}")
        rows = [[name, f"{value:.4g}"] for name, value in one.metrics.items()]
        render.table(("metric", "value"), rows, right=("value",))
        files = [[f.path, render.gigabytes(f.bytes), f.sha256[:16]] for f in one.files]
        render.table(("file", "size", "sha256"), files, right=("size",))

    render.emit("releases.show", data, as_json=as_json, human=human)


@app.command()
def promote(
    role: Role,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Default: the candidate.")
    ] = None,
    why: Why = "promoted by hand",
    force: Annotated[bool, typer.Option("--force", help="Although its gate failed.")] = False,
    store_dir: StoreDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Make the candidate current, and what was current the backup."""
    from srlr.cli.deploy import who
    from srlr.core.errors import GateFailed, MissingArtifact

    with registry(store_dir, config_dir) as found:
        try:
            one = found.get(role, version or "candidate")
        except MissingArtifact:
            if version is not None:
                raise
        else:
            if one.gate == "failed" and not force:
                raise GateFailed("\n".join(one.failed), "--force promotes it, on the record")
            version = one.version
        after = found.promote(role, who(), why, version)
    _emit_aliases("releases.promote", role, after, as_json=as_json)


@app.command()
def rollback(
    role: Role,
    why: Why = "rolled back by hand",
    store_dir: StoreDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Make the backup current again."""
    from srlr.cli.deploy import who

    with registry(store_dir, config_dir) as found:
        after = found.rollback(role, who(), why)
    _emit_aliases("releases.rollback", role, after, as_json=as_json)


@app.command()
def verify(
    releases: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RELEASE]...", help="Default: all of them.", show_default=False),
    ] = None,
    store_dir: StoreDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Read every byte again and check the signatures; exit 3 names what was changed."""
    from srlr.cli import render
    from srlr.core.errors import MissingArtifact

    with registry(store_dir, config_dir) as found:
        chosen = [_one(found, name) for name in releases or ()] or [
            release for role in found.roles() for release in found.versions(role)
        ]
        faults = {one.name: found.verify(one) for one in chosen}
    data = {
        name: [{"path": one.path, "why": one.why} for one in wrong]
        for name, wrong in faults.items()
    }

    def human() -> None:
        for name, wrong in faults.items():
            render.text(f"{name}: {'whole' if not wrong else 'not what was published'}")
            for one in wrong:
                render.text(f"  {one.path} {one.why}")

    render.emit("releases.verify", data, as_json=as_json, human=human)
    raise typer.Exit(MissingArtifact.exit_code if any(faults.values()) else 0)


@app.command()
def prune(
    role: Annotated[str | None, typer.Argument(metavar="[ROLE]", show_default=False)] = None,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="Of each role's releases without an alias.")
    ] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    store_dir: StoreDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Delete old releases that nothing points to, and files that no release has."""
    from srlr.cli import render
    from srlr.cli.deploy import who
    from srlr.core.release_pruning import prune as clear

    with registry(store_dir, config_dir) as found:
        gone = clear(found, keep=keep, by=who(), role=role, dry_run=dry_run)
    names = [one.name for one in gone.releases]
    data = {"releases": names, "blobs": gone.blobs, "bytes": gone.bytes, "dry_run": dry_run}
    word = "would be freed" if dry_run else "freed"
    human = "\n".join((*names, f"{gone.blobs} files, {render.gigabytes(gone.bytes)} {word}"))
    render.emit("releases.prune", data, as_json=as_json, human=human)


@app.command()
def export(
    release: Which,
    to: Annotated[Path, typer.Option("--to", metavar="PATH", help="A folder, or FILE.gguf.")],
    form: Annotated[
        str | None, typer.Option("--type", help="Of a GGUF's weights: f32, bf16 or q8_0.")
    ] = None,
    store_dir: StoreDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Write a release as a plain transformers folder, or as a GGUF for llama.cpp."""
    from srlr.cli import render
    from srlr.core.errors import ConfigError
    from srlr.core.runs import size_bytes

    is_gguf = to.suffix == ".gguf"
    if form not in (None, "f32", "bf16", "q8_0") or (form and not is_gguf):
        raise ConfigError(
            f"--type {form!r} goes with no such export", "--to FILE.gguf --type f32, bf16 or q8_0"
        )
    with registry(store_dir, config_dir) as found:
        one = _one(found, release)
        folder = found.folder(one)
    from srlr.models import export as exporting

    if is_gguf:
        exporting.to_gguf(folder, to, one.name, form, one.licence)  # type: ignore[arg-type]
    else:
        exporting.to_safetensors(folder, to, one.name, one.kind)
    size = size_bytes(to)
    data = {"release": one.name, "path": str(to), "bytes": size}
    human = f"{one.name}: {to}, {render.gigabytes(size)}"
    render.emit("releases.export", data, as_json=as_json, human=human)


def _one(found: "Registry", name: str) -> "Release":
    role, _, which = name.partition("@")
    return found.get(role, which or "current")


def _aliases(found: "Registry", release: "Release") -> list[str]:
    pointing = found.aliases(release.role)
    return [alias for alias, version in pointing.items() if version == release.version]


def _emit_aliases(kind: str, role: str, after: dict[str, str], *, as_json: bool) -> None:
    from srlr.cli import render

    human = f"{role}: " + ", ".join(f"{alias} {version}" for alias, version in after.items())
    render.emit(kind, {"role": role, "aliases": after}, as_json=as_json, human=human)


def _score(metrics: Any) -> str:
    value = metrics.get("macro_f1", metrics.get("accuracy"))
    return "" if value is None else f"{value:.3f}"
