"""What the two training stages share: their surroundings, what they leave, what they will cost."""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from srlr import assets
from srlr.core import hardware
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.target import audit
from srlr.core.training import Distil, Grpo, Training
from srlr.core.types import Plan, Role, StageResult
from srlr.models import catalog, precision
from srlr.models.card import number
from srlr.stages import answering, memory
from srlr.training import checkpoint, parallel
from srlr.training.alarms import Alarm
from srlr.training.progress import Outcome, Surroundings

TOKENS_A_TASK = 30
"""Of prompt and of answer each, where nothing is known yet: short texts, compact steps."""
TRAIN_GFLOP_PER_S = 180.0
GENERATE_GFLOP_PER_S = 200.0
"""What two cores with AVX512-BF16 reached in the two kinds of work of `make train`."""
FLOAT32_SHARE = 0.5
"""Of that speed, where the processor computes in float32."""
GPU_TIMES = 100.0
"""That speed on a GPU: 20 TFLOP/s, a sixth of what an L4's datasheet says. Not measured."""


def surroundings(
    stage: str, role: Role, settings: Settings, node: Training, rundir: RunDir
) -> Surroundings:
    """A loop's connections to its run directory; of several processes, the first alone writes."""
    rows: list[Mapping[str, Any]] = []
    world = replace(parallel.here(), sharded=settings.launcher.parts > 1)

    def log(step: int, figures: Mapping[str, float]) -> None:
        if world.first:
            rundir.metric(stage, step, **figures)
        rows.append({"step": step, **figures})

    def rewind(step: int) -> None:
        if world.first:
            rundir.rewind_metrics(stage, step)
        # The others may read before it is rewound, and do not see what it drops.
        rows[:] = [row for row in rundir.metrics(stage) if row["step"] <= step]

    def alarm(raised: Alarm) -> None:
        if not world.first:
            return
        audit(rundir, "alarm", stage=stage, **asdict(raised))
        rundir.tell(stage, "alarm", f"{_said(asdict(raised))}. Try {raised.advice}")

    def progress(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        rundir.progress(f"{stage}: {what}", done, total, **figures)

    return Surroundings(
        folder=rundir.path / stage,
        node=stage.replace("/", "."),
        score=answering.dev_score(role, settings, node.eval_tasks, rundir, stage),
        main=settings.role.main_metric,
        log=log,
        progress=progress,
        rewind=rewind,
        history=lambda: rows,
        alarm=alarm,
        world=world,
    )


def _said(alarm: Mapping[str, Any]) -> str:
    part = f" of the {alarm['part']}" if "part" in alarm else ""
    return f"{alarm['name']} at step {alarm['step']}{part} ({alarm['action']}): {alarm['why']}"


def require_vllm(settings: Settings, rundir: RunDir) -> None:
    """Told before either training stage loads a model.

    Raises:
        MissingArtifact: answers are to be drawn by vLLM, which is not installed.
        ResourceError: it is, and the models are to run on a CPU.
    """
    node = settings.rlvr
    if not isinstance(node, Grpo) or node.vllm.mode == "off":
        return
    said = f"rlvr.vllm.mode={node.vllm.mode}"
    if importlib.util.find_spec("vllm") is None:
        raise MissingArtifact(
            f"{said}: the package 'vllm' is not installed",
            "pip install 'trl[vllm]' on a machine with CUDA, or rlvr.vllm.mode=off",
        )
    if hardware.probe(settings.hardware, rundir.path).device != "cuda":
        raise ResourceError(
            f"{said}: vLLM's weights are kept in step over CUDA, and this run's device is the CPU",
            "rlvr.vllm.mode=off, or run it on a machine with a GPU",
        )


def teacher_folder(settings: Settings) -> Path:
    """Where the teacher of srl=distil is: a card's weights, an asset, a hub model or a folder.

    Raises:
        ConfigError: nobody said who teaches.
        MissingArtifact: it is not here and cannot be fetched.
    """
    said = settings.srl.teacher if isinstance(settings.srl, Distil) else None
    if said is None:
        raise ConfigError(
            "srl=distil: nobody teaches",
            "srl.teacher=NAME of a card (see `srlr config groups`), a folder, or "
            "srl.teacher=hub:org/name",
        )
    own = None if settings.config_dir is None else Path(settings.config_dir)
    card = catalog.cards(own).get(said)
    return assets.locate(said if card is None or card.source is None else card.source)


def finish(
    stage: str,
    outcome: Outcome,
    source: Path,
    settings: Settings,
    rundir: RunDir,
    *,
    before: Sequence[Mapping[str, Any]] = (),
) -> StageResult:
    """Leaves result.json and the best model; of several processes, all wait until it is there.

    Args:
        before: alarms of a part of the stage that came first; they ended that part alone.
    """
    world = parallel.here()
    if world.first:
        _leave(stage, outcome, source, settings, rundir, before)
    world.wait()
    main = settings.role.main_metric
    start = f"{outcome.first[main]:.3f} → " if outcome.first else ""
    note = (
        f"{stage}: dev {main} {start}{outcome.best.get(main, math.nan):.3f}"
        f" at step {outcome.best_step} of {outcome.steps}"
    )
    heard = [f"{stage}: alarm {_said(alarm)}" for alarm in (*before, *outcome.alarms)]
    figures = {f"dev_{name}": value for name, value in outcome.best.items()}
    return StageResult(
        stage, f"{stage}/best", {"best_step": float(outcome.best_step), **figures}, (note, *heard)
    )


def _leave(
    stage: str,
    outcome: Outcome,
    source: Path,
    settings: Settings,
    rundir: RunDir,
    before: Sequence[Mapping[str, Any]],
) -> None:
    """Writes result.json; where no step was better than none, the best model is the source."""
    if outcome.best_step == 0:
        answering.load(source, settings, rundir).save(rundir.path / stage / "best")
    tokens = dict(outcome.tokens)
    rundir.write_json(
        f"{stage}/result.json",
        {
            "best_step": outcome.best_step,
            "steps": outcome.steps,
            "dev": dict(outcome.best),
            "dev_before": dict(outcome.first) if outcome.first else None,
            "gain": outcome.best_step > 0,
            "alarms": [*before, *outcome.alarms],
            **tokens,
            "stopped_by": next((a["name"] for a in outcome.alarms if a["action"] == "stop"), None),
        },
    )
    checkpoint.remove(rundir.path / stage / "checkpoint")


def passed(stage: str, source: Path, settings: Settings, rundir: RunDir) -> StageResult:
    """A stage that learns nothing: the model before it is its best; its result says `passed`."""
    answering.load(source, settings, rundir).save(rundir.path / stage / "best")
    before = "the base model" if stage == "srl" else "SRL's model"
    rundir.write_json(
        f"{stage}/result.json",
        {"best_step": 0, "steps": 0, "dev": {}, "dev_before": None, "gain": False, "passed": True},
    )
    return StageResult(stage, f"{stage}/best", {}, (f"{stage}: passed over, {before} goes on",))


def passed_plan(stage: str) -> Plan:
    """What a stage that learns nothing costs."""
    return Plan(stage, note="passed over")


def plan(
    stage: str, settings: Settings, node: Training, steps: int, *, trained: int, generated: int
) -> Plan:
    """What `steps` steps cost that train on `trained` rows and generate `generated` answers.

    Its folders on disk: the best weights, and a checkpoint of float32 weights and moments while
    the next is written.
    """
    parameters_b = number(settings.model, "parameters_b") or 1.0
    passed, learning = memory.passed(settings, node), memory.learning_b(settings, node)
    scored = (steps // node.eval_every_steps + 2) * node.eval_tasks
    read, written = 2 * TOKENS_A_TASK * trained, TOKENS_A_TASK * (generated + scored)
    through = 2 * read + 2 * TOKENS_A_TASK * generated  # forward and backward
    if node.token_budget is not None and through > node.token_budget:
        share = node.token_budget / through
        read, written, steps = round(read * share), round(written * share), round(steps * share)
    # Read once; in the backward pass once for what is below, once for the weights that learn.
    seconds = (2 * parameters_b * (1 + passed) + 2 * learning) * read / TRAIN_GFLOP_PER_S
    seconds += 2 * parameters_b * written * 2 / GENERATE_GFLOP_PER_S
    seconds /= _times_as_fast(settings)
    return Plan(
        stage,
        tokens=read + written,
        seconds=seconds,
        memory_gb=memory.training_gb(settings, node),
        disk_gb=2 * parameters_b + (12 + 12) * learning,
        note=f"{steps} steps{_in_parts(settings)}",
    )


def _in_parts(settings: Settings) -> str:
    parts = settings.launcher.parts
    return f"; memory is that of each of {parts} processes, which share weights" * (parts > 1)


def _times_as_fast(settings: Settings) -> float:
    """This machine over the two cores on which the speeds above were measured."""
    machine = precision.foreseen(settings.hardware)
    if machine.device == "cuda":
        return GPU_TIMES
    return machine.cores / 2 * (1.0 if machine.compute_dtype == "bfloat16" else FLOAT32_SHARE)
