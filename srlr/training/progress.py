"""What both loops tell the world and how they decide that it is enough."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr.core.training import Training
from srlr.models.local import LocalModel
from srlr.training.alarms import Alarm, Row
from srlr.training.checkpoint import State

Log = Callable[[int, Mapping[str, float]], None]
Score = Callable[[LocalModel], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a loop lives: its folder, its ears and its judge, all given by the stage.

    `node` is what its settings are called, such as "srl". `score` answers the held-out tasks with
    the model as it is; `main` is the figure to be high.
    `history` is what was logged and not rewound; `alarm` is told of each alarm.
    """

    folder: Path
    node: str
    score: Score
    main: str
    log: Log
    progress: Callable[[str, int, int, Mapping[str, float]], None]
    rewind: Callable[[int], None]
    history: Callable[[], Sequence[Row]]
    alarm: Callable[[Alarm], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best held-out figures, the step they were seen at, and how many steps were taken.

    `first`: those of the model as it came, where it was asked. `best` is empty and its step 0 where
    no figure was a number. `alarms`: those raised, as State.alarms has them.
    """

    best_step: int
    steps: int
    best: Mapping[str, float]
    first: Mapping[str, float] | None
    alarms: Sequence[Mapping[str, Any]] = ()


def judge(
    model: LocalModel,
    state: State,
    around: Surroundings,
    known: Mapping[str, float] | None = None,
) -> bool:
    """Scores the model on held-out tasks and keeps it if it is the best so far; True if it is.

    Args:
        known: the figures, where these weights have been scored on these tasks before.
    """
    figures = dict(known or around.score(model))
    around.log(state.step, {f"dev_{name}": value for name, value in figures.items()})
    if state.step == 0:
        state.loop["first"] = figures
    if not figures[around.main] > state.best_score:  # nan is never the best
        state.evaluations_without_best += 1
        return False
    state.best_step, state.best_score, state.best = state.step, figures[around.main], figures
    state.evaluations_without_best = 0
    if state.step:
        model.save(around.folder / "best")
    return True


def is_judgement_day(state: State, steps: int, settings: Training) -> bool:
    """Whether the model is scored now: every so many steps, and after the last one."""
    return state.step % settings.eval_every_steps == 0 or state.step == steps


def is_over(state: State, steps: int, settings: Training) -> bool:
    """Whether all steps are taken, the held-out figure has stopped rising, or an alarm ends it."""
    tired = state.evaluations_without_best >= settings.patience
    return state.step >= steps or tired or state.stopped_by is not None
