"""How sure a figure is: bootstrap intervals, paired differences, McNemar's test, permutations.

Rows of two models are paired by task. Everything resamples tasks, so an interval says how the
figure would vary over other test sets of this size; it does not say how it would vary over other
training runs (`pooled_paired` reports each run's own difference for that).
Axes: B resamples, C clusters (tasks), F features.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from srlr.core.errors import ConfigError
from srlr.evaluation.metrics import Metric, named
from srlr.evaluation.outcomes import Attempt, Floats, Ints, Schema, outcomes

CHUNK = 2_000_000  # cells of a resampling matrix held at once: 16 MB


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are drawn: the generator's seed, how many resamples, the level (0.95 for 95 %).

    Raises:
        ConfigError: fewer than one sample, or a level outside (0, 1).
    """

    seed: int = 0
    samples: int = 2000
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0.0 < self.level < 1.0:
            raise ConfigError(
                f"{self.samples} resamples at level {self.level} make no interval",
                "set evaluate.bootstrap_samples=2000 evaluate.confidence_level=0.95",
            )


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its percentile bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """second − first on the same tasks: its interval, two-sided permutation p, both figures."""

    value: float
    low: float
    high: float
    p: float
    first: float
    second: float
    runs: tuple[float, ...] = ()
    """The difference in each run, where several were pooled."""


@dataclass(frozen=True, slots=True)
class Flips:
    """Tasks only one of two models got right, and McNemar's exact p for "as many each way"."""

    fixed: int
    """Wrong in the first, right in the second."""
    broken: int
    p: float


DEFAULT = Resampling()


def interval(
    rows: Sequence[Attempt], word: str, schema: Schema, how: Resampling = DEFAULT
) -> Interval | None:
    """The metric with its interval; None where it is undefined (no row has a confidence, say).

    Raises:
        ConfigError: no rows, an unknown metric, or one that cannot be resampled.
    """
    metric = additive(word, schema)
    features = metric.features(outcomes(rows, schema))
    value = float(metric.value(features.sum(axis=0)))
    if not np.isfinite(value):
        return None
    rng = np.random.default_rng(how.seed)
    drawn = [metric.value(w @ features) for w in weights(rng, len(rows), how.samples)]
    return Interval(value, *bounds(np.concatenate(drawn), how.level))


def independent(
    first: Sequence[Attempt],
    second: Sequence[Attempt],
    word: str,
    schema: Schema,
    how: Resampling = DEFAULT,
) -> Interval | None:
    """second − first for two disjoint sets of rows, each resampled by itself; None if undefined."""
    metric = additive(word, schema)
    rng = np.random.default_rng(how.seed)
    values, drawn = [], []
    for rows in (first, second):
        features = metric.features(outcomes(rows, schema))
        values.append(float(metric.value(features.sum(axis=0))))
        chunks = [metric.value(w @ features) for w in weights(rng, len(rows), how.samples)]
        drawn.append(np.concatenate(chunks))
    if not np.isfinite(values[1] - values[0]):
        return None
    return Interval(values[1] - values[0], *bounds(drawn[1] - drawn[0], how.level))


def paired(
    first: Sequence[Attempt],
    second: Sequence[Attempt],
    word: str,
    schema: Schema,
    how: Resampling = DEFAULT,
) -> Difference:
    """second − first, the same resampled tasks for both.

    Raises:
        ConfigError: they do not hold the same tasks once each, or the metric cannot be resampled.
    """
    return pooled_paired([(first, second)], word, schema, how)


def pooled_paired(
    runs: Sequence[tuple[Sequence[Attempt], Sequence[Attempt]]],
    word: str,
    schema: Schema,
    how: Resampling = DEFAULT,
) -> Difference:
    """The mean over runs of second − first.

    A task that occurs in several runs is one cluster: it is drawn or swapped in all at once.

    Raises:
        ConfigError: no runs, a pair that does not hold the same tasks once each, a metric that is
            undefined or cannot be resampled.
    """
    if not runs:
        raise ConfigError("there are no runs to pool", "name at least one finished run")
    metric = additive(word, schema)
    aligned = [align(first, second) for first, second in runs]
    clusters = {task: c for c, task in enumerate(dict.fromkeys(t for p in aligned for t in p))}
    pairs = [
        Pair(
            np.array([clusters[task] for task in tasks]),
            metric.features(outcomes([a for a, _ in tasks.values()], schema)),
            metric.features(outcomes([b for _, b in tasks.values()], schema)),
        )
        for tasks in aligned
    ]
    found = gap(metric, pairs, len(clusters), how)
    if not np.isfinite(found.value):
        raise ConfigError(
            f"{word!r} is undefined for one of the models", "compare them by another metric"
        )
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """One run: which cluster each of its tasks is, and both models' features of them."""

    cluster: Ints
    first: Floats
    second: Floats


def gap(metric: Metric, pairs: Sequence[Pair], clusters: int, how: Resampling) -> Difference:
    """The mean over pairs of second − first; a cluster is drawn or swapped in all of them."""
    rng = np.random.default_rng(how.seed)
    each = [(_total(metric, p.first), _total(metric, p.second)) for p in pairs]
    value = float(np.mean([b - a for a, b in each]))
    if not np.isfinite(value):
        return Difference(value, value, value, value, *np.mean(each, axis=0).tolist())
    low, high = bounds(_bootstrapped(metric, pairs, clusters, how.samples, rng), how.level)
    swapped = _permuted(metric, pairs, clusters, how.samples, rng)
    # the observed labelling is one of the permutations, so p is never 0 (Phipson & Smyth 2010)
    p = (1 + int((np.abs(swapped) >= abs(value) - 1e-12).sum())) / (1 + how.samples)
    first, second = (float(np.mean(side)) for side in zip(*each, strict=True))
    return Difference(value, low, high, p, first, second, tuple(b - a for a, b in each))


def mcnemar(first: Sequence[Attempt], second: Sequence[Attempt], schema: Schema) -> Flips:
    """McNemar's exact test: p is the chance of so uneven a split of the flips by fair coin tosses.

        p = min(1, 2 · Σ_{i ≤ min(fixed, broken)} C(n, i) / 2ⁿ)      n = fixed + broken

    p is 1 where nothing flipped.
    """
    tasks = align(first, second)
    was = outcomes([a for a, _ in tasks.values()], schema).correct > 0
    now = outcomes([b for _, b in tasks.values()], schema).correct > 0
    fixed, broken = int((~was & now).sum()), int((was & ~now).sum())
    n = fixed + broken
    tail = sum(comb(n, i) for i in range(min(fixed, broken) + 1))
    return Flips(fixed, broken, min(1.0, 2 * tail / 2**n) if n else 1.0)


def align(
    first: Sequence[Attempt], second: Sequence[Attempt]
) -> dict[str, tuple[Attempt, Attempt]]:
    """Task id → its two rows, in the first's order.

    Raises:
        ConfigError: a task occurs twice, or in only one of the two.
    """
    one, other = _by_task(first), _by_task(second)
    alone = sorted(one.keys() ^ other.keys())
    if alone:
        raise ConfigError(
            f"the two models were not asked the same tasks: {len(alone)} are in only one of them, "
            f"such as {', '.join(map(repr, alone[:3]))}",
            "evaluate both again with `srlr evaluate --force`",
        )
    return {task: (row, other[task]) for task, row in one.items()}


def additive(word: str, schema: Schema) -> Metric:
    """The named metric, if it can be resampled.

    Raises:
        ConfigError: it cannot (percentiles), or `named` refuses it.
    """
    metric = named(word, schema)
    if not isinstance(metric, Metric):
        raise ConfigError(
            f"metric {word!r} has no interval and cannot be compared", "use 'latency_mean_s'"
        )
    return metric


def _by_task(rows: Sequence[Attempt]) -> dict[str, Attempt]:
    by_task = {row["task"]: row for row in rows}
    if len(by_task) < len(rows):
        twice, _ = Counter(row["task"] for row in rows).most_common(1)[0]
        raise ConfigError(
            f"task {twice!r} was answered twice by one model",
            "evaluate again with `srlr evaluate --force`",
        )
    return by_task


def _total(metric: Metric, features: Floats) -> float:
    return float(metric.value(features.sum(axis=0)))


def _bootstrapped(
    metric: Metric, pairs: Sequence[Pair], clusters: int, samples: int, rng: np.random.Generator
) -> Floats:
    drawn = []
    for w in weights(rng, clusters, samples):
        gaps = [
            metric.value(w[:, p.cluster] @ p.second) - metric.value(w[:, p.cluster] @ p.first)
            for p in pairs
        ]
        drawn.append(np.mean(gaps, axis=0))
    return np.concatenate(drawn)


def _permuted(
    metric: Metric, pairs: Sequence[Pair], clusters: int, samples: int, rng: np.random.Generator
) -> Floats:
    """The difference after the two models' answers were swapped for a random half of the tasks."""
    drawn = []
    for size in _chunks(clusters, samples):
        swap = rng.integers(0, 2, size=(size, clusters)).astype(np.float64)
        gaps = []
        for p in pairs:
            moved = swap[:, p.cluster] @ (p.second - p.first)
            first, second = p.first.sum(axis=0) + moved, p.second.sum(axis=0) - moved
            gaps.append(metric.value(second) - metric.value(first))
        drawn.append(np.mean(gaps, axis=0))
    return np.concatenate(drawn)


def weights(rng: np.random.Generator, n: int, samples: int) -> Iterator[Floats]:
    """How often each of n rows was drawn in each resample of n, in chunks of (B, n)."""
    for size in _chunks(n, samples):
        drawn = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n)
        yield counts.reshape(size, n).astype(np.float64)


def _chunks(n: int, samples: int) -> Iterator[int]:
    size = max(1, CHUNK // n)
    for start in range(0, samples, size):
        yield min(size, samples - start)


def bounds(drawn: Floats, level: float) -> tuple[float, float]:
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
