"""A decision made again on what was measured of its candidates.

reads   select/decision.yaml, select/measured.json
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir
from srlr.core.target import Target
from srlr.models.measured import Measured
from srlr.stages import select
from srlr.stages.select import Choice
from srlr.stages.state import NAMES, settings_for

FILE = "select/measured.json"
DECISION = "select/decision.yaml"
FOLLOWING = NAMES[1:]
"""Stages that work with the model."""


def again(
    aim: Target, rundir: RunDir, machine: Machine, was: str, found: Mapping[str, Measured]
) -> tuple[Choice | None, str]:
    """The choice by what was measured, or None and why the one that was made stays.

    A model that nobody measured is not compared with measured ones, so nothing displaces it.
    """
    if was not in found:
        return None, f"{was} was not measured, so that nothing is compared with it"
    try:
        choice = select.choose(settings_for(aim, select.NAME), machine, found=found)
    except ConfigError as error:
        nothing = error.what.partition("\n")[0]
        return None, f"{was} stays, although by what was measured {nothing}"
    other = choice.selected.name
    begun = [name for name in FOLLOWING if rundir.status(name)]
    if other != was and begun:
        return None, (
            f"{was} stays, for {begun[0]} has begun with it; by what was measured {other} is "
            f"better: `srlr select --measure --force --run {rundir.path}` starts again"
        )
    return choice, ""


def decided_on(rundir: RunDir, machine: Machine) -> dict[str, Measured]:
    """What the run's decision rests on beside claims, by model: nothing where it rests on claims
    alone, or was measured on another machine than this one.
    """
    if not all((rundir.path / name).is_file() for name in (DECISION, FILE)):
        return {}
    if decision(rundir).get("decided_on") != "measurements":
        return {}
    said = rundir.read_json(FILE)
    if said.get("machine", {}).get("device_name") != machine.device_name:
        return {}
    rows = {name: measured(row) for name, row in said.get("measured", {}).items()}
    return {name: one for name, one in rows.items() if one is not None}


def measured(row: Mapping[str, Any]) -> Measured | None:
    """What a row of measured.json says; None where another srlr has written it."""
    try:
        return Measured.from_dict({name: value for name, value in row.items() if name != "key"})
    except (KeyError, TypeError):
        return None


def decision(rundir: RunDir) -> dict[str, Any]:
    """The run's decision record.

    Raises:
        MissingArtifact: nothing is decided in this run, or the record is damaged.
    """
    text = rundir.read_text(DECISION)
    try:
        record = dict(yaml.safe_load(text)["model_selection"])
        # what every record has
        str(record["selected_model"]), float(record["selection_score"])
        datetime.fromisoformat(str(record["timestamp"]))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        why = "it is not YAML" if isinstance(error, yaml.YAMLError) else f"{error}"
        raise MissingArtifact(
            f"{DECISION} is damaged: {why}",
            f"`srlr select --run {rundir.path} --force` decides again",
        ) from error
    return record
