"""What both loops tell the world and how they decide that it is enough."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlr.core.training import Training
from srlr.models.local import LocalModel
from srlr.training.alarms import Alarm, Row
from srlr.training.checkpoint import State
from srlr.training.parallel import ALONE, World
from srlr.training.schedule import schedule, schedule_at

Log = Callable[[int, Mapping[str, float]], None]
Score = Callable[[LocalModel], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a loop lives: its folder, its ears and its judge, all given by the stage.

    `node` is what its settings are called, such as "srl". `score` answers the held-out tasks with
    the model as it is; `main` is the figure to be high.
    `history` is what was logged and not rewound; `alarm` is told of each alarm. `world`: who else
    takes the same steps; all of them see the same figures.
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
    world: World = ALONE


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best held-out figures, the step they were seen at, and how many steps were taken.

    `first`: those of the model as it came, where it was asked. `best` is empty and its step 0 where
    no figure was a number. `alarms`: those raised, as State.alarms has them. `tokens`: what was put
    through the model for it, held-out scoring left out.
    """

    best_step: int
    steps: int
    best: Mapping[str, float]
    first: Mapping[str, float] | None
    alarms: Sequence[Mapping[str, Any]] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)


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
    learnt_from = model.tally.take()
    figures = dict(known or around.score(model))
    model.tally.take()  # what is asked to judge costs nothing of a budget
    model.tally.add(learnt_from)
    around.log(state.step, {f"dev_{name}": value for name, value in figures.items()})
    if state.step == 0:
        state.loop["first"] = figures
    if not figures[around.main] > state.best_score:  # nan is never the best
        state.evaluations_without_best += 1
        return False
    state.best_step, state.best_score, state.best = state.step, figures[around.main], figures
    state.evaluations_without_best = 0
    if state.step and (around.world.first or around.world.sharded):
        with model.whole() as best:
            if around.world.first:
                best.save(around.folder / "best")
    return True


def is_judgement_day(state: State, steps: int, settings: Training) -> bool:
    """Whether the model is scored now: every so many steps, and after the last one."""
    last = state.step == steps or is_spent(state, settings)
    return state.step % settings.eval_every_steps == 0 or last


def is_over(state: State, steps: int, settings: Training) -> bool:
    """Whether all steps are taken, the budget is spent, the held-out figure has stopped rising, or
    an alarm ends it.
    """
    tired = state.evaluations_without_best >= settings.patience
    done = state.step >= steps or is_spent(state, settings)
    return done or tired or state.stopped_by is not None


def expected(state: State, steps: int, settings: Training) -> int:
    """How many steps there will be, as far as can be told: a budget of tokens ends a run before its
    last one.
    """
    if settings.token_budget is None or state.step == 0 or state.tokens == 0:
        return steps
    if is_spent(state, settings):
        return state.step
    left = (settings.token_budget - state.tokens) / (state.tokens / state.step)
    return min(steps, state.step + math.ceil(left))


def is_spent(state: State, settings: Training) -> bool:
    """Whether as many tokens as are allowed have gone through the model."""
    return settings.token_budget is not None and state.tokens >= settings.token_budget


def count(model: LocalModel, state: State, world: World) -> dict[str, float]:
    """Adds what has gone through the models of all processes since the last step to the state; both
    totals.
    """
    taken = model.tally.take()
    for forward, backward in world.everyones((taken.forward, taken.backward)):
        state.tokens_forward += forward
        state.tokens_backward += backward
    return {name: float(value) for name, value in totals(state).items()}


def totals(state: State) -> dict[str, int]:
    """The state's tokens, as metrics and results name them."""
    return {"tokens_forward": state.tokens_forward, "tokens_backward": state.tokens_backward}


def factor(state: State, steps: int, settings: Training) -> float:
    """The learning rate's factor for the next step: by steps, or by what is used of a budget where
    that is more.
    """
    if settings.token_budget is None:
        return schedule(settings.schedule, state.step, steps, settings.warmup_share)
    share = max(state.step / steps, state.tokens / settings.token_budget)
    return schedule_at(settings.schedule, share, settings.warmup_share)
