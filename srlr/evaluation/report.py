"""From attempts to the report: one value, from which report.json, .md and .html are written.

{"format": 1, "run": "2026-11-22T14-03-05_a1b2c3", "role": "sentiment", "tier": "gold",
 "model": "smollm2-135m-instruct", "stand_in": "smollm2-135m-instruct stands in for …" | null,
 "seed": 7, "created": "…", "machine": "2 cores, 15 GB", "seconds": {"srl": 240.0},
 "rows": {"srl": 600, "rlvr": 600, "dev": 128, "test": 412},
 "labels": ["negative", …], "main_metric": "macro_f1", "split": "test",
     "level": 0.95, "samples": 2000,
 "final": "rlvr", "verdict": "better" | "unclear" | "worse" | "untrained",
 "headline": "Training worked: macro-F1 rose from 0.412 to 0.758 on 412 test tasks.",
 "notes": ["RLVR: +0.021 [0.003, 0.040]", …], "rlvr_gain": true,
 "table": [{"model": "srl", "title": "SRL", "kind": "stage" | "comparison", "rows": 412,
            "metrics": {"macro_f1": {"value": 0.74, "low": 0.70, "high": 0.78}, "ece": null},
            "latency_s": {"mean": 0.2, "p50": 0.2, "p95": 0.3}, "tokens": 31.5, "note": ""}],
 "tests": [{"model": "rlvr", "against": "srl", "title": "RLVR − SRL",
            "metrics": {"macro_f1": {"value": 0.021, "low": 0.003, "high": 0.04, "p": 0.02,
                                     "first": 0.74, "second": 0.76, "runs": [0.021]}},
            "flips": {"fixed": 21, "broken": 9, "p": 0.04}}],
 "per_class": {"srl": [{"label": "negative", "precision": …, "recall", "f1", "support": 120}]},
 "categories": {"srl": [{"category": "privacy", "rows": 12, "detected": {"value", "low", "high"},
                         "false_positives": {…}}]}               of a role that flags
 "confusion": {"srl": [[100, 15, 4, 1], …]}      gold labels down; labels and "invalid" across
 "calibration": {"srl": {"ece", "brier", "without", "bins": [{"low", "high", "rows", …}]}},
 "curves": {"srl": {"loss": [[1, 2.1], …], "dev_macro_f1": […]}, "rlvr": {"reward": […]}},
 "flips": {"fixed": 120, "broken": 9},
 "examples": [{"task", "kind": "fixed" | "broken", "prompt", "gold", "answers", "texts"}],
 "weaknesses": {"metric": "accuracy", "looked_at": 14, "slices": [{"key", "value", "rows",
                "score", "rest", "gap", "low", "high", "clear"}]},
 "gate": [{"name": "macro_f1", "required": "≥ 0.740", "measured": "0.758 [0.71, 0.80]",
           "passed": true}],
 "pairwise": [{"model": "srl", "against": "baseline", "gap": {…}, "p_holm": 0.01, "flips": {…},
               "effect": {"cohen_h", "cohen_d", "odds_ratio", "cohen_g"}}],
 "service": {"srl": {"timed": 8, "latency_s": {"mean", "p50", "p95", "p99"}, "tokens": {…},
                     "cost_per_1000_usd": 0.05}},
 "sampled": {"samples": 8, "temperature": 1.0, "figures": {"srl": {"value", "low", "high"}},
             "tests": [{"title": "RLVR − SRL", "gap": {…}}],
             "pass_at": {"srl": {"1": {"value", …}, "8": {…}}}}}   only with evaluate.samples > 1
"""

from collections.abc import Mapping, Sequence
from typing import Any

from srlr.core.settings import Settings
from srlr.evaluation import examples, gate, pairwise, sampled, sentences, tables, weaknesses
from srlr.evaluation.compare import Resampling, additive
from srlr.evaluation.metrics import Metric, named
from srlr.evaluation.outcomes import Attempt, Schema
from srlr.evaluation.value import STAGES, Extras, Report


def build(
    attempts: Sequence[Attempt],
    settings: Settings,
    decision: Mapping[str, Any] | None,
    metrics_rows: Sequence[Mapping[str, Any]],
    extras: Extras,
) -> Report:
    """The report on one run's attempts; `decision` is the content of select/decision.yaml.

    Raises:
        ConfigError: no attempts, an unknown model or metric, models asked different tasks.
    """
    by_model = tables.by_model(attempts)
    schema = Schema.of(settings.role)
    node = settings.evaluate
    how = Resampling(extras.seed, node.bootstrap_samples, node.confidence_level)
    final = next(model for model in reversed(STAGES) if model in by_model)
    tests = tables.paired_tests(by_model, schema, how, settings.role.main_metric)
    shown = shown_metrics(settings, schema)
    stand_in = sentences.stand_in(settings, decision)
    report = Report(
        **_identity(settings, extras, how),
        labels=schema.labels,
        stand_in=stand_in,
        final=final,
        verdict="untrained",
        headline="",
        notes=(),
        table=tuple(
            tables.row(m, rows, shown, schema, how, extras.shots) for m, rows in by_model.items()
        ),
        tests=tests,
        rlvr_gain=tables.rlvr_gain(tests, settings.role.main_metric, extras.results),
        per_class=tables.per_class_of(by_model, schema),
        categories=tables.categories_of(by_model, schema, how),
        confusion=tables.confusion_of(by_model, schema),
        calibration=tables.calibration_of(by_model, schema),
        curves=tables.curves(metrics_rows),
        examples=examples.changed(by_model, final, schema, extras.seed),
        flips=examples.counted(by_model, final, schema),
        weaknesses=weaknesses.find(by_model[final], schema, how),
        gate=(),
        sampled=sampled.build(extras.sampled, schema, how, node.temperature),
        pairwise=tuple(pairwise.every_two(by_model, schema, how, settings.role.main_metric, tests)),
        service=pairwise.services(by_model, schema, settings.hardware.price_usd_per_hour),
    )
    verdict, headline = sentences.verdict(report)
    heard = (*sentences.notes(report), *sentences.alarms(extras.results))
    said = {"verdict": verdict, "headline": headline, "notes": heard}
    found = gate.Evaluated(report, by_model, schema, how)
    return report.model_copy(update={**said, "gate": gate.checks(found, node.gate)})


def shown_metrics(settings: Settings, schema: Schema) -> list[str]:
    """The closing table's columns: main metric, the role's own, and the calibration error if any.

    Raises:
        ConfigError: a word names no metric, or the main metric cannot be resampled.
    """
    role = settings.role
    additive(role.main_metric, schema)
    calibrated = ("ece",) if schema.confidence else ()
    asked = dict.fromkeys((role.main_metric, *role.metrics, *calibrated))
    # latency percentiles are in every row anyway, and have no interval to show beside the others
    return [word for word in asked if isinstance(named(word, schema), Metric)]


def _identity(settings: Settings, extras: Extras, how: Resampling) -> dict[str, Any]:
    return {
        "run": extras.run,
        "role": settings.role.name,
        "tier": settings.tier.name,
        "model": settings.model.name,
        "seed": extras.seed,
        "created": extras.created,
        "machine": extras.machine,
        "rows": dict(extras.rows),
        "seconds": dict(extras.seconds),
        "main_metric": settings.role.main_metric,
        "split": settings.evaluate.split,
        "level": how.level,
        "samples": how.samples,
    }
