"""Every two models against each other on the same tasks, and what an answer of each takes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from srlr.evaluation import tables
from srlr.evaluation.compare import Difference, Flips, Resampling, mcnemar
from srlr.evaluation.effects import holm, sized
from srlr.evaluation.outcomes import Attempt, Floats, Schema, outcomes
from srlr.evaluation.value import COMPARISONS, PairedTest, Pairwise, Service

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def every_two(
    models: tables.Rows,
    schema: Schema,
    how: Resampling,
    word: str,
    tests: Sequence[PairedTest] = (),
) -> list[Pairwise]:
    """All pairs in the report's order, the later minus the earlier.

    Args:
        tests: pairs that are tested in that metric already.

    Raises:
        ConfigError: two models were asked different tasks, or the metric cannot be resampled.
    """
    known = {(one.against, one.model): (one.metrics[word], one.flips) for one in tests}
    both = list(combinations(models, 2))
    found = [known.get(pair) or _tested(pair, models, schema, how, word) for pair in both]
    adjusted = iter(holm([gap.p for gap, _ in found if gap is not None]))
    right = {
        model: dict(zip((r["task"] for r in rows), outcomes(rows, schema).correct, strict=True))
        for model, rows in models.items()
    }
    tasks = list(next(iter(right.values()), {}))
    correct = {model: np.array([one[t] for t in tasks]) for model, one in right.items()}
    return [
        Pairwise(
            model=second,
            against=first,
            gap=gap,
            p_holm=None if gap is None else next(adjusted),
            flips=flips,
            effect=sized(correct[first], correct[second]),
        )
        for (first, second), (gap, flips) in zip(both, found, strict=True)
    ]


def _tested(
    pair: tuple[str, str], models: tables.Rows, schema: Schema, how: Resampling, word: str
) -> tuple[Difference | None, Flips]:
    first, second = models[pair[0]], models[pair[1]]
    return tables.gap(first, second, word, schema, how), mcnemar(first, second, schema)


def services(
    models: tables.Rows, schema: Schema, price_usd_per_hour: float | None
) -> dict[str, Service]:
    """What an answer of each model takes; `price_usd_per_hour` is the machine's."""
    return {
        model: service(rows, schema, price_usd_per_hour, writes=model not in COMPARISONS)
        for model, rows in models.items()
    }


def service(
    rows: Sequence[Attempt], schema: Schema, price_usd_per_hour: float | None, *, writes: bool
) -> Service:
    """What an answer takes; where the model writes none, its tokens and cost are left out."""
    found = outcomes(rows, schema)
    seconds = found.latency_s[~np.isnan(found.latency_s)]
    latency_s, cost = _points(seconds), None
    if writes and price_usd_per_hour is not None and latency_s["mean"] is not None:
        cost = 1000 * latency_s["mean"] * price_usd_per_hour / 3600
    return Service(
        timed=len(seconds),
        latency_s=latency_s,
        tokens=_points(found.tokens[~np.isnan(found.tokens)] if writes else np.zeros(0)),
        cost_per_1000_usd=cost,
    )


def _points(values: Floats) -> dict[str, float | None]:
    """Mean and percentiles; None of nothing."""
    if not values.size:
        return {"mean": None, **dict.fromkeys(PERCENTILES)}
    found = {name: float(np.quantile(values, share)) for name, share in PERCENTILES.items()}
    return {"mean": float(values.mean()), **found}
