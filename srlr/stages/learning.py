"""What the two training stages share: their surroundings, what they leave, what they will cost."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.target import audit
from srlr.core.training import Loop, Training
from srlr.core.types import Plan, Role, StageResult
from srlr.models.card import number
from srlr.stages import answering
from srlr.training import checkpoint
from srlr.training.alarms import Alarm
from srlr.training.progress import Outcome, Surroundings

TOKENS_A_TASK = 30
"""Of prompt and of answer each, where nothing is known yet: short texts, compact steps."""
TRAIN_GFLOP_PER_S = 180.0
GENERATE_GFLOP_PER_S = 200.0
"""What two cores with AVX512-BF16 reached in the two kinds of work of `make train`."""


def surroundings(
    stage: str, role: Role, settings: Settings, node: Training, rundir: RunDir
) -> Surroundings:
    """A loop's connections to its run directory."""
    rows: list[Mapping[str, Any]] = []

    def log(step: int, figures: Mapping[str, float]) -> None:
        rundir.metric(stage, step, **figures)
        rows.append({"step": step, **figures})

    def rewind(step: int) -> None:
        rundir.rewind_metrics(stage, step)
        rows[:] = rundir.metrics(stage)

    def alarm(raised: Alarm) -> None:
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
    )


def _said(alarm: Mapping[str, Any]) -> str:
    return f"{alarm['name']} at step {alarm['step']} ({alarm['action']}): {alarm['why']}"


def finish(
    stage: str, outcome: Outcome, source: Path, settings: Settings, rundir: RunDir
) -> StageResult:
    """Writes result.json; where no step was better than none, the best model is the source."""
    best = rundir.path / stage / "best"
    if outcome.best_step == 0:
        answering.load(source, settings, rundir).save(best)
    main = settings.role.main_metric
    rundir.write_json(
        f"{stage}/result.json",
        {
            "best_step": outcome.best_step,
            "steps": outcome.steps,
            "dev": dict(outcome.best),
            "dev_before": dict(outcome.first) if outcome.first else None,
            "gain": outcome.best_step > 0,
            "alarms": list(outcome.alarms),
            "stopped_by": next((a["name"] for a in outcome.alarms if a["action"] == "stop"), None),
        },
    )
    checkpoint.remove(rundir.path / stage / "checkpoint")
    before = f"{outcome.first[main]:.3f} → " if outcome.first else ""
    note = (
        f"{stage}: dev {main} {before}{outcome.best.get(main, math.nan):.3f}"
        f" at step {outcome.best_step} of {outcome.steps}"
    )
    heard = [f"{stage}: alarm {_said(alarm)}" for alarm in outcome.alarms]
    figures = {f"dev_{name}": value for name, value in outcome.best.items()}
    return StageResult(
        stage, f"{stage}/best", {"best_step": float(outcome.best_step), **figures}, (note, *heard)
    )


def plan(
    stage: str, settings: Settings, node: Training, steps: int, *, trained: int, generated: int
) -> Plan:
    """What `steps` steps cost that train on `trained` rows and generate `generated` answers.

    The model in bfloat16, 2 bytes a parameter, or in 4 bits; gradient, weight and moments in
    float32, 16 bytes a parameter that learns; activations grow with the tokens of a micro-batch.
    """
    parameters_b = number(settings.model, "parameters_b") or 1.0
    layers = number(settings.model, "num_layers")
    passed = min(1.0, node.trained_layers / layers) if node.trained_layers and layers else 1.0
    learning, size = passed, 2.0
    if isinstance(node, Loop) and node.tuning != "full":
        learning *= min(1.0, 2 * node.lora.rank / (number(settings.model, "hidden_size") or 2048))
        size = 0.6 if node.tuning == "qlora" else 2.0
    scored = (steps // node.eval_every_steps + 2) * node.eval_tasks
    read, written = 2 * TOKENS_A_TASK * trained, TOKENS_A_TASK * (generated + scored)
    # Read once; in the backward pass once for what is below, once for the weights that learn.
    seconds = (2 + 2 * passed + 2 * learning) * parameters_b * read / TRAIN_GFLOP_PER_S
    seconds += 2 * parameters_b * written * 2 / GENERATE_GFLOP_PER_S
    return Plan(
        stage,
        tokens=read + written,
        seconds=seconds,
        memory_gb=(size + 16 * learning) * parameters_b + 0.0015 * node.micro_batch_tokens + 0.7,
        disk_gb=(2 + (12 + 12) * learning) * parameters_b,
        note=f"{steps} steps",
    )
