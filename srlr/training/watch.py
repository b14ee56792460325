"""What a loop does about its alarms: it tells each once, stops, or goes back to its best weights.

    anchor(…)   before the first step   keeps where a roll-back would lead, if one may happen
    heed(…)     after each step         asks the policy and does what it says

A roll-back puts the best weights back (those of the start, where none were better), halves the
learning rate and begins the optimiser's moments anew: the old ones come from the steps taken back.
The step counter goes on, so that the tasks that come next are others, and the policy sees nothing
that was before. What was raised is in the state, which a killed run goes on from.

Source: Chowdhery et al. 2022, arXiv 2204.02311, section 5.1: an earlier checkpoint, other batches.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from srlr.core.training import ByTrl, Loop, Training
from srlr.training import alarms, checkpoint
from srlr.training.alarms import Alarm, Row
from srlr.training.checkpoint import State
from srlr.training.optim import MasterAdamW
from srlr.training.progress import Surroundings


def anchor(optimiser: MasterAdamW, state: State, settings: Loop, around: Surroundings) -> None:
    """Keeps the weights where they are the best so far and a roll-back may ask for them."""
    asked = around.world.first or around.world.sharded
    keeps = asked and "roll_back" in alarms.actions(settings)
    if keeps and state.step == state.best_step:
        checkpoint.save_weights(_anchor(state, around), optimiser)


def heed(optimiser: MasterAdamW, state: State, settings: Loop, around: Surroundings) -> None:
    """Asks whether the step just logged and judged raises an alarm, and acts on those that are new.

    Of several, one that stops comes before one that rolls back, and the weights go back once.
    """
    anchor(optimiser, state, settings, around)
    new = told(state, settings, around)
    if any(alarm.action == "roll_back" for alarm in new):
        around.world.wait()  # the weights may have been written just now
        checkpoint.put_back(_anchor(state, around), optimiser)
        optimiser.learning_rate /= 2
        state.updates = state.evaluations_without_best = 0


def told(state: State, settings: Training, around: Surroundings) -> list[Alarm]:
    """The alarms that the step just logged and judged raises and that are new, once they are told
    and in the state; none where the settings have no alarms.
    """
    if not isinstance(settings, Loop | ByTrl):
        return []
    past = [alarm for alarm in state.alarms if alarm["step"] > _since(state)]
    known = {alarm["name"] for alarm in past}
    raised = alarms.decide(_seen(state, around), settings, around.node, around.main)
    new = _agreed([alarm for alarm in raised if alarm.name not in known], state, settings)
    for alarm in new:
        state.alarms.append(asdict(alarm))
        around.alarm(alarm)
    return new


def _anchor(state: State, around: Surroundings) -> Path:
    return checkpoint.anchor(around.folder / "checkpoint", state)


def _since(state: State) -> int:
    """The step of the last roll-back, -1 where none was."""
    return max(state.roll_backs, default=-1)


def _seen(state: State, around: Surroundings) -> list[Row]:
    """What was logged since the last roll-back, and what it went back to had scored."""
    since, best = _since(state), state.best_step
    return [
        row
        for row in around.history()
        if row["step"] > since or (row["step"] == best and "loss" not in row)
    ]


def _agreed(new: Sequence[Alarm], state: State, settings: Loop | ByTrl) -> list[Alarm]:
    """The alarms with what is really done: roll-backs are counted, and none is made at a stop."""
    most, made = settings.alarms.max_roll_backs, len(state.roll_backs)
    if made >= most:
        new = [
            replace(alarm, action="stop", why=f"{alarm.why}; roll-backs made before: {made}")
            if alarm.action == "roll_back"
            else alarm
            for alarm in new
        ]
    if not any(alarm.action == "stop" for alarm in new):
        return list(new)
    return [
        replace(alarm, action="warn") if alarm.action == "roll_back" else alarm for alarm in new
    ]
