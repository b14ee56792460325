"""An ablation: does the method work? Arms of the same expense, told apart by the same test.

    1  every trial of an arm is run on the first seed; the best on dev is the arm's
    2  its words are run on the other seeds
    3  the models of the chosen trial answer the test tasks, once
    4  runs/NAME/table.json and table.md

Each cell is a run directory of its own (management.cells). What is done is passed over, what was
killed goes on, what fails is told and the rest goes on.
"""

import contextlib
import gc
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from srlr.core import compose
from srlr.core.ablation import Arm
from srlr.core.errors import ConfigError, SrlrError
from srlr.core.rundir import write_atomic, writing
from srlr.core.settings import Settings
from srlr.core.target import Ask
from srlr.core.types import Plan
from srlr.evaluation import arms
from srlr.evaluation.arms import Answers
from srlr.evaluation.compare import Resampling
from srlr.evaluation.outcomes import Schema
from srlr.management import cells
from srlr.management.cells import CELL, Cell, Study, Told
from srlr.stages import pipeline
from srlr.stages.pipeline import Planned

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a study is done now: some arms and seeds, and of the arms every how manieth.

    `share` (1, 2) is the first of two processes' part of the arms. Empty means all.
    """

    arms: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    share: tuple[int, int] = (1, 1)


@dataclass(slots=True)
class Failures:
    """What went wrong, cell by cell."""

    found: list[dict[str, Any]] = field(default_factory=list)

    @contextlib.contextmanager
    def noted(self, study: Study, cell: Cell) -> Iterator[None]:
        """What is raised inside ends the cell and not the study; it is in the log in full."""
        name = cells.named(study, cell)
        try:
            yield
        except SrlrError as error:
            self.found.append({"cell": name, "what": str(error), "exit_code": error.exit_code})
        except Exception as error:
            logger.error("%s", name, exc_info=error)
            what = f"{type(error).__name__}: {error}"
            self.found.append({"cell": name, "what": what, "exit_code": 1})


def study_of(ask: Ask, chosen: Chosen) -> tuple[Study, Settings]:
    """The study that the words mean, of the chosen arms and seeds, and the settings they share.

    Raises:
        ConfigError: the words do not compose or name no arms, or an arm is not one of them.
    """
    settings = compose.compose(ask.words, config_dir=ask.config_dir).settings
    node = settings.ablation
    if not node.arms:
        raise ConfigError(
            "ablation.arms is empty: there is nothing to compare", "recipe=ablation_sentiment"
        )
    for name in chosen.arms:
        if name not in node.arms:
            raise ConfigError(f"there is no arm {name!r}", f"one of {', '.join(node.arms)}")
    kept = {name: arm for name, arm in node.arms.items() if not chosen.arms or name in chosen.arms}
    against = tuple(name for name in node.against if name in kept)
    node = node.model_copy(
        update={"arms": kept, "against": against, "seeds": chosen.seeds or node.seeds}
    )
    recipes = [word.partition("=")[2] for word in ask.words if word.startswith("recipe=")]
    name = recipes[-1].strip("'\"") if recipes else "ablation"
    place = Path(settings.runs_dir)
    return Study(name, node, place, ask.words, ask.config_dir, ask.command), settings


def own_arms(study: Study, chosen: Chosen) -> dict[str, Arm]:
    """The arms that are this process's."""
    number, of = chosen.share
    every = list(study.node.arms.items())
    return dict(every[number - 1 :: of])


def run(study: Study, chosen: Chosen, settings: Settings, told: Told) -> dict[str, Any]:
    """Brings this process's cells to done, and the tables up to date; returns the tables' JSON."""
    failures = Failures()
    own = own_arms(study, chosen)
    models = {name: list(_trained(study, name, told, failures)) for name in own}
    for every in models.values():
        for cell in every:
            with failures.noted(study, cell):
                cells.examine(study, cell, told)
                if not study.node.keep_weights:
                    cells.drop_weights(study, cell)
    found = {**tables(study, settings), "failed": failures.found}
    folder = study.runs_dir / study.name
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=2, ensure_ascii=False)
        write_atomic(folder / "table.json", text + "\n")
        write_atomic(folder / "table.md", arms.markdown(found))
    return found


def _trained(study: Study, name: str, told: Told, failures: Failures) -> Iterator[Cell]:
    """Trains the arm's trials, then the best one's words on the other seeds; the cells of the best.

    An arm of which a trial failed has had fewer than the others: it goes no further.
    """
    trials = _trials(study, name)
    done = [cell for cell in trials if _trains(study, cell, told, failures)]
    if len(done) < len(trials):
        return
    best = choice(study, name)
    for cell in trials:
        if cell.trial != best and not study.node.keep_weights:
            cells.drop_weights(study, cell)
    for seed in study.node.seeds:
        cell = Cell(name, best, seed)
        if cell in done or _trains(study, cell, told, failures):
            yield cell


def _trials(study: Study, name: str) -> list[Cell]:
    first = study.node.seeds[0]
    return [Cell(name, trial, first) for trial in range(len(study.node.arms[name].trials))]


def _trains(study: Study, cell: Cell, told: Told, failures: Failures) -> bool:
    before = len(failures.found)
    with failures.noted(study, cell):
        told.tell(cells.named(study, cell), "cell", "")
        cells.train(study, cell, told)
    gc.collect()  # trainers refer to themselves, and to a model and its moments
    return len(failures.found) == before


def choice(study: Study, name: str) -> int:
    """The trial that did best on dev, the first of equals; one without a figure is the last."""
    figures = []
    for cell in _trials(study, name):
        dev = (cells.record(study, cell, CELL) or {}).get("dev")
        figures.append(float("-inf") if dev is None or dev != dev else dev)
    return figures.index(max(figures))


# -- the tables ------------------------------------------------------------------------------------


def tables(study: Study, settings: Settings) -> dict[str, Any]:
    """What is known so far of every arm, whichever process found it out."""
    schema, role, node = Schema.of(settings.role), settings.role, settings.evaluate
    how = Resampling(0, node.bootstrap_samples, node.confidence_level)
    answers = {name: _answers(study, name) for name in study.node.arms}
    known = [one for runs in answers.values() for one in runs.values()]
    found = {}
    for name, runs in answers.items():
        others = [other for other in study.node.against if other != name and answers[other]]
        found[name] = {
            "stages": list(study.node.arms[name].stages),
            **_expense(study, name),
            "test": arms.figures(runs, role.main_metric, schema, how) if runs else None,
            "against": {
                other: arms.difference(answers[other], runs, role.main_metric, schema, how)
                for other in others
                if runs
            },
        }
    return {
        "name": study.name,
        "role": role.name,
        "model": _model(study) or settings.model.name,
        "metric": role.main_metric,
        "budget": study.node.budget,
        "seeds": list(study.node.seeds),
        "split": node.split,
        "tasks": len(known[0].greedy) if known else 0,
        "dev_tasks": study.node.dev_tasks,
        "samples": node.samples,
        "temperature": node.temperature,
        "level": how.level,
        "against": list(study.node.against),
        "arms": found,
    }


def _model(study: Study) -> str | None:
    """The model that the cells have used, where select chose it."""
    every = [cell for name in study.node.arms for cell in _trials(study, name)]
    known = [one for cell in every if (one := cells.record(study, cell, CELL)) is not None]
    return known[0]["model"] if known else None


def _answers(study: Study, name: str) -> dict[int, Answers]:
    """The tested runs of the arm's chosen trial, by seed."""
    if not all(cells.record(study, cell, CELL) for cell in _trials(study, name)):
        return {}
    best = choice(study, name)
    tested = [
        cell
        for seed in study.node.seeds
        if cells.record(study, cell := Cell(name, best, seed), cells.TEST) is not None
    ]
    return {
        cell.seed: Answers(
            cells.rows(study, cell, cells.ATTEMPTS), cells.rows(study, cell, cells.SAMPLES)
        )
        for cell in tested
    }


def _expense(study: Study, name: str) -> dict[str, Any]:
    """The arm's trials with their figures on dev, and what a run of the chosen one took."""
    found = [cells.record(study, cell, CELL) for cell in _trials(study, name)]
    words = [list(trial) for trial in study.node.arms[name].trials]
    trials = [
        {
            "words": own,
            "dev": one and one["dev"],
            "tokens": one and one["tokens_forward"] + one["tokens_backward"],
        }
        for own, one in zip(words, found, strict=True)
    ]
    out: dict[str, Any] = {"trials": trials, "chosen": None, "tokens": None, "seconds": None}
    if not all(found):
        return out
    best = choice(study, name)
    runs = [cells.record(study, Cell(name, best, seed), CELL) for seed in study.node.seeds]
    known = [one for one in runs if one is not None]
    tokens = [one["tokens_forward"] + one["tokens_backward"] for one in known]
    return {
        **out,
        "chosen": best,
        "tokens": fmean(tokens),
        "seconds": fmean(one["seconds"] for one in known),
        "runs": [
            {key: one[key] for key in ("seed", "dev", "tokens_forward", "tokens_backward")}
            for one in known
        ],
    }


# -- what it would cost ----------------------------------------------------------------------------


def plan(study: Study, chosen: Chosen) -> list[tuple[Cell, Plan]]:
    """The cells of this process and what is left to do in each; for the seeds after the first, the
    first trial stands for the one that will be chosen.
    """
    found: list[tuple[Cell, Plan]] = []
    for name, arm in own_arms(study, chosen).items():
        trials = _trials(study, name)
        whole = [
            _cost(pipeline.plan(cells.asked(study, cell), cells.stages_of(arm))[1])
            for cell in trials
        ]
        rest = [Cell(name, 0, seed) for seed in study.node.seeds[1:]]
        both = zip((*trials, *rest), (*whole, *[whole[0]] * len(rest)), strict=True)
        for cell, cost in both:
            done = cells.record(study, cell, CELL) is not None
            found.append((cell, Plan("cell") if done else cost))
    return found


def _cost(planned: Sequence[Planned]) -> Plan:
    left = [one.plan for one in planned if one.state != "skip"]
    return Plan(
        "cell", tokens=sum(one.tokens for one in left), seconds=sum(one.seconds for one in left)
    )
