"""srlr runs export: what a run has said, in a file that other programs read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli import render
from srlr.cli.runs import ConfigDir, Json, Name, RunsDir, place
from srlr.core.errors import ConfigError

if TYPE_CHECKING:
    from srlr.core.rundir import RunDir

WHAT = ("attempts", "trajectories", "lm-eval")


def export(
    run: Name,
    what: Annotated[
        str, typer.Option("--what", metavar="|".join(WHAT), help="Of the run.")
    ] = "attempts",
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|jsonl|parquet", help="Default: as --out ends."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="A file; of lm-eval a folder."),
    ] = None,
    runs_dir: RunsDir = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Write a run's answers or its training examples as a table, or its tasks for lm_eval.

    CSV opens in a spreadsheet; docs/evaluation.md names the columns.
    """
    from srlr.core import runs
    from srlr.core.rundir import RunDir

    _known("--what", what, WHAT)
    rundir = RunDir(runs.existing(place(runs_dir, config_dir), run))
    data = _harness(rundir, form, out) if what == "lm-eval" else _table(rundir, what, form, out)
    human = f"{data['rows']} rows in {data['path']}" if "rows" in data else _told(data)
    render.emit("runs.export", {"what": what, **data}, as_json=as_json, human=human)


def _table(rundir: "RunDir", what: str, form: str | None, out: Path | None) -> dict[str, Any]:
    from srlr.core.rundir import writing
    from srlr.evaluation import rows

    ending = out.suffix.removeprefix(".") if out is not None else ""
    chosen = form or (ending if ending in rows.FORMATS else "csv")
    _known("--format", chosen, rows.FORMATS)
    path = out or Path(f"{rundir.path.name}-{what}.{chosen}")
    if what == "attempts":
        found = rows.of_attempts(rundir.path.name, _attempts(rundir), _schema(rundir))
    else:
        kept = rundir.read_jsonl("generate/trajectories.jsonl")
        found = rows.of_trajectories(rundir.path.name, kept)
    if path.is_dir() or (not path.parent.is_dir() and path.parent.exists()):
        raise ConfigError(f"--out {str(path)!r} can be no file", "--out FOLDER/FILE")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.write(found, path, chosen)  # type: ignore[arg-type]  # it is one of FORMATS
    return {"path": str(path), "format": chosen, "rows": len(found), "columns": list(found[0])}


def _harness(rundir: "RunDir", form: str | None, out: Path | None) -> dict[str, Any]:
    from srlr.stages import harness

    if form is not None:
        raise ConfigError(f"--format={form}: lm-eval has a form of its own", "leave it out")
    data = harness.write(rundir, out or Path(f"{rundir.path.name}-lm-eval"))
    stages = [name for name in ("rlvr", "srl") if (rundir.path / name / "best").is_dir()]
    model = rundir.path / stages[0] / "best" if stages else Path("MODEL")
    command = (
        f"lm_eval --model hf --model_args pretrained={model} --include_path {data['folder']} "
        f"--tasks {data['task']} --apply_chat_template"
    )
    return {**data, "command": command}


def _told(data: dict[str, Any]) -> str:
    return f"{data['tasks']} tasks in {data['folder']}\n{data['command']}"


def _attempts(rundir: "RunDir") -> list[dict[str, Any]]:
    """Greedy answers of all models; drawn ones are not among them."""
    return rundir.read_jsonl("evaluate/attempts.jsonl")


def _schema(rundir: "RunDir") -> Any:
    import yaml

    from srlr.core.profile import RoleProfile
    from srlr.evaluation.outcomes import Schema

    config = yaml.safe_load(rundir.read_text("config.yaml"))
    return Schema.of(RoleProfile.model_validate(config["role"]))


def _known(option: str, said: str, names: Sequence[str]) -> None:
    from srlr.core.layers import nearest

    if said not in names:
        near = nearest(said, names)
        raise ConfigError(
            f"{option}: there is no {said!r}",
            f"{option} {near}" if near else f"one of: {', '.join(names)}",
        )
