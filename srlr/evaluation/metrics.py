"""Metrics of attempts, each named by a word a role's YAML can use.

Nearly every metric is a function of sums over rows, so a resample of the rows is a weighting of the
same sums, and two thousand of them are one matrix product (see compare).
Axes: N rows, K classes, F features.
"""

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from srlr.core.errors import ConfigError
from srlr.evaluation import flags, places, speaking, working
from srlr.evaluation.outcomes import Attempt, Floats, Ints, Outcomes, Schema, finite, outcomes

BINS = 10
DETECTED, FALSE_POSITIVE = "detection_rate_", "false_positive_rate_"
"""Before a category's name."""
INVALID = "invalid"
"""The confusion matrix's last column: no answer, an unreadable one, or an unknown label."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that depends only on sums over rows of `features`; NaN where it is undefined."""

    features: Callable[[Outcomes], Floats]
    """N rows → (N, F)."""
    value: Callable[[Floats], Floats]
    """Sums (…, F) → (…)."""
    needs_labels: bool = False
    needs_confidence: bool = False
    lower_is_better: bool = False

    def __call__(self, rows: Sequence[Attempt], schema: Schema) -> float:
        return float(self.value(self.features(outcomes(rows, schema)).sum(axis=0)))


@dataclass(frozen=True, slots=True)
class Percentile:
    """A percentile of seconds or tokens; not a function of sums, so it has no interval."""

    share: float
    column: Literal["latency_s", "tokens"] = "latency_s"
    lower_is_better: bool = True

    def __call__(self, rows: Sequence[Attempt], schema: Schema) -> float:
        found = outcomes(rows, schema)
        known = found.latency_s if self.column == "latency_s" else found.tokens
        known = known[~np.isnan(known)]
        return float(np.quantile(known, self.share)) if known.size else math.nan


def _ratio(sums: Floats) -> Floats:
    """Second sum over the first; NaN where the first is 0."""
    below = sums[..., 0]
    return np.where(below > 0, sums[..., 1] / np.where(below > 0, below, 1.0), np.nan)


def _mean_of(values_N: Floats) -> Floats:
    known = ~np.isnan(values_N)
    return np.stack([known, np.where(known, values_N, 0.0)], axis=1).astype(np.float64)


def _one_hot(index_N: Ints, classes: int) -> Floats:
    return np.asarray(index_N[:, None] == np.arange(classes), dtype=np.float64)


def _class_features(o: Outcomes) -> Floats:
    """Per class: hits, rows that are it, answers that say it."""
    gold_NK, said_NK = _one_hot(o.gold, o.classes), _one_hot(o.said, o.classes)
    return np.concatenate([gold_NK * said_NK, gold_NK, said_NK], axis=1)


def _macro_f1(sums: Floats) -> Floats:
    hits, support, said = np.split(sums, 3, axis=-1)
    seen = support + said > 0
    f1 = np.where(seen, 2 * hits / np.where(seen, support + said, 1.0), 0.0)
    return np.asarray(f1.sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1), dtype=np.float64)


def _bin(confidence_N: Floats) -> Ints:
    """Bin b holds [b/10, (b+1)/10); the last one holds 1.0 too; −1 where there is no confidence."""
    place = np.minimum(np.floor(np.nan_to_num(confidence_N) * BINS), BINS - 1)
    return np.where(np.isnan(confidence_N), -1, place).astype(np.int64)


def _ece_features(o: Outcomes) -> Floats:
    known = ~np.isnan(o.confidence)
    gap = np.where(known, np.nan_to_num(o.confidence) - o.correct, 0.0)
    return np.concatenate(
        [known[:, None].astype(np.float64), _one_hot(_bin(o.confidence), BINS) * gap[:, None]],
        axis=1,
    )


def _ece(sums: Floats) -> Floats:
    return _ratio(np.stack([sums[..., 0], np.abs(sums[..., 1:]).sum(axis=-1)], axis=-1))


accuracy = Metric(lambda o: _mean_of(o.correct), _ratio)
"""Share of rows whose answer has the gold label; an invalid answer is wrong."""

macro_f1 = Metric(_class_features, _macro_f1, needs_labels=True)
"""Mean over the role's labels of F1 = 2·hits / (rows that are it + answers that say it), in [0, 1].

An invalid answer misses its row's class and is said of none. A label that neither the rows nor the
answers contain has no F1 and is left out of the mean.
"""

validity = Metric(lambda o: _mean_of(o.valid), _ratio)
"""Share of rows whose output is exactly in the role's format."""

ece = Metric(_ece_features, _ece, needs_confidence=True, lower_is_better=True)
"""Expected calibration error over 10 equal-width bins, in [0, 1].

    ECE = Σ_b n_b/n · |accuracy_b − mean confidence_b|      rows without a confidence are skipped

Source: Guo et al. 2017, arXiv:1706.04599, eq. 3.
"""

brier = Metric(
    lambda o: _mean_of((o.confidence - o.correct) ** 2),
    _ratio,
    needs_confidence=True,
    lower_is_better=True,
)
"""Mean of (confidence − right)², right in {0, 1}; rows without a confidence are skipped."""

METRICS: dict[str, Metric | Percentile] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "validity": validity,
    "ece": ece,
    "brier": brier,
    "balanced_detection": Metric(flags.both, flags.balanced),
    "false_positive_rate": Metric(flags.false_positives, _ratio, lower_is_better=True),
    "detection_rate": Metric(flags.detections, _ratio),
    "detection_macro": Metric(flags.by_category, flags.macro, needs_labels=True),
    "flags_f1": Metric(flags.matches, flags.f1),
    "finding_precision": Metric(places.precision, _ratio),
    "finding_recall": Metric(places.recall, _ratio),
    "finding_f1": Metric(places.matches, flags.f1),
    "line_accuracy": Metric(places.lines, _ratio),
    "latency_mean_s": Metric(lambda o: _mean_of(o.latency_s), _ratio, lower_is_better=True),
    "latency_p50_s": Percentile(0.50),
    "latency_p95_s": Percentile(0.95),
    "latency_p99_s": Percentile(0.99),
    "constraint_pass": Metric(lambda o: _mean_of(speaking.passed(o.rows)), _ratio),
    "distinct_1": Metric(lambda o: speaking.distinct(o.rows, 1), _ratio),
    "distinct_2": Metric(lambda o: speaking.distinct(o.rows, 2), _ratio),
    "repetition": Metric(
        lambda o: _mean_of(speaking.repetition(o.rows)), _ratio, lower_is_better=True
    ),
    "step_accuracy": Metric(lambda o: working.steps(o.rows), _ratio),
    "equation_accuracy": Metric(lambda o: working.equations(o.rows), _ratio),
    "symbolic_accuracy": Metric(lambda o: _mean_of(working.same(o.rows)), _ratio),
    "tokens_mean": Metric(lambda o: _mean_of(o.tokens), _ratio, lower_is_better=True),
    "tokens_p50": Percentile(0.50, "tokens"),
    "tokens_p95": Percentile(0.95, "tokens"),
    "tokens_p99": Percentile(0.99, "tokens"),
}


def named(word: str, schema: Schema) -> Metric | Percentile:
    """The metric of that name, if answers of this schema have what it needs.

    Raises:
        ConfigError: there is no such metric, or the role has no labels or no confidence for it.
    """
    known = METRICS | by_category(schema)
    metric = known.get(word)
    if metric is None:
        nearest = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
        raise ConfigError(
            f"there is no metric {word!r}",
            f"write {nearest[0]!r}" if nearest else f"choose one of {', '.join(known)}",
        )
    if isinstance(metric, Metric) and metric.needs_labels and not schema.labels:
        raise ConfigError(
            f"metric {word!r} needs a fixed set of labels and the role has none",
            "list them in role.labels, or set role.main_metric=accuracy role.metrics=[accuracy]",
        )
    if isinstance(metric, Metric) and metric.needs_confidence and schema.confidence is None:
        raise ConfigError(
            f"metric {word!r} needs a confidence and the role's answers have none",
            "name its field in role.confidence, or take the metric out of role.metrics",
        )
    return metric


def by_category(schema: Schema) -> dict[str, Metric]:
    """Two metrics for each category of a role that flags: `detection_rate_privacy`, of the rows
    that are it the share that gets its flag, and `false_positive_rate_privacy`, of the others.
    """
    found = {}
    for one in flags.categories(schema):
        hits = partial(flags.detections_of, category=one)
        wrong = partial(flags.false_positives_of, category=one)
        found[f"{DETECTED}{one}"] = Metric(hits, _ratio)
        found[f"{FALSE_POSITIVE}{one}"] = Metric(wrong, _ratio, lower_is_better=True)
    return found


def falls(word: str) -> bool:
    """Whether less of the metric is better."""
    metric = METRICS.get(word)
    return word.startswith(FALSE_POSITIVE) if metric is None else metric.lower_is_better


def per_class(rows: Sequence[Attempt], schema: Schema) -> list[dict[str, Any]]:
    """One {"label", "precision", "recall", "f1", "support"} a label; None if undefined."""
    sums = _class_features(outcomes(rows, schema)).sum(axis=0)
    hits, support, said = np.split(sums, 3)
    return [
        {
            "label": label,
            "precision": _share(hits[k], said[k]),
            "recall": _share(hits[k], support[k]),
            "f1": _share(2 * hits[k], support[k] + said[k]),
            "support": int(support[k]),
        }
        for k, label in enumerate(schema.labels)
    ]


def confusion(rows: Sequence[Attempt], schema: Schema) -> list[list[int]]:
    """Counts: one line a gold label, one column an answered label, and last the invalid ones."""
    o = outcomes(rows, schema)
    counts = np.zeros((o.classes, o.classes + 1), dtype=np.int64)
    np.add.at(counts, (o.gold, o.said), 1)
    return [[int(count) for count in line] for line in counts]


def calibration(rows: Sequence[Attempt], schema: Schema) -> dict[str, Any]:
    """The calibration errors and what they are made of.

        {"ece": 0.08, "brier": 0.17, "without": share of rows that have no confidence,
         "bins": [{"low": 0.9, "high": 1.0, "rows": 31, "confidence": 0.93, "accuracy": 0.87}]}

    Empty bins are left out; ece and brier are None where no row has a confidence.
    """
    o = outcomes(rows, schema)
    bins_N = _bin(o.confidence)
    bins = [
        {
            "low": b / BINS,
            "high": (b + 1) / BINS,
            "rows": int((bins_N == b).sum()),
            "confidence": float(o.confidence[bins_N == b].mean()),
            "accuracy": float(o.correct[bins_N == b].mean()),
        }
        for b in range(BINS)
        if (bins_N == b).any()
    ]
    return {
        "ece": finite(ece(rows, schema)),
        "brier": finite(brier(rows, schema)),
        "without": float((bins_N < 0).mean()),
        "bins": bins,
    }


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
