"""srlr guard: what the guardrails say of a text, and which rules there are."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from srlr.core.errors import ConfigError, GateFailed

if TYPE_CHECKING:
    from srlr.serving.guard.verdict import Verdict

app = typer.Typer(
    help="Guardrails: check a text as a role's gateway would, list the rules.",
    no_args_is_help=True,
)
AsJson = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]


def _complete(ctx: typer.Context, args: list[str], incomplete: str) -> list[Any]:
    from srlr.cli import completion

    return list(completion.complete(ctx, args, incomplete))


@app.command(epilog="exit 0  it may pass, perhaps changed     5  it is blocked")
def check(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is checked; - reads stdin.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Settings: role=support guard.level=strict.",
            autocompletion=_complete,
            show_default=False,
        ),
    ] = None,
    config_dir: Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")] = None,
    side: Annotated[
        str, typer.Option("--side", help="input: what a user sends; output: a model's answer.")
    ] = "input",
    as_json: AsJson = False,
) -> None:
    """Check a text against a role's guardrails: every verdict, and the text that may pass.

    Exit code 5 means blocked; 0 means that it may pass, as it is or changed.
    """
    from srlr.cli import render
    from srlr.core import compose
    from srlr.serving.guard import checking
    from srlr.serving.guard.verdict import answer_instead, edited, worst

    settings = compose.compose(words or (), config_dir=config_dir).settings
    policy, said = checking.policy_of(settings), _read(text)
    ask = checking.check_input if _side(side) == "input" else checking.check_output
    verdicts = ask(said, policy)
    action = worst(verdicts)
    instead = answer_instead(verdicts)
    passed = None if action == "block" else instead if instead else edited(said, verdicts)
    data = {
        "role": policy.role,
        "level": policy.level,
        "side": side,
        "action": action,
        "verdicts": [_told(one) for one in verdicts],
        "text": passed,
    }
    render.emit("guard", data, as_json=as_json, human=lambda: _show(data, said))
    raise typer.Exit(GateFailed.exit_code if action == "block" else 0)


@app.command()
def rules(as_json: AsJson = False) -> None:
    """List every rule with what it guards against, and what each level does about it."""
    from srlr.cli import render
    from srlr.serving.guard.policy import INPUT, LEVELS, OUTPUT
    from srlr.serving.guard.rules import OWASP, RULES

    rows = [
        {
            "rule": one.name,
            "kind": one.kind,
            "side": side,
            "says": one.says,
            "owasp": one.owasp or None,
            "risk": OWASP.get(one.owasp),
            **dict(zip(LEVELS, (INPUT if side == "input" else OUTPUT)[one.concern], strict=True)),
        }
        for one in RULES.values()
        for side in one.sides
    ]
    columns = ("rule", "kind", "side", "owasp", *LEVELS, "says")
    render.emit(
        "guard rules",
        rows,
        as_json=as_json,
        human=lambda: render.table(
            columns, [[row[name] for name in columns] for row in rows], whole=columns[:4]
        ),
    )


def _side(said: str) -> Literal["input", "output"]:
    if said == "output":
        return "output"
    if said != "input":
        raise ConfigError(f"--side: there is no side {said!r}", "--side input or --side output")
    return "input"


def _read(text: str) -> str:
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"stdin is not UTF-8: byte {error.start + 1}", "pipe in a UTF-8 text"
        ) from error


def _told(one: "Verdict") -> dict[str, Any]:
    return {
        "kind": one.kind,
        "rule": one.rule,
        "reason": one.reason,
        "action": one.action,
        "owasp": one.owasp or None,
    }


def _show(data: Mapping[str, Any], said: str) -> None:
    from srlr.cli import render

    verdicts: Sequence[Mapping[str, Any]] = data["verdicts"]
    if verdicts:
        columns = ("action", "rule", "kind", "owasp", "reason")
        rows = [[one[name] for name in columns] for one in verdicts]
        render.table(columns, rows, whole=columns[:4])
    told = {"allow": "passes", "log": "passes, logged", "replace": "passes, changed"}
    render.text(f"{told.get(data['action'], 'blocked')} (role {data['role']}, {data['level']})")
    if data["text"] is not None and data["text"] != said:
        render.text(data["text"])
