"""The cells of an ablation: one run directory for each arm, trial and seed.

runs/sentiment-gold/ablation_sentiment-sft-t1-s1/
  …                        as `srlr train` leaves it, without evaluate/
  ablation/cell.json       what it used, and its figure on dev
  ablation/attempts.jsonl  what the chosen trial's model said to the test tasks, greedily
  ablation/samples.jsonl   and drawn, with evaluate.samples > 1
  ablation/test.json       written last: the test split is read once
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr import roles
from srlr.core import compose, runs
from srlr.core.ablation import Ablation, Arm
from srlr.core.layers import GROUPS
from srlr.core.rundir import RunDir, Subscriber, Tell, hash_of
from srlr.core.settings import Settings
from srlr.core.target import Ask, find
from srlr.core.types import Progress, Role, Task
from srlr.models.local import LocalModel
from srlr.stages import answering, evaluate, pipeline
from srlr.stages.state import NAMES

CELL, TEST = "ablation/cell.json", "ablation/test.json"
ATTEMPTS, SAMPLES = "ablation/attempts.jsonl", "ablation/samples.jsonl"
NO_PART = frozenset({"ablation", "runs_dir", "store_dir", "config_dir", "deploy"})
"""Settings on which a cell does not depend."""


@dataclass(frozen=True, slots=True)
class Study:
    """An ablation and the words it was asked for with; `name` begins the names of its runs."""

    name: str
    node: Ablation
    runs_dir: Path
    words: tuple[str, ...]
    config_dir: Path | None
    command: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: `trial` counts from 0."""

    arm: str
    trial: int
    seed: int


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of what happens to a cell."""

    progress: Subscriber
    tell: Tell


def named(study: Study, cell: Cell) -> str:
    """The run's name."""
    return f"{study.name}-{cell.arm}-t{cell.trial + 1}-s{cell.seed}"


def asked(study: Study, cell: Cell) -> Ask:
    """What a command line would have said to start the cell's run."""
    node = study.node
    arm = node.arms[cell.arm]
    own = [*arm.words, *_shares(arm, node), *arm.trials[cell.trial]]
    every = [word for stage in arm.stages for word in node.each.get(stage, ())]
    words = (*_chosen(arm, study), *every, *own, *_bare(study), f"seed={cell.seed}")
    return Ask(words, study.config_dir, named(study, cell), command=study.command)


def _chosen(arm: Arm, study: Study) -> list[str]:
    """The study's choices of options, such as its recipe, and what the arm passes over."""
    groups = [word for word in study.words if word not in _bare(study)]
    passed = [f"{stage}=none" for stage in ("srl", "rlvr") if stage not in arm.stages]
    return [*groups, *(passed if arm.stages else ())]


def _bare(study: Study) -> list[str]:
    """The study's words that choose no option: they come last, because they were typed."""
    return [word for word in study.words if word.partition("=")[0] not in GROUPS]


def _shares(arm: Arm, node: Ablation) -> list[str]:
    words = [f"{stage}.eval_tasks={node.dev_tasks}" for stage in arm.stages]
    if node.budget is not None:
        share = max(1, node.budget // max(1, len(arm.stages)))
        words += [f"{stage}.token_budget={share}" for stage in arm.stages]
    return words


def stages_of(arm: Arm) -> tuple[str, ...]:
    """The stages that a cell of the arm runs."""
    return NAMES[:4] if arm.stages else NAMES[:2]


def record(study: Study, cell: Cell, name: str) -> dict[str, Any] | None:
    """The cell's CELL or TEST; None where it is not so far."""
    path = runs.locate(study.runs_dir, named(study, cell))
    if path is None or not (path / name).exists():
        return None
    found: dict[str, Any] = RunDir(path).read_json(name)
    return found


def rows(study: Study, cell: Cell, name: str) -> list[dict[str, Any]]:
    """The cell's ATTEMPTS or SAMPLES; none where none were asked for."""
    path = runs.existing(study.runs_dir, named(study, cell))
    return RunDir(path).read_jsonl(name) if (path / name).exists() else []


def train(study: Study, cell: Cell, told: Told) -> dict[str, Any]:
    """Brings the cell's run to the end of its training; returns CELL's content.

    Raises:
        SrlrError: as the pipeline does.
    """
    ask, arm = asked(study, cell), study.node.arms[cell.arm]
    inputs = _inputs(ask)
    known = record(study, cell, CELL)
    if known is not None and known["inputs"] == inputs:
        return known
    rundir = pipeline.run(ask, stages_of(arm), progress=told.progress, tell=told.tell)
    settings = find(Ask(run=str(rundir.path)), NAMES).final.settings
    rundir.subscribe(told.progress)
    main = settings.role.main_metric
    results = [rundir.read_json(f"{stage}/result.json") for stage in arm.stages]
    dev = results[-1]["dev"].get(main) if results else _dev_of_base(settings, rundir)
    done = {
        "arm": cell.arm,
        "trial": cell.trial,
        "seed": cell.seed,
        "words": list(study.node.arms[cell.arm].trials[cell.trial]),
        "inputs": inputs,
        "model": settings.model.name,
        "dev": dev,
        "tokens_forward": sum(one["tokens_forward"] for one in results),
        "tokens_backward": sum(one["tokens_backward"] for one in results),
        "seconds": sum(rundir.status(stage)["seconds"] for stage in arm.stages),
        "steps": [one["steps"] for one in results],
        "best_steps": [one["best_step"] for one in results],
    }
    with rundir.lock():
        rundir.write_json(CELL, done)
    return done


def _inputs(ask: Ask) -> str:
    """A hash of all settings that a cell depends on."""
    settings = compose.compose(ask.words, config_dir=ask.config_dir).settings
    dump = settings.model_dump(mode="json")
    return hash_of({key: value for key, value in dump.items() if key not in NO_PART})


def _dev_of_base(settings: Settings, rundir: RunDir) -> float:
    role = roles.load(settings.role, settings.role_path)
    tasks = answering.some(role.load_tasks(settings.role, "dev"), settings.ablation.dev_tasks)
    model, _, shots = _model(settings, rundir, (), role)
    attempts = answering.ask(
        model, "baseline", role, tasks, settings, shots=shots, progress=_teller(rundir, "dev")
    )
    return answering.figures(attempts, settings)[settings.role.main_metric]


def examine(study: Study, cell: Cell, told: Told) -> None:
    """Puts the tasks of evaluate.split to the cell's model, once."""
    if record(study, cell, TEST) is not None:
        return
    rundir = RunDir(runs.existing(study.runs_dir, named(study, cell)))
    rundir.subscribe(told.progress)
    told.tell(cell.arm, "run", "test")
    settings = find(Ask(run=str(rundir.path)), NAMES).final.settings
    role = roles.load(settings.role, settings.role_path)
    split = settings.evaluate.split
    tasks = answering.some(role.load_tasks(settings.role, split), settings.evaluate.limit)
    with rundir.lock():
        model, name, shots = _model(settings, rundir, study.node.arms[cell.arm].stages, role)
        tell = _teller(rundir, split)
        attempts = answering.ask(model, name, role, tasks, settings, shots=shots, progress=tell)
        rundir.write_jsonl(ATTEMPTS, attempts)
        if settings.evaluate.samples > 1:
            drawn = answering.draw(model, name, role, tasks, settings, shots=shots, progress=tell)
            rundir.write_jsonl(SAMPLES, drawn)
        rundir.write_json(TEST, {"split": split, **answering.figures(attempts, settings)})


def _model(
    settings: Settings, rundir: RunDir, stages: Sequence[str], role: Role
) -> tuple[LocalModel, str, Sequence[Task] | None]:
    """The last stage's model, what it is called, and the solved examples it is shown."""
    if stages:
        best = rundir.path / stages[-1] / "best"
        return answering.load(best, settings, rundir), stages[-1], None
    base = answering.base_folder(settings, rundir)
    return answering.load(base, settings, rundir), "baseline", evaluate.shots_of(role, settings)


def _teller(rundir: RunDir, split: str) -> Progress:
    return lambda what, done, total: rundir.progress(f"{split}: {what}", done, total)


def drop_weights(study: Study, cell: Cell) -> None:
    """Frees what the cell's models occupy."""
    path = runs.existing(study.runs_dir, named(study, cell))
    left = [path / stage / "best" for stage in ("srl", "rlvr")]
    if not any(folder.exists() for folder in left):
        return
    with RunDir(path).lock():
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
