"""srlr runs: what there is under the run folder, what came out of it, what it occupies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from srlr.core.rundir import RunDir

app = typer.Typer(help="Runs: list, show, compare, export, remove.", no_args_is_help=True)

RunsDir = Annotated[
    str | None,
    typer.Option("--runs-dir", metavar="DIR", help="Where runs are; default: as configured."),
]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Name = Annotated[str, typer.Argument(metavar="RUN", help="A run's name, its path, or latest.")]

MARKS = {"done": "✓", "running": "…", "failed": "✗"}


def place(runs_dir: str | None, config_dir: Path | None = None) -> Path:
    """The folder of runs: as said, else as configured."""
    if runs_dir is not None:
        return Path(runs_dir)
    from srlr.core import compose

    return Path(compose.compose((), config_dir=config_dir).settings.runs_dir)


@app.command("list")
def list_(runs_dir: RunsDir = None, config_dir: ConfigDir = None, as_json: Json = False) -> None:
    """Show every run, the newest first."""
    from srlr.cli import render
    from srlr.core import runs

    folder = place(runs_dir, config_dir)
    rows = [summary(rundir) for rundir in runs.all_runs(folder)]

    def human() -> None:
        if not rows:
            render.note(f"no runs under {str(folder)!r}; a first one: srlr train role=sentiment")
            return
        columns = ("run", "for", "model", "stages", "score", "disk")
        cells = [
            [
                row["name"],
                f"{row['role']}-{row['tier']}",
                row["model"],
                _stages(row["stages"]) + (f" ({row['pid']})" if row["pid"] is not None else ""),
                _score(row["accuracy"] if row["macro_f1"] is None else row["macro_f1"]),
                render.gigabytes(row["bytes"]),
            ]
            for row in rows
        ]
        render.table(columns, cells, right=("score", "disk"), whole=("run", "for", "stages"))
        render.text(
            "stages in order: ✓ done, … half done, ✗ failed, · not begun; (pid) works on it\n"
            "score: macro-F1, or accuracy of a role without labels"
        )

    render.emit("runs.list", {"runs_dir": str(folder), "runs": rows}, as_json=as_json, human=human)


@app.command()
def show(
    run: Name, runs_dir: RunsDir = None, config_dir: ConfigDir = None, as_json: Json = False
) -> None:
    """Show one run: stages, figures, checkpoints, where everything is."""
    from srlr.cli import closing, render
    from srlr.core import runs
    from srlr.core.rundir import RunDir

    rundir = RunDir(runs.existing(place(runs_dir, config_dir), run))
    data = details(rundir)

    def human() -> None:
        render.text(f"{data['path']}\n{data['command']}")
        for key in ("created", "seed", "model", "srlr", "code"):
            render.text(f"{key}: {data[key]}")
        columns = ("stage", "status", "time", "result")
        cells = [[n, s["status"], s["time"], s["what"]] for n, s in data["details"].items()]
        render.table(columns, cells, right=("time",))
        for kept in data["checkpoints"]:
            render.text(f"{kept['name']}: {render.gigabytes(kept['bytes'])}")
        render.text(f"together: {render.gigabytes(data['bytes'])}")
        report = closing.read(rundir)
        if report is not None:
            closing.show(report, rundir)

    render.emit("runs.show", data, as_json=as_json, human=human)


@app.command()
def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN RUN...")],
    runs_dir: RunsDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Put runs side by side: scores, and the settings in which they differ.

    Runs that differ in nothing but their seed are pooled too: what does a stage add, on the mean
    over these runs and the same tasks?
    """
    from srlr.cli import closing, render
    from srlr.core import runs
    from srlr.core.errors import ConfigError
    from srlr.core.rundir import RunDir

    if len(run) < 2:
        raise ConfigError("one run cannot be compared", "name two or more, see `srlr runs list`")
    folder = place(runs_dir, config_dir)
    chosen = [RunDir(runs.existing(folder, name)) for name in run]
    data: dict[str, Any] = {
        "runs": [summary(rundir) for rundir in chosen],
        "scores": scores(chosen),
        "settings": differences(chosen),
    }
    data["pooled"] = pooled(chosen) if data["settings"].keys() <= {"seed"} else None

    def human() -> None:
        names = [rundir.path.name for rundir in chosen]
        rows = [[key, *map(_score, values)] for key, values in data["scores"].items()]
        render.table(("score", *names), rows, right=names)
        rows = [[key, *map(str, values)] for key, values in data["settings"].items()]
        if rows:
            render.table(("setting", *names), rows)
        if data["pooled"]:
            from srlr.evaluation.compare import Difference
            from srlr.evaluation.sentences import signed

            word = closing.SHORT_TITLES.get(data["pooled"]["metric"], data["pooled"]["metric"])
            title = f"{word}, mean of {len(chosen)} runs"
            rows = [
                [name, signed(Difference(**gap)), *(f"{one:+.3f}" for one in gap["runs"])]
                for name, gap in data["pooled"]["tests"].items()
            ]
            render.table(("difference", title, *names), rows, right=(title, *names))

    render.emit("runs.compare", data, as_json=as_json, human=human)


@app.command()
def remove(
    run: Annotated[list[str], typer.Argument(metavar="RUN...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs_dir: RunsDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Delete runs with all their files; one that a process works on is refused."""
    from srlr.cli import render
    from srlr.core import runs
    from srlr.core.errors import ConfigError
    from srlr.core.rundir import RunDir

    folder = place(runs_dir, config_dir)
    paths = [RunDir(runs.existing(folder, name)).path for name in run]
    removed: list[dict[str, Any]] = []
    for path in paths:
        size = runs.size_bytes(path)
        if not yes and not render.confirm(f"remove {path} ({render.gigabytes(size)})?"):
            raise ConfigError(f"{str(path)!r} is kept: nobody said yes", "add --yes")
        runs.remove(path)
        removed.append({"path": str(path), "freed_bytes": size})
    lines = [f"{one['path']}: {render.gigabytes(one['freed_bytes'])} freed" for one in removed]
    render.emit("runs.remove", {"removed": removed}, as_json=as_json, human="\n".join(lines))


# -- facts -----------------------------------------------------------------------------------------


def summary(rundir: "RunDir") -> dict[str, Any]:
    """One run in a line: what it is, how far it is, how good, how big."""
    from srlr.core import runs
    from srlr.stages.state import NAMES

    final = _final(rundir)
    return {
        "name": rundir.path.name,
        "path": str(rundir.path),
        "created": rundir.manifest.get("created"),
        "role": rundir.manifest.get("role"),
        "tier": rundir.manifest.get("tier"),
        "model": _model(rundir),
        "seed": rundir.manifest.get("seed"),
        "stages": {name: rundir.status(name).get("status") for name in NAMES},
        "macro_f1": final.get("macro_f1"),
        "accuracy": final.get("accuracy"),
        "bytes": runs.size_bytes(rundir.path),
        "pid": runs.holder(rundir.path),
    }


def details(rundir: "RunDir") -> dict[str, Any]:
    """A run in full: its summary, what made it, its stages' entries, the checkpoints it keeps."""
    from srlr.cli.render import duration
    from srlr.core import runs

    manifest = rundir.manifest
    stages = {
        name: {
            "status": entry.get("status"),
            "time": duration(entry["seconds"]) if "seconds" in entry else "",
            "what": entry.get("artifact") or entry.get("error") or "",
        }
        for name, entry in manifest["stages"].items()
    }
    return {
        **summary(rundir),
        **{key: manifest.get(key) for key in ("srlr", "code", "command", "versions", "hardware")},
        "details": stages,
        "entries": manifest["stages"],
        "checkpoints": [{"name": n, "bytes": b} for n, b in runs.checkpoints(rundir.path)],
    }


def scores(chosen: Sequence["RunDir"]) -> dict[str, list[float | None]]:
    """Every metric of every run's final model, and the main ones of the stages before it."""
    found = [_final(rundir) for rundir in chosen]
    keys = sorted({key for one in found for key in one})
    return {key: [one.get(key) for one in found] for key in keys}


def differences(chosen: Sequence["RunDir"]) -> dict[str, list[Any]]:
    """The settings in which the runs differ, each with every run's value."""
    from srlr.core import runs

    configs = [_config(rundir) for rundir in chosen]
    keys = {key for other in configs[1:] for key in runs.changed_keys(configs[0], other)}
    return {key: [_at(config, key) for config in configs] for key in sorted(keys)}


def pooled(chosen: Sequence["RunDir"]) -> dict[str, Any] | None:
    """The paired differences on the mean of the runs; None where one is not evaluated."""
    from dataclasses import asdict

    from srlr.cli import closing
    from srlr.core.profile import RoleProfile
    from srlr.evaluation import tables
    from srlr.evaluation.compare import Resampling
    from srlr.evaluation.outcomes import Schema

    reports = [closing.read(rundir) for rundir in chosen]
    if None in reports:
        return None
    report = reports[0] or {}
    schema = Schema.of(RoleProfile.model_validate(_config(chosen[0])["role"]))
    how = Resampling(0, report["samples"], report["level"])
    rows = [tables.by_model(rundir.read_jsonl("evaluate/attempts.jsonl")) for rundir in chosen]
    tests = tables.pooled_tests(rows, schema, how, report["main_metric"])
    return {
        "metric": report["main_metric"],
        "level": report["level"],
        "tests": {title: asdict(gap) for title, gap in tests.items()},
    }


def _final(rundir: "RunDir") -> dict[str, float]:
    """The final model's metrics as the report has them; empty before there is one."""
    from srlr.cli import closing

    report = closing.read(rundir) or {}
    rows = {row["model"]: row for row in report.get("table", ())}
    final = rows.get(report.get("final"), {})
    return {name: metric["value"] for name, metric in final.get("metrics", {}).items() if metric}


def _config(rundir: "RunDir") -> dict[str, Any]:
    import yaml

    config = yaml.safe_load(rundir.read_text("config.yaml"))
    return config if isinstance(config, dict) else {}


def _model(rundir: "RunDir") -> str | None:
    node = _config(rundir).get("model") or {}
    name = node.get("name") if isinstance(node, Mapping) else None
    return None if name is None else str(name)


def _at(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _stages(states: Mapping[str, str | None]) -> str:
    return "".join(MARKS.get(state or "", "·") for state in states.values())


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
