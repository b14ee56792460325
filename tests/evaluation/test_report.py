import json
import math

import pytest

from srlr.core.errors import ConfigError
from srlr.evaluation.markdown import markdown
from srlr.evaluation.page import html
from srlr.evaluation.report import build
from srlr.evaluation.value import Extras, Report


def only(attempts, *models):
    return [row for row in attempts if row["model"] in models]


def as_model(rows, model):
    return [{**row, "model": model} for row in rows]


def test_the_table_goes_from_baseline_to_rlvr_and_then_to_comparisons(report):
    assert [row.model for row in report.table] == ["baseline", "srl", "rlvr", "vader", "tfidf"]
    assert [row.kind for row in report.table] == ["stage"] * 3 + ["comparison"] * 2
    assert list(report.table[0].metrics) == ["macro_f1", "accuracy", "validity", "ece"]
    assert report.table[0].note == "3-shot"


def test_every_interval_holds_its_figure(report):
    figures = [f for row in report.table for f in row.metrics.values() if f]

    assert all(f.low <= f.value <= f.high or f.value < 0.2 for f in figures)  # ece is biased up


def test_rules_write_no_format_to_be_valid(report):
    vader = report.table[3]

    assert (vader.metrics["validity"], vader.metrics["ece"], vader.tokens) == (None, None, None)


def test_a_report_survives_json(report):
    text = report.model_dump_json()

    assert Report.model_validate_json(text) == report
    assert "NaN" not in text
    assert json.loads(text)["format"] == 1


def test_the_same_attempts_give_the_same_report(report, built):
    assert built() == report


def test_a_gain_is_stated_with_its_interval(report):
    gap = next(t for t in report.tests if (t.model, t.against) == ("rlvr", "srl"))
    d = gap.metrics["macro_f1"]

    assert report.rlvr_gain
    assert f"RLVR: {d.value:+.3f} [{d.low:.3f}, {d.high:.3f}]" in report.notes
    assert report.verdict == "better"
    assert report.headline.startswith("Training worked: macro-F1 rose from 0.")


def test_a_gain_of_a_checkpoint_that_rlvr_did_not_make_is_none(built, extras):
    stuck = Extras(run="r", seed=7, results={"rlvr": {"best_step": 0}})
    unknown = Extras(run="r", seed=7)

    assert "RLVR: no gain" in built(extras=stuck).notes
    assert not built(extras=unknown).rlvr_gain


def test_an_rlvr_that_equals_srl_is_no_gain(built, attempts):
    rows = only(attempts, "baseline", "srl")
    report = built(attempts=[*rows, *as_model(only(attempts, "srl"), "rlvr")])

    assert not report.rlvr_gain
    assert "RLVR: no gain" in report.notes


def test_a_worse_model_is_called_worse(built, attempts):
    swapped = [
        *as_model(only(attempts, "rlvr"), "baseline"),
        *as_model(only(attempts, "baseline"), "srl"),
    ]
    report = built(attempts=swapped)

    assert report.verdict == "worse"
    assert report.headline.startswith("Training made it worse: macro-F1 went from 0.")
    assert "SRL: no gain" in report.notes


def test_no_difference_is_called_unclear(built, attempts):
    rows = only(attempts, "baseline")
    report = built(attempts=[*rows, *as_model(rows, "srl")])

    assert report.verdict == "unclear"
    assert report.final == "srl"
    assert report.flips == {"fixed": 0, "broken": 0}


def test_a_baseline_alone_is_untrained(built, attempts):
    report = built(attempts=only(attempts, "baseline"), metrics_rows=[])

    assert report.verdict == "untrained"
    assert (report.tests, report.examples, report.curves, report.flips) == ((), (), {}, {})


def test_a_trained_model_without_a_baseline_is_reported_as_such(built, attempts):
    report = built(attempts=only(attempts, "srl"))

    assert "it has no baseline beside it" in report.headline
    assert report.examples == ()


def test_figures_of_the_tasks_that_chose_the_checkpoints_are_called_flattering(built, new_settings):
    report = built(settings=new_settings(split="dev"))

    assert "on 400 dev tasks" in report.headline
    assert any("chose the checkpoints" in note for note in report.notes)
    assert "the table above is of dev tasks too" in html(report)


def test_a_comparison_that_is_not_beaten_is_named(built, attempts):
    rows = only(attempts, "baseline", "srl", "rlvr")
    report = built(attempts=[*rows, *as_model(only(attempts, "rlvr"), "tfidf")])

    assert any(n.startswith("RLVR is not clearly better than TF-IDF + LR") for n in report.notes)


@pytest.mark.parametrize(
    "decision",
    [{"model_selection": {"stand_in_for": "gold"}}, {"stand_in_for": "gold"}],
)
def test_a_stand_in_is_declared_in_the_notes(built, decision):
    report = built(decision=decision)

    assert "stands in for a gold model (3–8B parameters)" in report.stand_in
    assert report.stand_in in report.notes


@pytest.mark.parametrize("decision", [None, {"model_selection": {"stand_in_for": None}}])
def test_a_tier_that_names_the_model_as_its_stand_in_is_believed(built, settings, decision):
    tier = settings.tier.model_copy(update={"stand_in": settings.model.name})

    assert built(decision=decision).stand_in is None
    assert built(decision=decision, settings=settings.model_copy(update={"tier": tier})).stand_in


def test_a_role_without_labels_or_confidence_has_a_smaller_report(settings, new_attempt, extras):
    role = settings.role.model_copy(
        update={
            "labels": (),
            "confidence": None,
            "metrics": ("accuracy", "latency_p95_s"),
            "main_metric": "accuracy",
        }
    )
    rows = [
        {**new_attempt(str(n), n, None), "model": model, "answer": {"label": n + off}}
        for model, off in (("baseline", 1), ("srl", 0))
        for n in range(30)
    ]
    report = build(rows, settings.model_copy(update={"role": role}), None, [], extras)

    assert list(report.table[0].metrics) == ["accuracy"]
    assert (report.per_class, report.confusion, report.calibration) == ({}, {}, {})
    assert report.verdict == "better"


def test_a_metric_where_less_is_better_improves_by_falling(built, settings):
    role = settings.role.model_copy(update={"main_metric": "brier"})
    report = built(settings=settings.model_copy(update={"role": role}))

    assert report.verdict == "better"
    assert report.headline.startswith("Training worked: brier score fell from")
    assert report.tests[-1].metrics["brier"] is None  # VADER is never sure of anything
    assert "| – |" in markdown(report)
    assert "–</td>" in html(report)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda rows: [], "no attempts of the baseline, SRL or RLVR"),
        (lambda rows: only(rows, "vader"), "no attempts of the baseline, SRL or RLVR"),
        (lambda rows: [*rows, {**rows[0], "model": "dpo"}], "unknown model 'dpo'"),
        (lambda rows: rows[1:], "not asked the same tasks: 1 are in only one"),
        (lambda rows: [*rows, rows[0]], "was answered twice"),
    ],
)
def test_attempts_that_make_no_report_are_refused(built, attempts, change, what):
    with pytest.raises(ConfigError, match=what):
        built(attempts=change(attempts))


@pytest.mark.parametrize(
    ("role", "what"),
    [
        ({"main_metric": "f1"}, "no metric 'f1'"),
        ({"metrics": ("acuracy",)}, "no metric 'acuracy'"),
        ({"main_metric": "latency_p50_s"}, "has no interval"),
    ],
)
def test_metrics_nobody_knows_are_refused(built, settings, role, what):
    role = settings.role.model_copy(update=role)

    with pytest.raises(ConfigError, match=what):
        built(settings=settings.model_copy(update={"role": role}))


def test_confidences_of_nan_are_skipped_and_stay_out_of_the_json(built, attempts):
    rows = [
        {**row, "answer": row["answer"] and {**row["answer"], "confidence": math.nan}}
        for row in only(attempts, "baseline", "srl")
    ]
    report = built(attempts=rows)

    assert report.calibration == {}
    assert report.table[0].metrics["ece"] is None
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_role_that_flags_has_a_table_of_its_categories(built, attempts, settings):
    known = {"negative": "none", "neutral": "privacy", "positive": "violence"}

    def flagged(answer):
        return answer and {**answer, "label": known[answer["label"]]}

    rows = [
        {**row, "answer": flagged(row["answer"]), "gold": flagged(row["gold"])} for row in attempts
    ]
    role = settings.role.model_copy(update={"labels": tuple(known.values())})
    floor = {"gate": {"false_positive_rate_privacy": 0.2}}
    evaluate = settings.evaluate.model_copy(update=floor)
    report = built(
        attempts=rows, settings=settings.model_copy(update={"role": role, "evaluate": evaluate})
    )
    one = report.categories["rlvr"][0]

    assert [scores[1].category for scores in report.categories.values()] == ["violence"] * 5
    assert one.detected.low <= one.detected.value <= one.detected.high
    assert one.rows == sum(row["gold"]["label"] == "privacy" for row in rows) / 5
    assert "| privacy | " in markdown(report)
    assert 'id="h-categories"' in html(report)
    assert report.gate[0].required == "≤ 0.200"
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_role_that_does_not_flag_has_none(report):
    assert report.categories == {}
    assert "By category" not in markdown(report)
    assert 'id="h-categories"' not in html(report)


@pytest.mark.parametrize("answered", [True, False])
def test_tasks_of_one_class_alone_have_a_report_without_a_nan(built, attempts, answered):
    """Whether every answer is that class too, or some are another or unreadable."""
    rows = [row for row in attempts if row["gold"]["label"] == "neutral"]
    if answered:
        rows = [{**row, "answer": {"label": "neutral"}, "valid": True} for row in rows]
    report = built(attempts=rows)
    text = report.model_dump_json()

    assert len(rows) >= 5 * 20
    assert "NaN" not in text
    assert "Infinity" not in text
    assert report.table[0].metrics["accuracy"].value == (
        1.0 if answered else pytest.approx(0.3, abs=0.3)
    )
    assert [score.support for score in report.per_class["rlvr"]] == [0, len(rows) // 5, 0]
    assert html(report).startswith("<!doctype html>")
    assert markdown(report).startswith("# ")
