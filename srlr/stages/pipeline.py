"""The stages in order: which run, what is skipped, what is taken up again, where it stops.

    select → generate → srl → rlvr → evaluate

A done stage is skipped, a half-done one is called again and goes on from its own checkpoint, a
failed gate ends the command. `--force` forgets a stage and those after it.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from srlr import roles
from srlr.core import compose, log, runs, target
from srlr.core.errors import GateFailed, ResourceError, SrlrError
from srlr.core.rundir import RunDir, Subscriber, Tell, now
from srlr.core.target import Ask, Target, audit
from srlr.core.types import Plan
from srlr.stages import gating, launching, state
from srlr.stages.refusals import machine_errors
from srlr.stages.state import NAMES, load, settings_for

logger = logging.getLogger(__name__)


def _nobody(stage: str, event: str, detail: str) -> None:
    """A Tell for whoever does not want to know."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One stage of a dry run. `state` is skip, resume or run."""

    stage: str
    state: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Work:
    """One command at work on one run, whose lock it holds."""

    target: Target
    rundir: RunDir
    ask: Ask
    tell: Tell


def run(
    ask: Ask,
    names: Sequence[str] = NAMES,
    *,
    progress: Subscriber | None = None,
    tell: Tell = _nobody,
    opened: Callable[[RunDir], None] = lambda rundir: None,
) -> RunDir:
    """Brings the stages `names` to done in the run that `ask` means, and returns that run.

    Args:
        progress: told how far a stage is.
        tell: told what happens to each stage: run, resume, skip, again, alarm, done.
        opened: called once with the run, before anything is done in it.

    Raises:
        ConfigError: the words touch a finished stage and force is not set.
        MissingArtifact: a stage needs one that is not done, or the role has no module.
        ResourceError: the machine refused, or another process holds the run.
        GateFailed: a stage's result is below its floor.
    """
    aim = target.find(ask, NAMES)
    names = _with_select(aim, names)
    _check(aim, names)
    rundir = aim.rundir
    if rundir is None:
        state.require(None, names, ask)
        aim, rundir = target.create(aim, ask)
    opened(rundir)
    # Nothing to do: nothing is written either, so a finished run can be read-only.
    if not ask.force and not aim.changed and all(state.is_done(aim, rundir, n) for n in names):
        for name in names:
            tell(name, "skip", "")
        _judge(aim, rundir, names)
        return rundir
    with _held(rundir, ask), log.into(rundir.path / "log.txt"):
        runs.point_latest(Path(aim.first.settings.runs_dir), rundir.path)
        if progress:
            rundir.subscribe(progress)
        rundir.listen(tell)
        audit(rundir, "command", command=ask.command)
        _note_code(rundir)
        work = _prepare(Work(aim, rundir, ask, tell), names)
        for name in names:
            work = _advance(work, name)
    return rundir


def plan(ask: Ask, names: Sequence[str] = NAMES) -> tuple[Target, list[Planned]]:
    """What `run` would do and what it would cost; nothing is written."""
    aim = target.find(ask, NAMES)
    names = _with_select(aim, names)
    _check(aim, names)
    forgotten = state.to_forget(aim, aim.rundir, names, ask) if aim.rundir else ()
    state.require(aim.rundir, names, ask, forgotten)
    foreseen = _foreseen(aim)
    return foreseen, [
        Planned(
            name,
            _state(aim, name, name in forgotten),
            load(name).plan(settings_for(foreseen, name)),
        )
        for name in names
    ]


def _check(aim: Target, names: Sequence[str]) -> None:
    """Refuses at once what could only fail later: no module for the role, no launcher for it."""
    settings = aim.first.settings
    if set(names) != {"select"}:
        roles.require(settings.role, settings.role_path, settings.config_dir)
    if "evaluate" in names:
        cast(Any, load("evaluate")).check(settings)
    launching.check(settings, names)


def _state(aim: Target, name: str, forgotten: bool) -> str:
    if aim.rundir is None or forgotten or not aim.rundir.status(name):
        return "run"
    return "skip" if state.is_done(aim, aim.rundir, name) else "resume"


def _foreseen(aim: Target) -> Target:
    """The target with the model that select would choose, for an honest plan."""
    if not aim.auto or aim.final is not aim.first:
        return aim
    chosen = cast(Any, load("select")).preview(aim.first.settings)
    return replace(aim, final=compose.with_model(aim.first, chosen))


def _with_select(aim: Target, names: Sequence[str]) -> tuple[str, ...]:
    """`names`, with select in front where the model is `auto` or a stage follows select.

    Choosing is part of composing a config with model=auto, and it is cheap.
    """
    if "select" in names or not (aim.auto or any("select" in load(n).AFTER for n in names)):
        return tuple(names)
    return ("select", *names)


def _prepare(work: Work, names: Sequence[str]) -> Work:
    """Checks what the words touch, forgets what is to be done again, records the changed config."""
    aim, rundir = work.target, work.rundir
    forgotten = state.to_forget(aim, rundir, names, work.ask)
    state.require(rundir, names, work.ask, forgotten)
    for name in forgotten:
        if rundir.status(name):
            keys = state.changed_keys(aim, name)
            audit(rundir, "forget", stage=name, keys=keys, force=work.ask.force)
            rundir.forget(name)
            work.tell(name, "again", ", ".join(keys))
    if "select" in forgotten:
        aim = target.unselect(aim, rundir)
    if aim.changed:
        target.settle(aim, rundir)
        audit(rundir, "config", keys=list(aim.changed))
    return replace(work, target=aim)


def _advance(work: Work, name: str) -> Work:
    """Skips, resumes or runs one stage; after select the config is composed with its choice."""
    aim, rundir = work.target, work.rundir
    if state.is_done(aim, rundir, name):
        audit(rundir, "skip", stage=name)
        work.tell(name, "skip", "")
        _judge(aim, rundir, (name,))
    else:
        _run(work, name)
    if name == "select" and aim.auto and aim.final is aim.first:
        aim = target.selected(aim, rundir, _choice(rundir))
        audit(rundir, "selected", model=aim.final.settings.model.name)
    return replace(work, target=aim)


def _judge(aim: Target, rundir: RunDir, names: Sequence[str]) -> None:
    """A finished evaluation passes the floors that are set now, or the command ends."""
    if "evaluate" in names:
        anew = any(key.startswith("evaluate.gate") for key in aim.changed)
        gating.judge(aim.final.settings, rundir, anew=anew)


def _run(work: Work, name: str) -> None:
    rundir, stage = work.rundir, load(name)
    before = rundir.status(name)
    event = "resume" if before else "run"
    work.tell(name, event, "")
    logger.info("%s: %s", name, event)
    audit(rundir, "start", stage=name, resumed=bool(before))
    given = state.inputs(work.target, rundir, name)
    rundir.record(name, status="running", inputs=given, started=now())
    began = time.monotonic()
    with _recording(rundir, name), machine_errors(name):
        settings = settings_for(work.target, name)
        several = launching.is_for(settings, name)
        result = launching.run(settings, rundir, name) if several else stage.run(settings, rundir)
        rundir.record_result(result)
        left = state.digest(given, rundir, result.artifact)
    seconds = round(time.monotonic() - began, 1)
    rundir.record(name, result=left, seconds=round(before.get("seconds", 0.0) + seconds, 1))
    audit(rundir, "finish", stage=name, seconds=seconds, metrics=dict(result.metrics))
    logger.info("%s: done in %.1f s, %s", name, seconds, dict(result.metrics))
    work.tell(name, "done", "; ".join(result.notes))


@contextlib.contextmanager
def _recording(rundir: RunDir, name: str) -> Iterator[None]:
    """Notes in manifest and audit log how a stage ended that did not finish."""
    began = time.monotonic()
    try:
        yield
    except BaseException as error:
        stopped = not isinstance(error, Exception)
        event = "stop" if stopped else "gate" if isinstance(error, GateFailed) else "fail"
        spent = rundir.status(name).get("seconds", 0.0) + time.monotonic() - began
        facts = {} if stopped else {"status": "failed", "error": str(error), "finished": now()}
        logger.info("%s: %s", name, event, exc_info=error)
        # The disk may be what failed: the first error is the one to tell.
        with contextlib.suppress(SrlrError):
            rundir.record(name, **facts, gate=event == "gate", seconds=round(spent, 1))
            audit(rundir, event, stage=name, error=str(error) or type(error).__name__)
        raise


def _choice(rundir: RunDir) -> str:
    decision = yaml.safe_load(rundir.read_text("select/decision.yaml"))
    return str(decision["model_selection"]["selected_model"])


@contextlib.contextmanager
def _held(rundir: RunDir, ask: Ask) -> Iterator[None]:
    """The run's lock; a refusal's hint fits a command that named no run."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(rundir.lock())
        except ResourceError as error:
            if ask.run is not None:
                raise
            hint = "wait for it, or start another run with --run NEW-NAME"
            raise ResourceError(error.what, hint) from None
        yield


def _note_code(rundir: RunDir) -> None:
    """Records that the run goes on with another srlr than it began with."""
    code, was = runs.code_hash(), rundir.manifest.get("code")
    if was not in (None, code):
        logger.warning("srlr's own code has changed since this run began")
        audit(rundir, "code", was=was, code=code)
        rundir.manifest["code"] = code
        rundir.save_manifest()
