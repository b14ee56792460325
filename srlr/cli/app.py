"""The command tree and the entry point. Every command imports what it needs when it is called.

exit 0  done            1  a bug, with its traceback     130  Ctrl-C    143  SIGTERM
     2  ConfigError     3  MissingArtifact     4  ResourceError     5  GateFailed
"""

import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from srlr import __version__
from srlr.cli import (
    ab,
    assets,
    audit,
    backup,
    compare,
    config,
    deploy,
    export,
    guard,
    invoking,
    keys,
    models,
    releases,
    render,
    roles,
    runs,
    track,
)
from srlr.core.errors import ConfigError, SrlrError

app = typer.Typer(
    name="srlr",
    help="Small, specialised language models you can trust, from one command line.",
    epilog="A first run: srlr train role=sentiment tier=gold",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
runs.app.command("export")(export.export)
for _group in (runs, assets, config, models, roles, releases, keys, audit, backup, guard):
    app.add_typer(_group.app, name=_group.__name__.rpartition(".")[2])
app.command("deploy")(deploy.deploy)
app.command("track")(track.track)
app.command("ab")(ab.ab)
app.command("compare")(compare.compare)

COMMANDS = {
    "train": "Run all stages in order; skip those that are done.",
    "select": "Choose the base model for a role (a profile is enough), a tier and this machine.",
    "generate": "Write step-by-step examples and verify them.",
    "srl": "Imitate the examples, weighted by their step rewards.",
    "rlvr": "Learn from outcomes that can be checked.",
    "evaluate": "Put held-out tasks to the baseline and the trained models.",
}


def _complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[Any]:
    from srlr.cli import completion

    return list(completion.complete(ctx, args, incomplete))


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="What to run: role=sentiment tier=gold srl.epochs=3; see srlr config groups.",
        autocompletion=_complete,
        show_default=False,
    ),
]
ConfigDir = Annotated[
    Path | None, typer.Option("--config-dir", metavar="DIR", help="Your own config, read first.")
]
Run = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="A run's name or path; a new name starts a run."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Do it again, and forget the stages that follow.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show config, stages and costs; touch nothing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only errors on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="The log on stderr too.")]


@app.callback()
def _begin() -> None:
    from srlr.core import log

    log.setup()


def _stage_command(name: str) -> Callable[..., None]:
    def command(
        words: Words = None,
        config_dir: ConfigDir = None,
        run: Run = None,
        force: Force = False,
        dry_run: DryRun = False,
        as_json: AsJson = False,
        quiet: Quiet = False,
        verbose: Verbose = False,
    ) -> None:
        from srlr.cli import pipeline

        manner = pipeline.Manner(as_json=as_json, quiet=quiet, verbose=verbose)
        ask = pipeline.Ask(tuple(words or ()), config_dir, run, force, command_line())
        if dry_run:
            pipeline.show_plan(name, ask, manner)
        else:
            pipeline.work(name, ask, manner)

    return command


def _select(
    words: Words = None,
    config_dir: ConfigDir = None,
    run: Run = None,
    force: Force = False,
    dry_run: DryRun = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the candidates whose weights are here.")
    ] = False,
    review: Annotated[
        bool, typer.Option("--review", help="List decisions that are due, and what changed since.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="MODEL", help="Why not that model?")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    if review or explain is not None:
        from srlr.cli import select

        select.alone(
            {"--measure": measure, "--force": force, "--dry-run": dry_run, "--review": review},
            explain,
        )
        select.answer(words or (), config_dir, run, explain=explain, as_json=as_json)
    elif measure and not dry_run:
        from srlr.cli import measure as command
        from srlr.cli.pipeline import Ask, Manner

        ask = Ask(tuple(words or ()), config_dir, run, force, command_line())
        command.measure(ask, Manner(as_json=as_json, quiet=quiet, verbose=verbose))
    else:
        _stage_command("select")(
            words, config_dir, run, force, dry_run, as_json=as_json, quiet=quiet, verbose=verbose
        )


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(_select if _name == "select" else _stage_command(_name))


@app.command()
def ablate(
    words: Words = None,
    config_dir: ConfigDir = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", metavar="N,N", help="Seeds; trials use the first.")
    ] = None,
    arms: Annotated[
        str | None, typer.Option("--arms", metavar="NAME,NAME", help="Only these arms.")
    ] = None,
    cells: Annotated[
        str, typer.Option("--cells", metavar="I/N", help="The I-th of N processes' part.")
    ] = "1/1",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compare ways of training at the same expense; recipe=ablation_sentiment."""
    from srlr.cli import ablate as command
    from srlr.cli import pipeline

    manner = pipeline.Manner(as_json=as_json, quiet=quiet, verbose=verbose)
    ask = pipeline.Ask(tuple(words or ()), config_dir, command=command_line())
    chosen = command.chosen(seeds, arms, cells)
    if dry_run:
        command.show_plan(ask, chosen, manner)
    else:
        raise typer.Exit(command.ablate(ask, chosen, manner))


@app.command()
def predict(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", show_default=False)
    ] = None,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="A run's name or path.")] = (
        "latest"
    ),
    source: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="JSON Lines or plain lines; - is stdin."),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option("--stage", help="srl, rlvr or base; default: the last one finished."),
    ] = None,
    runs_dir: Annotated[
        str | None, typer.Option("--runs-dir", metavar="DIR", help="Where runs are.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Answer texts with a run's model, as JSON Lines."""
    from srlr.cli import predict as command

    code = command.predict(texts or [], source, command.Which(run, stage, runs_dir), quiet=quiet)
    raise typer.Exit(code)


@app.command()
def swap(
    words: Words = None,
    config_dir: ConfigDir = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it live; exit 5 if it is taken back.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Only show how it stands.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Take the one under way back.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Undo the one under way, or the last one.")
    ] = False,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="A reason, for the audit log.")
    ] = "asked for on the command line",
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="A gateway elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move a role's traffic to another version: swap=gradual swap.to=v3."""
    from srlr.cli import swap as command

    doings = {"status": status, "abort": abort, "rollback": rollback}
    chosen = [name for name, said in doings.items() if said]
    if len(chosen) > 1:
        raise ConfigError(f"--{chosen[0]} and --{chosen[1]} are two things", "say one of them")
    do = chosen[0] if chosen else "start"
    manner = command.Manner(do, watch, why, url, as_json)
    raise typer.Exit(command.swap(tuple(words or ()), config_dir, manner))


@app.command()
def serve(words: Words = None, config_dir: ConfigDir = None) -> None:
    """Answer requests by OpenAI's protocol: role=sentiment, or every role with a release."""
    from srlr.cli import serve as command

    command.serve(tuple(words or ()), config_dir)


@app.command()
def redact(
    source: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Text, JSON or JSON Lines; - is stdin.")
    ] = "-",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to, not stdout.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="A,B", help="Only these; or all, which adds name."),
    ] = None,
    style: Annotated[
        str, typer.Option("--style", help="numbered: [EMAIL_1]; plain: [EMAIL].")
    ] = "numbered",
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="VALUE", help="Stays; *@example.org.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 5 if anything is found.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="On stdout what was found, without it, and no text.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Replace personal data and secrets in a text or in rows by placeholders."""
    from srlr.cli import redact as command

    asked = command.settings(classes, style, allow or [])
    manner = command.Manner(check=check, as_json=as_json, quiet=quiet)
    raise typer.Exit(command.redact(source, output, asked, manner))


@app.command()
def doctor(as_json: AsJson = False, config_dir: ConfigDir = None) -> None:
    """Check this machine; every finding comes with a fix."""
    from srlr.cli import doctor as command

    raise typer.Exit(command.doctor(as_json=as_json, config_dir=config_dir))


@app.command()
def version(as_json: AsJson = False) -> None:
    """Show srlr's version."""
    render.emit("version", {"version": __version__}, as_json=as_json, human=__version__)


def command_line() -> str:
    """The words this process was started with, as a shell would take them."""
    return shlex.join(("srlr", *sys.argv[1:]))


class _Terminated(KeyboardInterrupt):
    """SIGTERM: stop like Ctrl-C, so that nothing is left half written."""


def _terminate(signum: int, frame: object) -> NoReturn:
    raise _Terminated


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in args
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return invoking.invoke(app, args)
    except SrlrError as error:
        render.error(error.what, error.hint, as_json=as_json, exit_code=error.exit_code)
        return error.exit_code
    except KeyboardInterrupt as stop:
        render.note("\n".join(("interrupted", *getattr(stop, "__notes__", ()))))
        return 143 if isinstance(stop, _Terminated) else 130
    except BrokenPipeError:
        return 141
    finally:
        invoking.flush()
