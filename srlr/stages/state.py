"""Which stages of a run are done, which must start from nothing, and which one is missing.

A stage is done when its manifest entry says so for the same inputs: the config nodes it reads, the
results of the stages it follows, and the user's data file.
"""

import importlib
from collections.abc import Collection, Sequence
from typing import Any, Protocol, cast

from srlr.core import target, teaching
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir, hash_file, hash_of
from srlr.core.settings import WHENCE, Settings
from srlr.core.target import Ask, Target
from srlr.core.types import Plan, StageResult

NAMES = ("select", "generate", "srl", "rlvr", "evaluate")


class Stage(Protocol):
    """What a stage module must define."""

    NAME: str
    READS: tuple[str, ...]
    AFTER: tuple[str, ...]

    def run(self, settings: Settings, rundir: RunDir) -> StageResult: ...

    def plan(self, settings: Settings) -> Plan: ...


def load(name: str) -> Stage:
    """The stage module `name`, imported now."""
    return cast(Stage, importlib.import_module(f"srlr.stages.{name}"))


def settings_for(aim: Target, stage: str) -> Settings:
    """select reads the config as asked for; the others the one with its choice in it."""
    return (aim.first if stage == "select" else aim.final).settings


def inputs(aim: Target, rundir: RunDir, name: str) -> str:
    """A hash of all that the stage's result depends on."""
    stage, settings = load(name), settings_for(aim, name)
    # Where answers come from, what is measured of a choice, where an evaluation is tracked and
    # which floors it must reach change no stage's result; nor do guardrails of what is served.
    whence = dict.fromkeys(teaching.WHENCE, True)
    more = dict.fromkeys(settings.generate.more_teachers, whence)
    unread: dict[str, Any] = {
        "role": {"guard"},
        "rollout": set(WHENCE),
        "select": {"measure"},
        "evaluate": {"gate", "track"},
        "generate": {"teacher": whence, "more_teachers": more, "verifier": {"judge": whence}},
    }
    dump = settings.model_dump(mode="json", exclude=unread)
    return hash_of(
        {
            "reads": {node: dump[node] for node in stage.READS},
            "after": {before: rundir.status(before).get("result") for before in stage.AFTER},
            "data": target.data_hash(settings) if "role" in stage.READS else None,
        }
    )


def digest(given: str, rundir: RunDir, artifact: str) -> str:
    """A hash of what a stage was given and what it left: every byte of its artifact."""
    path = rundir.path / artifact
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return hash_of([given, {str(p.relative_to(rundir.path)): hash_file(p) for p in files}])


def is_current(aim: Target, rundir: RunDir, name: str) -> bool:
    """Whether the stage was last called with what it would be given now."""
    return bool(rundir.status(name).get("inputs") == inputs(aim, rundir, name))


def is_done(aim: Target, rundir: RunDir, name: str) -> bool:
    """Whether the stage finished with the same inputs and its artifact is still there."""
    entry = rundir.status(name)
    return (
        entry.get("status") == "done"
        and "result" in entry
        and (rundir.path / entry["artifact"]).exists()
        and is_current(aim, rundir, name)
    )


def changed_keys(aim: Target, name: str) -> list[str]:
    """What the words change of the nodes that the stage reads."""
    reads = load(name).READS
    return [key for key in aim.changed if key.split(".", 1)[0] in reads]


def to_forget(aim: Target, rundir: RunDir, names: Sequence[str], ask: Ask) -> tuple[str, ...]:
    """The stages that start from nothing: with force the first affected one and all that follow it,
    without it those of `names` that are half done with inputs which have changed.

    Raises:
        ConfigError: a finished stage would have to start again, and nobody said --force for it.
    """
    stale = [n for n in NAMES if rundir.status(n) and not is_current(aim, rundir, n)]
    finished = [n for n in stale if rundir.status(n).get("status") == "done"]
    if finished and not (ask.force and finished[0] in names):
        _refuse(finished[0], aim, rundir, ask)
    if not ask.force:
        return tuple(n for n in stale if n in names)
    whole = len(names) == len(NAMES)
    first = finished[0] if finished else names[0] if whole else names[-1]
    return NAMES[NAMES.index(first) :]


def _refuse(name: str, aim: Target, rundir: RunDir, ask: Ask) -> None:
    keys = ", ".join(changed_keys(aim, name)) or "the data, an earlier stage or srlr itself"
    words = " ".join(ask.words)
    raise ConfigError(
        f"{name} is finished in {str(rundir.path)!r}, and what it read has changed: {keys}",
        f"`srlr {name} --run {rundir.path} {words}".rstrip() + " --force` does it again"
        if ask.force
        else f"add --force to do {name} and what follows again, "
        "or start another run with --run NEW-NAME",
    )


def require(
    rundir: RunDir | None, names: Sequence[str], ask: Ask, forgotten: Collection[str] = ()
) -> None:
    """Raises MissingArtifact for the first stage that must be done before these and is not."""
    for position, name in enumerate(names):
        for before in load(name).AFTER:
            done = rundir is not None and rundir.status(before).get("status") == "done"
            if before in names[:position] or (done and before not in forgotten):
                continue
            if rundir is not None:
                raise MissingArtifact(
                    f"{name} needs {before}, which is not done in {str(rundir.path)!r}",
                    f"srlr {before} --run {rundir.path}",
                )
            command = " ".join(("srlr", before, *ask.words))
            command += f" --run {ask.run}" if ask.run else ""
            raise MissingArtifact(
                f"{name} needs {before}, and no unfinished run of this config has it",
                f"`{command}` first, or name an earlier run with --run (see `srlr runs list`)",
            )
