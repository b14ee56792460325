"""avg@k and pass@k: what share of k drawn answers is right, and how likely one of them is, as
means over tasks.

Less is left to chance than in one answer a task, and a model that is right by luck is told from one
that is sure. Everything resamples tasks, as compare does: k answers to one task say much the same.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from srlr.evaluation import compare
from srlr.evaluation.compare import Difference, Interval, Resampling
from srlr.evaluation.effects import pass_at
from srlr.evaluation.metrics import accuracy
from srlr.evaluation.outcomes import Attempt, Floats, Schema, outcomes
from srlr.evaluation.tables import pairs, title
from srlr.evaluation.value import STAGES, Sampled, SampledTest

Shares = Mapping[str, float]
"""Task → the share of its answers that is right."""


def build(
    rows: Sequence[Attempt], schema: Schema, how: Resampling, temperature: float
) -> Sampled | None:
    """avg@k of every model that has drawn answers, and its paired tests; None without any.

    Raises:
        ConfigError: a row's gold label is missing or unknown to the role.
    """
    if not rows:
        return None
    asked = [model for model in STAGES if any(row["model"] == model for row in rows)]
    by_model = {
        model: shares([row for row in rows if row["model"] == model], schema) for model in asked
    }
    own = [row for row in rows if row["model"] == asked[0]]
    drawn = len(own) // len(by_model[asked[0]])
    return Sampled(
        samples=drawn,
        temperature=temperature,
        figures={model: interval(found, how) for model, found in by_model.items()},
        tests=tuple(
            SampledTest(
                title=title(model, against), gap=paired(by_model[against], by_model[model], how)
            )
            for model, against in pairs(by_model)
        ),
        pass_at={model: passing(found, drawn, how) for model, found in by_model.items()},
    )


def passing(found: Shares, drawn: int, how: Resampling) -> dict[int, Interval]:
    """pass@k for k = 1, 2, 4, … and all that were drawn: the mean over tasks with its interval."""
    powers = [2**n for n in range(drawn.bit_length()) if 2**n < drawn]
    return {
        k: interval({t: pass_at(round(s * drawn), drawn, k) for t, s in found.items()}, how)
        for k in (*powers, drawn)
    }


def shares(rows: Sequence[Attempt], schema: Schema) -> dict[str, float]:
    """The share of right answers by task, in the rows' order."""
    right: defaultdict[str, list[float]] = defaultdict(list)
    for row, correct in zip(rows, outcomes(rows, schema).correct, strict=True):
        right[row["task"]].append(float(correct))
    return {task: sum(each) / len(each) for task, each in right.items()}


def interval(found: Shares, how: Resampling) -> Interval:
    """The mean over tasks with its interval."""
    features = features_of(found, list(found))
    rng = np.random.default_rng(how.seed)
    drawn = [accuracy.value(w @ features) for w in compare.weights(rng, len(found), how.samples)]
    value = float(accuracy.value(features.sum(axis=0)))
    return Interval(value, *compare.bounds(np.concatenate(drawn), how.level))


def paired(first: Shares, second: Shares, how: Resampling) -> Difference:
    """second − first on the same tasks, with a permutation test."""
    return pooled([(first, second)], how)


def pooled(runs: Sequence[tuple[Shares, Shares]], how: Resampling) -> Difference:
    """The mean over runs of second − first; all runs have the same tasks."""
    tasks = list(runs[0][0])
    places = np.arange(len(tasks))
    both = [
        compare.Pair(places, features_of(first, tasks), features_of(second, tasks))
        for first, second in runs
    ]
    return compare.gap(accuracy, both, len(tasks), how)


def features_of(found: Shares, tasks: Sequence[str]) -> Floats:
    """(N, 2) features whose sums make `accuracy` the mean of the tasks' shares."""
    values = np.array([found[task] for task in tasks], dtype=np.float64)
    return np.stack([np.ones_like(values), values], axis=1)
