"""What srlr's own loops have in common: how one begins or goes on, and what follows each step."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from srlr.core.training import Loop
from srlr.models.local import LocalModel
from srlr.training import checkpoint, watch
from srlr.training.checkpoint import State
from srlr.training.optim import MasterAdamW
from srlr.training.progress import (
    Outcome,
    Surroundings,
    count,
    expected,
    is_judgement_day,
    is_over,
    judge,
    totals,
)


@dataclass(frozen=True, slots=True)
class Course:
    """A loop of so many steps: who learns, by what, and where."""

    model: LocalModel
    optimiser: MasterAdamW
    settings: Loop
    around: Surroundings
    steps: int

    def begin(self, known: Mapping[str, float] | None) -> State:
        """The position of the last checkpoint; of a fresh start, whose model is judged.

        Args:
            known: the model's held-out figures as it comes, where they are known.
        """
        state = self.resumed()
        if state is None:
            state = State(kl_weight=self.settings.kl_penalty_weight)
            self.around.rewind(-1)
            judge(self.model, state, self.around, known)
        else:
            self.around.rewind(state.step)
        watch.anchor(self.optimiser, state, self.settings, self.around)
        return state

    def resumed(self) -> State | None:
        """The position of the last checkpoint, its weights and moments put back; None without."""
        with self.around.world.in_turn():
            return checkpoint.load(self.around.folder / "checkpoint", self.optimiser)

    def is_over(self, state: State) -> bool:
        return is_over(state, self.steps, self.settings)

    def end_step(
        self, state: State, figures: dict[str, float], began: float, shown: tuple[str, ...]
    ) -> None:
        """Counts the step, tells of it, judges the model, heeds alarms and keeps a checkpoint, each
        where it is due.

        Args:
            figures: what the step came to; its seconds since `began` and its tokens are added.
            shown: the figures that go with the progress.
        """
        around = self.around
        state.step += 1
        figures["seconds"] = time.perf_counter() - began
        figures |= count(self.model, state, around.world)
        around.log(state.step, figures)
        known = {name: figures[name] for name in shown}
        around.progress("steps", state.step, expected(state, self.steps, self.settings), known)
        if is_judgement_day(state, self.steps, self.settings):
            judge(self.model, state, around)
        watch.heed(self.optimiser, state, self.settings, around)
        asked = around.world.first or around.world.sharded
        if asked and state.step % self.settings.checkpoint_every_steps == 0:
            checkpoint.save(around.folder / "checkpoint", self.optimiser, state)

    def outcome(self, state: State) -> Outcome:
        begun = state.loop.get("first")
        return Outcome(state.best_step, state.step, state.best, begun, state.alarms, totals(state))
