"""srlr audit: whether the log is whole, and what was decided last."""

import json
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srlr.cli import render
from srlr.core.errors import GateFailed

if TYPE_CHECKING:
    from srlr.core.audit import Audit, Entry

app = typer.Typer(help="The audit log: verify, tail.", no_args_is_help=True)

POLL_S = 0.2

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings: store_dir=DIR.", show_default=False),
]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]


@app.command()
def verify(words: Words = None, config_dir: ConfigDir = None, as_json: Json = False) -> None:
    """Check that nothing in the log was changed; exit 5 if something was."""
    log = _log(words, config_dir)
    breaks = log.verify()
    entries = sum(1 for _ in log.entries())
    last = next(iter(_last(log, 1)), None)
    data = {
        "path": str(log.path),
        "entries": entries,
        "whole": not breaks,
        "breaks": [asdict(one) for one in breaks],
        "last": last.hash if last else None,
    }

    def human() -> None:
        for one in breaks:
            render.text(f"line {one.line} {one.why}")
        render.text(f"{log.path}: {entries} entries, {'whole' if not breaks else 'not whole'}")
        if last is not None:
            render.text(f"last: {last.hash}")

    render.emit("audit.verify", data, as_json=as_json, human=human)
    raise typer.Exit(GateFailed.exit_code if breaks else 0)


@app.command()
def tail(
    words: Words = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many, the newest.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="And those to come.")] = False,
    config_dir: ConfigDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Only JSON on stdout; with --follow, one line each.")
    ] = False,
) -> None:
    """Show the last entries."""
    log = _log(words, config_dir)
    if follow:
        _follow(log, lines, as_json=as_json)
        return
    found = _last(log, lines)

    def human() -> None:
        for entry in found:
            _show(entry, as_json=False)
        if not found:
            render.note(f"{log.path} holds no entry")

    data = {"path": str(log.path), "entries": [asdict(one) for one in found]}
    render.emit("audit.tail", data, as_json=as_json, human=human)


def _last(log: "Audit", count: int) -> list["Entry"]:
    return list(deque(log.entries(), count))


def _follow(log: "Audit", lines: int, *, as_json: bool) -> None:
    """The last entries and every one from now on, until interrupted."""
    while not log.path.exists():
        time.sleep(POLL_S)
    with open(log.path, encoding="utf-8", errors="replace") as file:
        *whole, rest = file.read().split("\n")
        for line in whole[max(0, len(whole) - lines) :]:
            _show(_entry(line), as_json=as_json)
        while True:
            rest += file.readline()
            if rest.endswith("\n"):
                _show(_entry(rest), as_json=as_json)
                rest = ""
            else:
                time.sleep(POLL_S)


def _entry(line: str) -> "Entry | str":
    from srlr.core.audit import Entry

    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError):
        return line


def _show(entry: "Entry | str", *, as_json: bool) -> None:
    if isinstance(entry, str):
        render.note(f"a line that is no entry: {entry[:80]!r}")
    elif as_json:
        render.line(asdict(entry))
    else:
        what = json.dumps(entry.what, ensure_ascii=False) if entry.what else ""
        render.text(f"{entry.at[:19]}Z {entry.kind} by {entry.by}: {entry.why} {what}".rstrip())


def _log(words: list[str] | None, config_dir: Path | None) -> "Audit":
    from srlr.core import compose
    from srlr.core.audit import FILE, Audit

    return Audit(
        Path(compose.compose(words or (), config_dir=config_dir).settings.store_dir) / FILE
    )
