"""srlr deploy: a run's model becomes a release."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli import render
from srlr.core.errors import GateFailed

if TYPE_CHECKING:
    from srlr.core.releases import Release
    from srlr.core.settings import Settings
    from srlr.stages.deploy import How, Proposal


def _complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[Any]:
    from srlr.cli import completion

    return list(completion.complete(ctx, args, incomplete))


def deploy(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Whose model: role=sentiment; where to: store_dir=DIR deploy.url_env=NAME.",
            autocompletion=_complete,
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Default: the newest evaluated one.")
    ] = None,
    alias: Annotated[
        str, typer.Option("--as", metavar="ALIAS", help="candidate, current or backup.")
    ] = "candidate",
    force: Annotated[
        bool, typer.Option("--force", help="Although its gate failed; this goes on the record.")
    ] = False,
    config_dir: Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be published; touch nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")] = False,
) -> None:
    """Publish a run's model as an immutable, signed release."""
    from srlr.core import compose, release_aliases
    from srlr.serving import permits
    from srlr.stages import deploy as stage

    release_aliases.known(alias)
    settings = compose.compose(words or (), config_dir=config_dir).settings
    enforced = settings.serve.cli_policy == "enforce"
    by = permits.permit(settings, "deploy", settings.role.name) if enforced else who()
    how = stage.How(by, alias, force)
    if dry_run:
        _propose(settings, run, how, as_json=as_json)
        return
    release, proposal = stage.publish(settings, run, how)
    data = {**facts(release), "alias": alias, "notes": list(proposal.notes)}

    def human() -> None:
        render.text(f"{release.name} is {alias}: {about(release)}")
        for note in proposal.notes:
            render.note(note)
        if release.forced:
            render.note("its gate failed; that it was forced is on the record")
        if alias == "candidate":
            render.note(f"next: srlr releases promote {release.role}")

    render.emit("deploy", data, as_json=as_json, human=human)


def _propose(settings: "Settings", run: str | None, how: "How", *, as_json: bool) -> None:
    """Says what would be published, and fails as publishing would."""
    from srlr.core import release
    from srlr.stages import deploy as stage

    rundir = stage.chosen(settings, run)
    with stage.proposed(settings, rundir, force=how.force) as proposal:
        release.checked(proposal.files)
        data = _told(proposal)
        render.emit("deploy.plan", data, as_json=as_json, human=lambda: _show(proposal, how))
        if proposal.draft.gate == "failed" and not how.force:
            raise GateFailed(
                "\n".join(proposal.draft.failed), "--force publishes it, on the record"
            )


def _told(proposal: "Proposal") -> dict[str, Any]:
    draft = proposal.draft
    return {
        "role": draft.role,
        "run": str(proposal.run.path),
        "base": draft.base,
        "kind": draft.kind,
        "licence": draft.licence,
        "gate": draft.gate,
        "failed": list(draft.failed),
        "metrics": dict(draft.metrics),
        "bytes": proposal.bytes,
        "files": sorted(proposal.files),
        "notes": list(proposal.notes),
    }


def _show(proposal: "Proposal", how: "How") -> None:
    draft = proposal.draft
    render.text(f"would be published as {how.alias} of {draft.role}, from {proposal.run.path}")
    render.text(f"{draft.base}, {draft.kind}, gate {draft.gate}, licence {draft.licence or '?'}")
    for name, path in sorted(proposal.files.items()):
        render.text(f"  {name}  {render.gigabytes(path.stat().st_size)}")
    for note in proposal.notes:
        render.note(note)


def who() -> str:
    """Who types this, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "somebody"


def about(release: "Release") -> str:
    """A release in half a line."""
    figures = (f"{name} {value:.3f}" for name, value in list(release.metrics.items())[:2])
    gate = f"gate {release.gate}" + " (forced)" * release.forced
    return ", ".join((release.base, release.kind, gate, *figures))


def facts(release: "Release") -> dict[str, Any]:
    """A release for machines, without its settings and files."""
    said = ("role", "version", "base", "kind", "licence", "gate", "forced", "created", "by")
    return {
        **{name: getattr(release, name) for name in said},
        "name": release.name,
        "metrics": dict(release.metrics),
        "run": release.lineage.get("run"),
        "digest": release.digest,
        "bytes": release.bytes,
    }
