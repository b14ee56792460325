"""Every two models against each other on the same tasks, and what an answer of each takes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from srlr.evaluation import tables
from srlr.evaluation.compare import Resampling, mcnemar
from srlr.evaluation.effects import effect, holm
from srlr.evaluation.outcomes import Attempt, Floats, Schema, outcomes
from srlr.evaluation.value import COMPARISONS, Pairwise, Service

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def every_two(models: tables.Rows, schema: Schema, how: Resampling, word: str) -> list[Pairwise]:
    """All pairs in the report's order, the later minus the earlier.

    Raises:
        ConfigError: two models were asked different tasks, or the metric cannot be resampled.
    """
    both = list(combinations(models, 2))
    gaps = [tables.gap(models[one], models[two], word, schema, how) for one, two in both]
    adjusted = iter(holm([gap.p for gap in gaps if gap is not None]))
    return [
        Pairwise(
            model=second,
            against=first,
            gap=gap,
            p_holm=None if gap is None else next(adjusted),
            flips=mcnemar(models[first], models[second], schema),
            effect=effect(models[first], models[second], schema),
        )
        for (first, second), gap in zip(both, gaps, strict=True)
    ]


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
