"""The report's tables: figures by model, paired tests, per-class scores, curves over steps."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from math import isfinite
from typing import Any

from srlr.core.errors import ConfigError
from srlr.evaluation import flags
from srlr.evaluation.compare import (
    Difference,
    Resampling,
    additive,
    interval,
    mcnemar,
    paired,
    pooled_paired,
)
from srlr.evaluation.metrics import (
    DETECTED,
    FALSE_POSITIVE,
    METRICS,
    calibration,
    confusion,
    falls,
    per_class,
)
from srlr.evaluation.outcomes import Attempt, Schema, finite
from srlr.evaluation.value import (
    COMPARISONS,
    STAGES,
    TITLES,
    Calibration,
    CategoryScore,
    ClassScore,
    Latency,
    ModelRow,
    PairedTest,
)

Rows = Mapping[str, Sequence[Attempt]]
Curves = dict[str, dict[str, tuple[tuple[int, float], ...]]]

CURVE_POINTS = 300
"""A curve of more points is thinned: the page stays small and the line looks the same."""


def by_model(attempts: Sequence[Attempt]) -> dict[str, list[Attempt]]:
    """Attempts by model, in the report's order.

    Raises:
        ConfigError: a model the report does not know, or no trained or base model at all.
    """
    grouped: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        grouped[attempt["model"]].append(attempt)
    unknown = sorted(grouped.keys() - TITLES.keys())
    if unknown:
        raise ConfigError(
            f"attempts of an unknown model {unknown[0]!r}", f"known are {', '.join(TITLES)}"
        )
    if not grouped.keys() & set(STAGES):
        raise ConfigError(
            "there are no attempts of the baseline, SRL or RLVR to report",
            "evaluate again with `srlr evaluate --force`",
        )
    return {model: grouped[model] for model in (*STAGES, *COMPARISONS) if model in grouped}


def row(
    model: str,
    rows: Sequence[Attempt],
    shown: Sequence[str],
    schema: Schema,
    how: Resampling,
    shots: int | None,
) -> ModelRow:
    """One line of the closing table."""
    stage = model in STAGES
    # rules and TF-IDF write no text, so their format is neither valid nor invalid
    figures = {
        word: interval(rows, word, schema, how) if stage or word != "validity" else None
        for word in shown
    }
    latency = {
        name: finite(METRICS[f"latency_{name}_s"](rows, schema)) for name in ("mean", "p50", "p95")
    }
    return ModelRow(
        model=model,
        title=TITLES[model],
        kind="stage" if stage else "comparison",
        rows=len(rows),
        metrics=figures,
        latency_s=Latency(**latency),
        tokens=finite(METRICS["tokens_mean"](rows, schema)) if stage else None,
        note=f"{shots}-shot" if model == "baseline" and shots is not None else "",
    )


def pairs(models: Container[str]) -> tuple[tuple[str, str], ...]:
    """Which models are held against which; the last stage that learnt is held against the older
    methods.
    """
    last = "rlvr" if "rlvr" in models else "srl"
    stages = (("srl", "baseline"), ("rlvr", "srl"), ("rlvr", "baseline"))
    both = (*stages, (last, "tfidf"), (last, "vader"))
    return tuple(one for one in both if one[0] in models and one[1] in models)


def paired_tests(
    models: Rows, schema: Schema, how: Resampling, main: str
) -> tuple[PairedTest, ...]:
    """Every one of `pairs`, in the main metric and in accuracy.

    Raises:
        ConfigError: two models were asked different tasks.
    """
    asked = dict.fromkeys((main, "accuracy"))
    return tuple(
        PairedTest(
            model=model,
            against=against,
            title=title(model, against),
            metrics={w: gap(models[against], models[model], w, schema, how) for w in asked},
            flips=mcnemar(models[against], models[model], schema),
        )
        for model, against in pairs(models)
    )


def pooled_tests(
    runs: Sequence[Rows], schema: Schema, how: Resampling, word: str
) -> dict[str, Difference]:
    """Those of `pairs` that all runs have, as means over the runs, by title: "RLVR − SRL".

    Raises:
        ConfigError: no runs, or two models of one run were asked different tasks.
    """
    found = {}
    common = set(STAGES + COMPARISONS).intersection(*runs) if runs else set(STAGES)
    for model, against in pairs(common):
        both = [(rows[against], rows[model]) for rows in runs]
        found[title(model, against)] = pooled_paired(both, word, schema, how)
    return found


def title(model: str, against: str) -> str:
    """What a difference is called: "RLVR − SRL"."""
    return f"{TITLES[model]} − {TITLES[against]}"


def gap(
    first: Sequence[Attempt], second: Sequence[Attempt], word: str, schema: Schema, how: Resampling
) -> Difference | None:
    """second − first; None where the metric is undefined for either (rules have no confidence)."""
    metric = additive(word, schema)
    if not all(isfinite(metric(rows, schema)) for rows in (first, second)):
        return None
    return paired(first, second, word, schema, how)


def difference(
    tests: Sequence[PairedTest], model: str, against: str, word: str
) -> Difference | None:
    """`model` − `against` in that metric, where the two were compared."""
    for test in tests:
        if (test.model, test.against) == (model, against):
            return test.metrics.get(word)
    return None


def before_rlvr(tests: Sequence[PairedTest], word: str) -> Difference | None:
    """What RLVR has changed: of SRL's model, or of the base model where there is none of SRL's."""
    return difference(tests, "rlvr", "srl", word) or difference(tests, "rlvr", "baseline", word)


def better(gap: Difference, word: str) -> bool:
    """The whole interval lies on the metric's better side of 0."""
    return gap.high < 0 if falls(word) else gap.low > 0


def worse(gap: Difference, word: str) -> bool:
    """The whole interval lies on the metric's worse side of 0."""
    return gap.low > 0 if falls(word) else gap.high < 0


def rlvr_gain(
    tests: Sequence[PairedTest], main: str, results: Mapping[str, Mapping[str, Any]]
) -> bool:
    """RLVR beats SRL on the same tasks, and by a checkpoint that RLVR itself made. Where SRL was
    passed over, it is held against the baseline.

    The paired interval must lie on the better side of 0 and rlvr/result.json name a best step > 0.
    """
    gap = before_rlvr(tests, main)
    best_step = results.get("rlvr", {}).get("best_step", 0)
    return gap is not None and better(gap, main) and best_step > 0


def per_class_of(models: Rows, schema: Schema) -> dict[str, tuple[ClassScore, ...]]:
    """Per-class scores of every model; empty for a role without labels."""
    if not schema.labels:
        return {}
    return {
        model: tuple(ClassScore(**score) for score in per_class(rows, schema))
        for model, rows in models.items()
    }


def categories_of(
    models: Rows, schema: Schema, how: Resampling
) -> dict[str, tuple[CategoryScore, ...]]:
    """How every category fares with every model; empty for a role that does not flag."""
    return {
        model: tuple(
            CategoryScore(
                category=one,
                rows=sum(one in (flags.of(row["gold"], schema) or ()) for row in rows),
                detected=interval(rows, f"{DETECTED}{one}", schema, how),
                false_positives=interval(rows, f"{FALSE_POSITIVE}{one}", schema, how),
            )
            for one in flags.categories(schema)
        )
        for model, rows in models.items()
        if flags.categories(schema)
    }


def confusion_of(models: Rows, schema: Schema) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Confusion counts of every model; empty for a role without labels."""
    if not schema.labels:
        return {}
    return {
        model: tuple(tuple(line) for line in confusion(rows, schema))
        for model, rows in models.items()
    }


def calibration_of(models: Rows, schema: Schema) -> dict[str, Calibration]:
    """Calibration of every model that says how sure it is at least once."""
    if schema.confidence is None:
        return {}
    found = {
        model: Calibration.model_validate(calibration(rows, schema))
        for model, rows in models.items()
    }
    return {model: value for model, value in found.items() if value.bins}


def curves(metrics_rows: Sequence[Mapping[str, Any]]) -> Curves:
    """Stage → figure → (step, value) points in order; what is not a finite number is left out."""
    found: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for line in metrics_rows:
        for name, value in line.items():
            if name in ("stage", "step") or isinstance(value, bool):
                continue
            if isinstance(value, int | float) and finite(float(value)) is not None:
                found[str(line["stage"])][name][int(line["step"])] = float(value)
    return {
        stage: {name: _thinned(sorted(points.items())) for name, points in figures.items()}
        for stage, figures in found.items()
    }


def _thinned(points: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """At most CURVE_POINTS + 1 of the points, the last always among them."""
    every = -(-len(points) // CURVE_POINTS)
    kept = points[::every]
    return tuple(kept if kept[-1] == points[-1] else [*kept, points[-1]])
