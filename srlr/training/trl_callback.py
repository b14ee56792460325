"""What TRL's trainers tell our world: figures, held-out judgements, alarms, the end, checkpoints.

`Watch` is a callback of transformers' Trainer, the public way in. A checkpoint of the Trainer is
complete once COMPLETE is in it, which is written last.
"""

import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from srlr.core.rundir import write_atomic
from srlr.core.training import Training
from srlr.models.local import LocalModel
from srlr.training import checkpoint, watch
from srlr.training.progress import (
    Surroundings,
    expected,
    is_judgement_day,
    is_over,
    judge,
    totals,
)

COMPLETE = "srlr.json"
"""The last file of a checkpoint: our own position."""
COMMON = {"loss": "loss", "grad_norm": "grad_norm", "learning_rate": "lr"}


@dataclass(frozen=True, slots=True)
class Told:
    """What of a trainer's figures is told: its names and ours, those shown while it runs, and what
    is reckoned from several.
    """

    figures: Mapping[str, str]
    shown: tuple[str, ...] = ("loss",)
    reckon: Callable[[Mapping[str, float]], Mapping[str, float]] = lambda logs: {}

    def of(self, logs: Mapping[str, float]) -> dict[str, float]:
        named = {**COMMON, **self.figures}
        known = {ours: logs.get(name) for name, ours in named.items()}
        figures = {name: float(value) for name, value in known.items() if value is not None}
        return figures | dict(self.reckon(logs))


@dataclass(frozen=True, slots=True)
class Job:
    """One training by TRL. `model` is judged and kept; `learner` is its float32 copy that learns.

    Attributes:
        newest: the checkpoint that the Trainer goes on from.
        updates: the Trainer's steps in one of ours.
    """

    model: LocalModel
    learner: LocalModel
    settings: Training
    steps: int
    seed: int
    state: checkpoint.State
    around: Surroundings
    newest: Path | None
    updates: int = 1

    @property
    def trained(self) -> Any:
        """What a trainer of TRL is given: the network, or peft's view of it."""
        return self.learner.adapter or self.learner.model

    @property
    def folder(self) -> Path:
        return self.around.folder / "checkpoint"


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells our world what the Trainer does, judges the model, and ends the training in time."""

    def __init__(self, job: Job, told: Told) -> None:
        self.job, self.told = job, told
        self.began = time.perf_counter()
        self.tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.tokens = round(state.num_input_tokens_seen)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self.job.updates == 0:
            self.began = time.perf_counter()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A gradient that is no finite number moves nothing, as in our own loops."""
        learning = [p for p in self.job.learner.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in learning])
        if not math.isfinite(float(norm)):
            for parameter in learning:
                parameter.grad = None

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """After every step; once more at the end, without a loss."""
        if "loss" not in logs:
            return
        job = self.job
        job.state.updates = state.global_step
        job.state.step = state.global_step // job.updates
        figures = self.told.of(logs)
        figures["seconds"] = time.perf_counter() - self.began
        figures |= self._counted(logs)
        job.around.log(job.state.step, figures)
        shown = {name: figures[name] for name in self.told.shown if name in figures}
        steps = expected(job.state, job.steps, job.settings)
        job.around.progress("steps", job.state.step, steps, shown)
        if is_judgement_day(job.state, job.steps, job.settings):
            self._publish()
            judge(job.model, job.state, job.around)
        watch.told(job.state, job.settings, job.around)
        if is_over(job.state, job.steps, job.settings):
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        for path in filter(Path.is_file, folder.rglob("*")):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        write_atomic(folder / COMPLETE, json.dumps(asdict(self.job.state)))

    def _counted(self, logs: Mapping[str, float]) -> dict[str, float]:
        """Both totals of the state's tokens. Some trainers count from their start, others on from
        the checkpoint, whose number is then in the Trainer's own state.
        """
        state, before = self.job.state, self.tokens
        self.tokens = round(logs.get("num_tokens", 0))
        state.tokens_forward += self.tokens - before
        state.tokens_backward += self.tokens - before
        return {name: float(value) for name, value in totals(state).items()}

    @torch.no_grad()
    def _publish(self) -> None:
        """Rounds the trained weights into the model."""
        trained = self.job.learner.model.parameters()
        for parameter, master in zip(self.job.model.model.parameters(), trained, strict=True):
            parameter.copy_(master)


def resumed(folder: Path) -> tuple[checkpoint.State, Path] | None:
    """The position in the last complete checkpoint, and its folder; None where there is none."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    if not complete:
        return None
    newest = max(complete, key=lambda path: int(path.name.rpartition("-")[2]))
    raw = json.loads((newest / COMPLETE).read_text(encoding="utf-8"))
    return checkpoint.State(**raw), newest


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars but our own, and no word of names that TRL and transformers will change.

    TRL's bar is silenced by the variable, those of datasets by a call.
    """
    import datasets

    before = os.environ.get("TQDM_DISABLE")
    os.environ["TQDM_DISABLE"] = "1"
    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        if not shown:
            datasets.enable_progress_bars()
        if before is None:
            del os.environ["TQDM_DISABLE"]
        else:
            os.environ["TQDM_DISABLE"] = before
