"""select --measure: what the decision rests on, measured of the candidates whose weights are here.

reads   select/decision.yaml, the weights of its candidates
writes  select/measured.json     what was measured of each candidate, what was not and why, costs
        select/decision.yaml     made again on that; the six checks of the selected model, costs
        select/report.md .html   again
        config.yaml              the model, where that makes it another
        select/break_even.svg    what a month costs by its requests, on own hardware and bought
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from srlr import roles
from srlr.core import channel, compose, runs
from srlr.core.errors import MissingArtifact, ResourceError, SrlrError
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir, hash_of, now
from srlr.core.settings import WHENCE, ModelCard, Settings
from srlr.core.target import Ask, Target, audit, data_hash, find, selected, unselect
from srlr.models import catalog, precision
from srlr.models.measured import Measured, Unmeasured
from srlr.models.validation import validate
from srlr.stages import (
    launching,
    measuring,
    select_again,
    select_checks,
    select_costs,
    select_here,
    select_memory,
    select_record,
)
from srlr.stages.refusals import machine_errors
from srlr.stages.state import NAMES, settings_for

Found = Measured | Unmeasured
CLAIMED = ("selected_model", "selection_score")
"""What the record keeps of the decision on claims once it is made again."""


@dataclass(frozen=True, slots=True)
class Work:
    """A run whose candidates are measured."""

    aim: Target
    rundir: RunDir
    machine: Machine
    cards: Mapping[str, ModelCard | None]
    """By name, the selected one first; None: the catalog has it no more."""
    kept: Mapping[str, Any]
    """Rows of its measured.json, by model."""
    keys: dict[str, str] = field(default_factory=dict)
    """What the figures of those that had their turn depend on."""

    @property
    def settings(self) -> Settings:
        return self.aim.final.settings

    @property
    def config_dir(self) -> Path | None:
        said = self.settings.config_dir
        return None if said is None else Path(said)


def run(rundir: RunDir) -> dict[str, Any]:
    """Measures what is not measured yet, decides again on that, and writes all of it; returns what
    measured.json says.

    Raises:
        MissingArtifact: nothing is selected, no candidate's weights are here, or the role has no
            module: it has no tasks to ask.
        ResourceError: weights are here, and none of them can run; or the disk is full.
    """
    with rundir.lock(), machine_errors(measuring.STAGE):
        aim = find(Ask(run=str(rundir.path)), NAMES)
        settings = aim.final.settings
        roles.require(settings.role, settings.role_path, settings.config_dir)
        said = select_again.decision(rundir)
        machine = precision.settled(settings.hardware, rundir)
        work = _work(aim, rundir, machine, _names(said))
        found: dict[str, Found] = {}
        for name in work.cards:
            found[name] = _one(work, name)
            _write(work, found)
        left = _conclude(work, said, found)
        audit(rundir, "measured", models=list(left["measured"]))
    _need_one(found)
    return left


def _conclude(work: Work, said: dict[str, Any], found: Mapping[str, Found]) -> dict[str, Any]:
    """Decides on what was measured, and writes the record with its checks and costs."""
    rundir, said = work.rundir, _decided(work, said, found)
    name = said["selected_model"]
    moved = name != work.settings.model.name
    if moved:
        final = compose.with_model(work.aim.first, name)
        work = replace(work, aim=replace(work.aim, final=final))
    ends = _conclusions(work, said, found)
    left = _write(work, found, **ends)
    record = {**said, **ends, **select_checks.told(found.values())}
    if moved:  # killed before the config has the new model, the run takes it from the record
        unselect(work.aim, rundir)
    select_record.publish({"model_selection": record}, rundir)
    if moved:
        selected(work.aim, rundir, name)
        audit(rundir, "selected", model=name)
    return left


def _decided(work: Work, said: dict[str, Any], found: Mapping[str, Found]) -> dict[str, Any]:
    """The record of a decision on what was measured; where there is none, as it was, and why."""
    rows = {name: one for name, one in found.items() if isinstance(one, Measured)}
    machine = work.machine
    choice, why = select_again.again(work.aim, work.rundir, machine, said["selected_model"], rows)
    if choice is None:
        return {**said, "kept_because": why}
    made = select_record.record(settings_for(work.aim, "select"), machine, choice, now())
    on_claims = said.get("on_claims") or {name: said[name] for name in CLAIMED}
    return {**made["model_selection"], "on_claims": on_claims}


def _work(aim: Target, rundir: RunDir, machine: Machine, names: Sequence[str]) -> Work:
    own, settings = aim.final.settings.config_dir, aim.final.settings
    known = catalog.cards(None if own is None else Path(own)) | {
        settings.model.name: settings.model
    }
    kept = _kept(rundir)
    return Work(
        aim,
        rundir,
        machine,
        {name: known.get(name) for name in names},
        {name: row for name, row in kept.items() if name in names},
    )


def _names(said: Mapping[str, Any]) -> list[str]:
    """The selected model first: what is interrupted has the most important one."""
    return list(dict.fromkeys((said["selected_model"], *said["candidates_evaluated"])))


def _need_one(found: Mapping[str, Found]) -> None:
    """Raises where nothing was measured at all, naming the first model's reason: the selected."""
    if any(isinstance(one, Measured) for one in found.values()):
        return
    failed = [one for one in found.values() if isinstance(one, Unmeasured)]
    lines = "".join(f"\n  {one.model}: {one.why}" for one in failed)
    if any(one.refused for one in failed):
        raise ResourceError(
            f"no candidate could be measured on this machine:{lines}",
            "a smaller model with model=NAME, or a machine with more memory",
        )
    raise MissingArtifact(
        f"no candidate can be measured: none has its weights on this machine{lines}",
        "bring one here (`srlr assets list`, or `hf download REPO`), or measure one that is here: "
        "model=smollm2-135m-instruct",
    )


# -- one candidate ---------------------------------------------------------------------------------


def _one(work: Work, name: str) -> Found:
    """From the run where it was measured there with the same settings; else measured now."""
    card = work.cards[name]
    if card is None:
        return Unmeasured(name, "the catalog has no such card any more")
    if why := select_here.not_here(card, work.config_dir):
        return Unmeasured(name, why)
    settings = measuring.settings_of(work.aim, name)
    work.keys[name] = _key(settings, work.machine)
    row = work.kept.get(name, {})
    if row.get("key") == work.keys[name] and (known := select_again.measured(row)) is not None:
        return known
    try:
        place = measuring.folder_of(card, settings.config_dir)
    except SrlrError as error:
        return Unmeasured(name, error.what)
    if why := select_here.too_large(place, card, settings, work.machine):
        return Unmeasured(name, why, refused=True)
    return _measured(work.rundir, settings)


def _measured(rundir: RunDir, settings: Settings) -> Found:
    """In a process of its own; what ends that one is told of the model, a bug is raised."""
    with channel.opened() as place:
        name = settings.model.name
        code, _ = launching.watched(command(rundir.path, name, place), place, rundir, settings)
        found = place / measuring.FOUND
        if code == 0 and found.is_file():
            return Measured.from_dict(json.loads(found.read_text(encoding="utf-8")))
        error = channel.error_in(place)
        if isinstance(error, SrlrError):
            return Unmeasured(name, error.what, refused=isinstance(error, ResourceError))
        if error is not None:
            raise error
        if code == -9:
            why = "its process was killed, as happens where memory runs out"
            return Unmeasured(name, why, refused=True)
        return Unmeasured(name, f"its process ended with {code}: {channel.printed(place)}")


def command(run: Path, name: str, place: Path) -> list[str]:
    """What the process of one candidate is started with."""
    return [sys.executable, "-m", measuring.__name__, str(run.resolve()), name, str(place)]


# -- what is kept ----------------------------------------------------------------------------------


def _key(settings: Settings, machine: Machine) -> str:
    """A hash of what a model's figures depend on."""
    dump = settings.model_dump(mode="json", exclude={"rollout": set(WHENCE)})
    nodes = {node: dump[node] for node in ("role", "hardware", "model", "rollout")}
    here = (machine.device_name, machine.cores, machine.compute_dtype, runs.versions())
    return hash_of([nodes, dump["select"]["measure"], data_hash(settings), here])


def _kept(rundir: RunDir) -> dict[str, Any]:
    if not (rundir.path / select_again.FILE).exists():
        return {}
    measured: dict[str, Any] = rundir.read_json(select_again.FILE).get("measured", {})
    return measured


def _write(work: Work, found: Mapping[str, Found], **ends: Any) -> dict[str, Any]:
    """measured.json as it is now; of models that have not had their turn, what was there before."""
    measured = {name: row for name, row in work.kept.items() if name not in found}
    for name, one in found.items():
        if isinstance(one, Measured):
            measured[name] = {**one.as_dict(), "key": work.keys[name]}
    value = {
        "machine": {**asdict(work.machine), **runs.versions()},
        "asked": work.settings.select.measure.model_dump(),
        "measured": measured,
        "not_measured": {n: one.as_dict() for n, one in found.items() if n not in measured},
        **ends,
    }
    work.rundir.write_json(select_again.FILE, value)
    return value


# -- the decision ----------------------------------------------------------------------------------


def _conclusions(
    work: Work, said: Mapping[str, Any], found: Mapping[str, Found]
) -> dict[str, dict[str, Any]]:
    """The six checks of the selected model, its costs, and what it is computed to hold."""
    settings, name = work.settings, said["selected_model"]
    one, card = found[name], work.cards[name] or settings.model
    wanted = select_checks.wanted(settings, work.machine, said)
    results = validate(one, wanted, select_checks.claims(card))
    measured = one if isinstance(one, Measured) else None
    return {
        "validation_results": {check: str(result) for check, result in results.items()},
        "costs": select_costs.summary(settings, work.rundir, measured),
        "memory_fit": select_memory.summary(settings, work.machine),
    }
