"""deploy: a run's model becomes a release, immutable and signed, under a version of its role.

reads   rlvr/best, else srl/best: what was evaluated, byte for byte
        evaluate/report.json, select/decision.yaml, generate/tasks.jsonl, config.yaml, manifest.json
writes  <store_dir>: see srlr.core.releases

No stage of the pipeline: what is published is decided after all of them, and never by itself.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from srlr import roles
from srlr.core import releases, runs, target
from srlr.core.errors import ConfigError, MissingArtifact, SrlrError
from srlr.core.release import LICENCE, Gate
from srlr.core.releases import Draft, Release
from srlr.core.rundir import RunDir, hash_file
from srlr.core.settings import Settings
from srlr.core.target import Target
from srlr.core.types import Task
from srlr.evaluation import gate
from srlr.evaluation.value import Report
from srlr.models.card import claim
from srlr.stages import answering, deploy_form, state
from srlr.stages.refusals import machine_errors

TRAINED = ("rlvr", "srl")
"""Stages that leave a model, the last one first."""
REPORT = "evaluate/report.json"
RECORDS = {
    "record/config.yaml": "config.yaml",
    "record/decision.yaml": "select/decision.yaml",
    "record/manifest.json": "manifest.json",
    "record/report.json": REPORT,
}
"""What a release keeps of its run, by its name there."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be published: all there is to say of it, and its files by their place in it."""

    draft: Draft
    files: dict[str, Path]
    run: RunDir
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())


@dataclass(frozen=True, slots=True)
class How:
    """Under which alias, by whom, and whether although its gate has failed."""

    by: str
    alias: str = "candidate"
    force: bool = False


def publish(settings: Settings, run: str | None, how: How) -> tuple[Release, Proposal]:
    """The release of the run's model, there whole when this returns.

    Raises:
        GateFailed: its evaluation's gate has failed, and nobody said `force`.
        MissingArtifact: there is no such run, or it is not trained or not evaluated.
        ConfigError: the run is another role's, or its files changed after they were evaluated.
        ResourceError: the store refused, or the run is in use; nothing is published.
    """
    rundir = chosen(settings, run)
    with rundir.lock(), proposed(settings, rundir, force=how.force) as proposal:
        with releases.opened(settings) as registry:
            release = registry.publish(
                proposal.draft,
                proposal.files,
                by=how.by,
                why=f"run {rundir.path.name}",
                alias=how.alias,
                force=how.force,
            )
        return release, proposal


def chosen(settings: Settings, run: str | None) -> RunDir:
    """The run of that name, or the newest of the role that is trained and was evaluated.

    Raises:
        MissingArtifact: there is none.
        ConfigError: it is another role's.
    """
    folder, role = Path(settings.runs_dir), settings.role.name
    if run is not None:
        rundir = RunDir(runs.existing(folder, run))
        if rundir.manifest.get("role") != role:
            said = rundir.manifest.get("role")
            raise ConfigError(
                f"run {str(rundir.path)!r} is of role {said!r}, not {role!r}",
                f"`srlr deploy role={said} --run {run}`",
            )
        return rundir
    for rundir in runs.all_runs(folder):
        evaluated = rundir.status("evaluate")
        judged = evaluated.get("status") == "done" or evaluated.get("gate")
        if rundir.manifest.get("role") == role and judged and trained_by(rundir):
            return rundir
    raise MissingArtifact(
        f"no run of role {role!r} under {str(folder)!r} is trained and evaluated",
        f"`srlr train role={role}`, or name a run with --run",
    )


def trained_by(rundir: RunDir) -> str | None:
    """The last stage that left a model."""
    done = (name for name in TRAINED if rundir.status(name).get("status") == "done")
    return next(done, None)


@contextlib.contextmanager
def proposed(settings: Settings, rundir: RunDir, *, force: bool) -> Iterator[Proposal]:
    """What would be published; its files are there until the end.

    Raises:
        MissingArtifact: nothing is trained, or nothing evaluated and nobody said `force`.
        ConfigError: a file changed after its stage left it.
    """
    stage = trained_by(rundir)
    if stage is None:
        raise MissingArtifact(
            f"nothing is trained yet in {str(rundir.path)!r}", f"`srlr train --run {rundir.path}`"
        )
    aim = target.find(target.Ask(run=str(rundir.path)), state.NAMES)
    _as_it_was_left(rundir, stage)
    report = _report(aim, rundir, force=force)
    own = aim.final.settings
    draft = _draft(own, rundir, stage, report)
    records = {name: rundir.path / path for name, path in RECORDS.items()}
    beside = {name: path for name, path in records.items() if path.is_file()}
    beside |= _licences(own, rundir)
    with machine_errors("deploy"), tempfile.TemporaryDirectory() as folder:
        form = deploy_form.of(settings.deploy.form, own, rundir, stage, Path(folder))
        whole = replace(draft, kind=form.kind)
        yield Proposal(whole, {**form.files, **beside}, rundir, form.notes)


def _as_it_was_left(rundir: RunDir, stage: str) -> None:
    """Raises ConfigError where a byte of what the stage left is another one now."""
    entry = rundir.status(stage)
    if entry.get("result") != state.digest(entry["inputs"], rundir, entry["artifact"]):
        raise ConfigError(
            f"the model in {str(rundir.path / entry['artifact'])!r} is not what {stage} left there "
            "and evaluate judged",
            f"train it again: `srlr {stage} --run {rundir.path} --force`",
        )


def _report(aim: Target, rundir: RunDir, *, force: bool) -> dict[str, Any]:
    """The run's evaluation; empty where it has none and that is accepted."""
    there = (rundir.path / REPORT).is_file()
    if there and state.is_current(aim, rundir, "evaluate"):
        report: dict[str, Any] = rundir.read_json(REPORT)
        return report
    if force:
        return {}
    raise MissingArtifact(
        f"the model of {str(rundir.path)!r} is not evaluated"
        + (": something changed after its report was written" if there else ""),
        f"`srlr evaluate --run {rundir.path}`, or publish it unjudged with --force, on the record",
    )


def _draft(own: Settings, rundir: RunDir, stage: str, report: dict[str, Any]) -> Draft:
    table = {row["model"]: row for row in report.get("table", ())}
    figures = table.get(report.get("final"), {}).get("metrics", {})
    failed = tuple(gate.failed(Report.model_validate(report))) if report else ()
    outcome: Gate = "failed" if failed else "passed" if report.get("gate") else "none"
    licence = claim(own.model, "licence")
    return Draft(
        role=own.role.name,
        base=own.model.name,
        kind="weights",
        licence=None if licence is None else str(licence),
        gate=outcome,
        failed=failed,
        metrics={name: one["value"] for name, one in figures.items() if one is not None},
        lineage=_lineage(own, rundir, stage),
        profile=own.role.model_dump(mode="json"),
        role_path=own.role_path,
        rollout=own.rollout.model_dump(mode="json"),
        prompt=_prompt(own, rundir),
    )


def _lineage(own: Settings, rundir: RunDir, stage: str) -> dict[str, Any]:
    manifest = rundir.manifest
    results = {name: rundir.status(name).get("result") for name in state.NAMES}
    evaluated = rundir.path / REPORT
    return {
        "run": rundir.path.name,
        "path": str(rundir.path.resolve()),
        "stage": stage,
        "tier": own.tier.name,
        "source": own.model.source,
        "data": manifest.get("data") or own.role.data,
        **{key: manifest.get(key) for key in ("srlr", "code", "config", "seed", "versions")},
        "results": {name: one for name, one in results.items() if one is not None},
        "report": hash_file(evaluated) if evaluated.is_file() else None,
    }


def _prompt(own: Settings, rundir: RunDir) -> dict[str, Any]:
    """What the model is told whatever it is asked; of the tasks of training nothing is kept."""
    role = roles.load(own.role, own.role_path)
    rows = rundir.read_jsonl("generate/tasks.jsonl")
    if not rows:
        return {}
    row = rows[0]
    chat = role.messages(Task(row["id"], row["prompt"], row["answer"], row["meta"]))
    told = [message["content"] for message in chat if message["role"] == "system"]
    return {"system": told[0] if told else None, "turns": [message["role"] for message in chat]}


def _licences(own: Settings, rundir: RunDir) -> dict[str, Path]:
    """The texts of licence that lie beside the base's weights, where those are here."""
    try:
        base = answering.base_folder(own, rundir)
    except SrlrError:  # it was here when it was trained; what is published does not need it
        return {}
    return {path.name: path for path in sorted(base.iterdir()) if LICENCE.fullmatch(path.name)}
