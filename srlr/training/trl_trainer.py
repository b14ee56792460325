"""One training by a trainer of TRL, with our optimiser, schedule, judgements and checkpoints.

    fit(model, settings, steps, seed, around, first, make)     make(Job) -> the trainer

Public interfaces alone: the trainer is given tokens, our optimiser and schedule, and `Watch` as a
callback. It trains a float32 copy under autocast, and what is judged and kept is that copy rounded
to the model's own dtype. A checkpoint is the Trainer's; a killed run goes on from the last complete
one.
"""

import copy
import importlib.util
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from transformers import PrinterCallback

from srlr.core.errors import MissingArtifact
from srlr.core.rundir import writing
from srlr.core.training import ByTrl, Loop, Training
from srlr.models.local import LocalModel
from srlr.training import adapters, checkpoint
from srlr.training.optim import choose
from srlr.training.progress import Outcome, Surroundings, factor, is_over, judge, totals
from srlr.training.trl_callback import Job, quiet, resumed


def require(what: str) -> None:
    """Raises MissingArtifact where TRL, which `what` needs, is not installed."""
    if not all(map(importlib.util.find_spec, ("trl", "datasets"))):
        raise MissingArtifact(f"{what} needs the package 'trl'", "pip install 'srlr[trl]'")


def fit(
    model: LocalModel,
    settings: Training,
    steps: int,
    seed: int,
    around: Surroundings,
    make: Callable[[Job], Any],
    *,
    first: Callable[[checkpoint.State], None] | None = None,
    updates: int = 1,
) -> Outcome:
    """The model's weights become those last judged; the best ones are in `around.folder`/best.

    Args:
        first: judges the model as it comes, before the first step of a fresh start.
        updates: the Trainer's steps in one of ours.
    """
    folder = around.folder / "checkpoint"
    state, newest = resumed(folder) or (checkpoint.State(), None)
    if newest is None:
        shutil.rmtree(folder, ignore_errors=True)
        around.rewind(-1)
        if first is not None:
            first(state)
    else:
        around.rewind(state.step)
    if not is_over(state, steps, settings):
        # A server has the weights that came, not those that learn.
        model, learner = copied(replace(model, server=None), settings, seed)
        job = Job(model, learner, settings, steps, seed, state, around, newest, updates)
        with quiet(), writing(folder):
            trainer = make(job)
            trainer.remove_callback(PrinterCallback)
            trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    begun = state.loop.get("first")
    return Outcome(state.best_step, state.step, state.best, begun, state.alarms, totals(state))


def judged_first(
    model: LocalModel, around: Surroundings, known: Mapping[str, float] | None
) -> Callable[[checkpoint.State], None]:
    """For `fit`: the model's held-out figures as it comes; `known` are taken over."""

    def first(state: checkpoint.State) -> None:
        judge(model, state, around, known)

    return first


def copied(model: LocalModel, settings: Training, seed: int) -> tuple[LocalModel, LocalModel]:
    """The model as the settings want it tuned, and its float32 copy for a trainer of TRL.

    The GRPOTrainer puts the adapter on the copy by itself: of one that is there already it would
    keep another copy as the reference.
    """
    view = None
    if not isinstance(settings, Loop | ByTrl) or settings.tuning == "full":
        network = copy.deepcopy(model.model)
    elif isinstance(settings, Loop):
        network = copy.deepcopy(model.model)
        model = adapters.attach(model, settings, seed)
    else:
        model = adapters.attach(model, settings, seed)
        view = copy.deepcopy(model.adapter)
        network = view.get_base_model()
    network.float()
    # TRL masks padding the common way, which our own attention does not read.
    network.set_attn_implementation("sdpa")
    return model, replace(model, model=network, adapter=view, dtype=torch.float32)


def optimizers(job: Job) -> tuple[Any, Any]:
    """Our optimiser over the weights that learn, and our schedule.

    The Trainer asks for the next step's rate before it tells what the last one cost: where a budget
    decides, it is a step late.
    """
    settings = job.settings
    adamw = torch.optim.AdamW(
        choose(job.learner, settings.trained_layers),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(0.9, 0.95),
    )
    return adamw, torch.optim.lr_scheduler.LambdaLR(
        adamw,
        lambda update: factor(replace(job.state, step=update // job.updates), job.steps, settings),
    )


def arguments(job: Job, name: str, at_once: int, in_a_step: int) -> dict[str, Any]:
    """What every trainer of TRL is told alike.

    Args:
        name: of its stream of random numbers.
        at_once: rows that go through the model together.
        in_a_step: a multiple of it.
    """
    settings, on_cpu = job.settings, job.model.device.type == "cpu"
    return {
        "output_dir": str(job.folder),
        "max_steps": job.steps * job.updates,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": in_a_step // at_once,
        "max_grad_norm": settings.max_grad_norm,
        "learning_rate": settings.learning_rate,
        "save_steps": settings.checkpoint_every_steps * job.updates,
        "save_total_limit": 2,
        "logging_steps": job.updates,
        "logging_nan_inf_filter": False,
        "remove_unused_columns": False,
        "gradient_checkpointing": getattr(settings, "gradient_checkpointing", False),
        "bf16": job.model.dtype == torch.bfloat16,
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "report_to": "none",
        "disable_tqdm": True,
        "log_level": "error",
        "seed": checkpoint.stream(job.seed, name).getrandbits(31),
    }


def at_once(in_a_step: int, room: int) -> int:
    """How many rows go through the model together: the largest divisor of `in_a_step` that is at
    most `room`, and at least 1.
    """
    divisors = (size for size in range(1, in_a_step + 1) if in_a_step % size == 0)
    return max(size for size in divisors if size <= max(1, room))


def pad_of(model: LocalModel) -> int:
    """The token that fills rows up."""
    pad: int | None = model.tokenizer.pad_token_id
    return model.stop_token if pad is None else pad
