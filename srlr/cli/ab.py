"""srlr ab: is B better than A? Stops as soon as it is sure, however often it looks."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli import render
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact

if TYPE_CHECKING:
    from srlr.evaluation.sequential import Found, Rule
    from srlr.evaluation.traffic import Pairs

ENOUGH = 20_000
"""Pairs up to which it is computed how many a gap would need."""


def ab(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A run, RUN:STAGE, or a name in the traffic.")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise; is it better than A?")],
    traffic: Annotated[
        str | None,
        typer.Option("--traffic", metavar="FILE", help="JSON Lines of outcomes; - is stdin."),
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="The risk of a false alarm.")] = 0.05,
    alike: Annotated[
        float, typer.Option("--alike", help="Also stop where the gap is surely within ± this.")
    ] = 0.0,
    expect: Annotated[
        float | None,
        typer.Option("--expect", metavar="GAP", help="Only say how many pairs this gap needs."),
    ] = None,
    discordant: Annotated[
        float, typer.Option("--discordant", help="For --expect: pairs where one alone is right.")
    ] = 0.3,
    check: Annotated[bool, typer.Option("--check", help="Exit 5 unless B is better.")] = False,
    runs_dir: Annotated[str | None, typer.Option("--runs-dir", metavar="DIR")] = None,
    config_dir: Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")] = False,
) -> None:
    """Test whether B is better than A, on traffic or on two runs' answers; stop when it is sure."""
    from srlr.evaluation import sequential

    rule = sequential.Rule(alpha, alike)
    if a == b:
        raise ConfigError(f"{a!r} cannot be compared with itself", "name two models")
    if expect is not None:
        _plan(expect, discordant, rule, as_json=as_json)
        return
    runs = _of_runs(a, b, runs_dir, config_dir)
    pairs = runs if traffic is None else _of_traffic(traffic, a, b)
    found = sequential.decided(pairs, rule)
    differ = found.discordant > 0
    finds = sequential.detectable(found.discordant, found.pairs, rule) if differ else None
    data = {"a": a, "b": b, "alpha": alpha, **asdict(found), "finds": finds}
    render.emit("ab", data, as_json=as_json, human=lambda: _show(a, b, found, finds, rule))
    raise typer.Exit(GateFailed.exit_code if check and found.verdict != "B" else 0)


def _plan(gap: float, discordant: float, rule: "Rule", *, as_json: bool) -> None:
    from srlr.evaluation import sequential

    needed = sequential.pairs_needed(gap, discordant, ENOUGH, rule)
    said = "more than 20,000" if needed is None else f"{needed:,}"
    human = (
        f"a gap of {gap:g}, where one alone is right in {discordant:g} of pairs: "
        f"{said} pairs find it in {sequential.POWER:.0%} of tests at a risk of {rule.alpha:g}"
    )
    data = {"gap": gap, "discordant": discordant, "alpha": rule.alpha, "pairs": needed}
    render.emit("ab.plan", data, as_json=as_json, human=human)


def _of_traffic(source: str, a: str, b: str) -> "Pairs":
    from srlr.evaluation import traffic

    yield from traffic.pairs(_lines(source), a, b)


def _lines(source: str) -> Iterator[str]:
    """The lines as they come: a pipe is read no further than the test needs."""
    if source == "-":
        yield from sys.stdin
        return
    try:
        with open(source, encoding="utf-8") as file:
            yield from file
    except FileNotFoundError as error:
        raise MissingArtifact(f"there is no file {source!r}", "name one after --traffic") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{source!r} cannot be read: {error}", "one JSON object a line"
        ) from error


def _of_runs(a: str, b: str, runs_dir: str | None, config_dir: Path | None) -> "Pairs":
    from srlr.cli.runs import place
    from srlr.evaluation import traffic
    from srlr.evaluation.outcomes import Schema

    folder = place(runs_dir, config_dir)
    first, second = (_attempts(folder, name) for name in (a, b))
    if first[1] != second[1]:
        raise ConfigError(
            f"{a!r} and {b!r} are runs of roles with other answers: {first[1]}, {second[1]}",
            "compare runs of one role",
        )
    yield from traffic.answered(first[0], second[0], Schema(*first[1]))


def _attempts(folder: Path, name: str) -> tuple[list[dict[str, Any]], tuple[Any, ...]]:
    """A run's answers of one stage, and what its answers look like."""
    import yaml

    from srlr.cli import closing
    from srlr.core import runs
    from srlr.core.profile import RoleProfile
    from srlr.core.rundir import RunDir

    run, _, stage = name.partition(":")
    rundir = RunDir(runs.existing(folder, run))
    stage = stage or str((closing.read(rundir) or {}).get("final", ""))
    rows = rundir.read_jsonl("evaluate/attempts.jsonl")
    mine = [row for row in rows if row["model"] == stage]
    if not mine:
        there = ", ".join(dict.fromkeys(f"{run}:{row['model']}" for row in rows))
        raise ConfigError(f"{run!r} has no answers of {stage!r}", f"one of {there}")
    role = RoleProfile.model_validate(yaml.safe_load(rundir.read_text("config.yaml"))["role"])
    return mine, (role.label, role.labels, role.confidence)


def _show(a: str, b: str, found: "Found", finds: float | None, rule: "Rule") -> None:
    from srlr.evaluation import sequential

    said = {
        "B": f"{b} is better than {a}",
        "A": f"{a} is better than {b}",
        "alike": f"{a} and {b} are alike within ±{rule.alike:g}",
        "open": f"not decided between {a} and {b}",
    }[found.verdict]
    end = "the pairs ran out" if found.verdict == "open" else "stopped"
    render.table(
        ("", "mean outcome"), [(a, f"{found.first:.3f}"), (b, f"{found.second:.3f}")],
        right=("mean outcome",),
    )  # fmt: skip
    render.text(
        f"{said}: {found.gap:+.3f} [{found.low:.3f}, {found.high:.3f}], {end} after "
        f"{found.pairs:,} pairs, p {found.p:.3f}"
    )
    render.text(f"p and the {1 - rule.alpha:.0%} interval hold however often one looks.")
    if found.verdict == "open":
        power = "no gap" if finds is None else f"a gap of {finds:.3f} or more"
        render.text(f"So many pairs find {power} in {sequential.POWER:.0%} of tests.")
