"""Which run a command means, and the config it then works with.

    --run R, R exists      R, with R's own config; overrides are applied on top of it
    --run R, R is new      a new run called R
    no --run               the newest unfinished run of the same config, else a new one

Finding a target touches nothing; `create` and `settle` write.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import srlr
from srlr.core import compose, hardware, runs
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.rundir import RunDir, hash_file, now
from srlr.core.settings import Hardware, Settings

CONFIG = "config.yaml"
AUTO = "config.auto.yaml"
"""The composition before a model was selected; config.yaml is the one after."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a command line said: the words, where to look for config, which run, and how."""

    words: tuple[str, ...] = ()
    config_dir: Path | None = None
    run: str | None = None
    force: bool = False
    command: str = "srlr"


@dataclass(frozen=True, slots=True)
class Target:
    """A run that exists (`rundir`) or will (`path`), and its two compositions.

    `first` is the config as asked for, in which the model may be `auto`; `final` has the selected
    one where select is done, else it is `first`. `changed` are the keys of an existing run's config
    that the words change.
    """

    path: Path
    rundir: RunDir | None
    first: compose.Composition
    final: compose.Composition
    changed: tuple[str, ...] = ()

    @property
    def auto(self) -> bool:
        """Whether the model is left to select."""
        return self.first.settings.model.source is None


def find(ask: Ask, stages: Sequence[str]) -> Target:
    """The run that `ask` means; nothing is written.

    Raises:
        ConfigError: the words do not compose, or the run is damaged or of another layout.
    """
    if ask.run is not None:
        path = runs.locate(runs_dir(ask), ask.run)
        if path is not None:
            return _reopen(RunDir(path), ask)
    fresh = compose.compose(ask.words, config_dir=ask.config_dir)
    place = Path(fresh.settings.runs_dir)
    if ask.run is None:
        unfinished = runs.newest_unfinished(place, yaml.safe_load(fresh.yaml), stages)
        if unfinished is not None:
            return _reopen(unfinished, dataclasses.replace(ask, words=()))
    path = runs.place_for(place, fresh.settings, ask.run or runs.new_name())
    return Target(path, None, fresh, fresh)


def runs_dir(ask: Ask) -> Path:
    """Where runs are, before it is known which run's config applies: only its word counts."""
    said = [word.partition("=")[2] for word in ask.words if word.startswith("runs_dir=")]
    words = (f"runs_dir={said[-1]}",) if said else ()
    return Path(compose.compose(words, config_dir=ask.config_dir).settings.runs_dir)


def _reopen(rundir: RunDir, ask: Ask) -> Target:
    own = _stored(rundir, CONFIG)
    asked = _stored(rundir, AUTO) if (rundir.path / AUTO).exists() else own
    first, changed = _on_top(asked, ask)
    # A kill between the two writes of `selected` leaves the choice unmade: select does it again.
    unmade = asked is own or own.get("model", {}).get("source") is None
    final, more = (first, set()) if unmade else _on_top(own, ask)
    return Target(rundir.path, rundir, first, final, tuple(sorted(changed | more)))


def _on_top(base: Mapping[str, Any], ask: Ask) -> tuple[compose.Composition, set[str]]:
    """The run's config with the words applied, and the keys that this changes."""
    composed = compose.compose(ask.words, config_dir=ask.config_dir, base=base)
    if not ask.words:
        return composed, set()
    # The text says more than the settings: there, what a card may tune differs from what is pinned.
    before = compose.compose((), config_dir=ask.config_dir, base=base)
    return composed, set(
        runs.changed_keys(yaml.safe_load(before.yaml), yaml.safe_load(composed.yaml))
    )


def _stored(rundir: RunDir, name: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(rundir.read_text(name))
    except yaml.YAMLError as error:
        config, why = None, f": {error}"
    else:
        why = ": it is not a mapping"
    if not isinstance(config, dict):
        raise ConfigError(
            f"{name!r} in {str(rundir.path)!r} is damaged{why}", "remove the run and start it again"
        )
    return config


def create(target: Target, ask: Ask) -> tuple[Target, RunDir]:
    """Makes the run on disk, its seed drawn unless given.

    Raises:
        ResourceError: the folder cannot be made, or another process made it first.
    """
    first = target.first
    if first.settings.seed is None:
        words = (*ask.words, f"seed={runs.draw_seed()}")
        first = compose.compose(words, config_dir=ask.config_dir)
    try:
        rundir = RunDir.create(
            target.path,
            config_yaml=first.yaml,
            command=ask.command,
            facts=_facts(first, target.path, ask.command),
        )
    except FileExistsError:
        raise ResourceError(
            f"{str(target.path)!r} exists and is not a run", "choose another name after --run"
        ) from None
    return Target(target.path, rundir, first, first), rundir


def settle(target: Target, rundir: RunDir) -> None:
    """Writes what the words changed into the run's own config."""
    if target.final is not target.first:
        rundir.write_text(AUTO, target.first.yaml)
    rundir.write_text(CONFIG, target.final.yaml)
    rundir.manifest["config"] = runs.config_hash(yaml.safe_load(target.first.yaml))
    rundir.manifest["seed"] = target.first.settings.seed
    rundir.manifest["data"] = data_hash(target.first.settings)
    rundir.manifest |= _isolation(target.first.settings)
    rundir.save_manifest()


def unselect(target: Target, rundir: RunDir) -> Target:
    """The target before select: the model is as it was asked for, in the run's config too."""
    rundir.write_text(CONFIG, target.first.yaml)
    (rundir.path / AUTO).unlink(missing_ok=True)
    return dataclasses.replace(target, final=target.first)


def selected(target: Target, rundir: RunDir, model: str) -> Target:
    """The target composed again with the selected model; both compositions are written."""
    final = compose.with_model(target.first, model)
    rundir.write_text(AUTO, target.first.yaml)
    rundir.write_text(CONFIG, final.yaml)
    return dataclasses.replace(target, final=final)


def data_hash(settings: Settings) -> str | None:
    """SHA-256 of the user's own data file; None for data that an asset's lock already pins."""
    path = Path(settings.role.data)
    return hash_file(path) if path.is_file() else None


def _facts(first: compose.Composition, place: Path, command: str) -> dict[str, Any]:
    """What a manifest starts with: enough to say later what made these files."""
    settings = first.settings
    machine = hardware.probe(Hardware(name="auto"), place)
    return {
        "srlr": srlr.__version__,
        "code": runs.code_hash(),
        "versions": {"python": sys.version.split()[0], **runs.versions()},
        "role": settings.role.name,
        "tier": settings.tier.name,
        "seed": settings.seed,
        "config": runs.config_hash(yaml.safe_load(first.yaml)),
        "data": data_hash(settings),
        "hardware": dataclasses.asdict(machine),
        "command": command,
        **_isolation(settings),
    }


def _isolation(settings: Settings) -> dict[str, Any]:
    """How the role's generated code is run, where it has any; `none` is without isolation."""
    node = settings.role.sandbox
    return {} if node is None else {"sandbox": node.kind}


def audit(rundir: RunDir, event: str, **facts: Any) -> None:
    """Adds a line to the run's audit log."""
    rundir.append("audit.jsonl", {"at": now(), "event": event, **facts})
