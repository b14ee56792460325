"""What TRL's trainers tell our world: figures, held-out judgements, the end, complete checkpoints.

`Watch` is a callback of transformers' Trainer, the public way in. A checkpoint of the Trainer is
complete once COMPLETE is in it, which is written last.
"""

import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from srlr.core.rundir import write_atomic
from srlr.core.training import Dpo
from srlr.models.local import LocalModel
from srlr.training import checkpoint
from srlr.training.progress import Surroundings, is_judgement_day, is_over, judge

COMPLETE = "srlr.json"
"""The last file of a checkpoint: our own position."""
FIGURES = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "lr",
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "pair_accuracy",
    "entropy": "entropy",
}
"""TRL's names of figures, and ours."""


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells our world what the Trainer does, judges the model, and ends the training in time."""

    def __init__(
        self,
        model: LocalModel,
        trained: Any,
        settings: Dpo,
        steps: int,
        state: checkpoint.State,
        around: Surroundings,
    ) -> None:
        self.model, self.trained = model, trained
        self.settings, self.steps = settings, steps
        self.state, self.around = state, around
        self.began = time.perf_counter()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """After every step; once more at the end, without a loss."""
        if "loss" not in logs:
            return
        self.state.step = self.state.updates = state.global_step
        figures = {ours: float(logs[name]) for name, ours in FIGURES.items() if name in logs}
        figures["kl"] = self._divergence(logs)
        figures["seconds"] = time.perf_counter() - self.began
        self.around.log(self.state.step, figures)
        shown = {name: figures[name] for name in ("loss", "reward_margin", "pair_accuracy")}
        self.around.progress("steps", self.state.step, self.steps, shown)
        if is_judgement_day(self.state, self.steps, self.settings):
            self._publish()
            judge(self.model, self.state, self.around)
        if is_over(self.state, self.steps, self.settings):
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        write_atomic(folder / COMPLETE, json.dumps(asdict(self.state)))

    def _divergence(self, logs: Mapping[str, float]) -> float:
        """Mean of log π_ref/π over the answers of the pairs, each as a whole.

        The answers were drawn from π_ref, so that it follows KL(π_ref ‖ π), as far as answers that
        made a pair stand for all.
        """
        both = float(logs["rewards/chosen"]) + float(logs["rewards/rejected"])
        return -both / (2 * self.settings.beta)

    @torch.no_grad()
    def _publish(self) -> None:
        """Rounds the trained weights into the model."""
        both = zip(self.model.model.parameters(), self.trained.parameters(), strict=True)
        for parameter, master in both:
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
