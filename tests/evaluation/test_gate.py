import pytest

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.evaluation import gate
from srlr.evaluation.compare import Resampling
from srlr.evaluation.gate import Evaluated
from srlr.evaluation.markdown import markdown
from srlr.evaluation.page import html
from srlr.evaluation.tables import by_model

HOW = Resampling(7, 200)


@pytest.fixture(scope="module")
def evaluated(report, attempts, schema):
    return Evaluated(report, by_model(attempts), schema, HOW)


@pytest.fixture(scope="module")
def few(attempts):
    """Every model's answers to 200 tasks: a report on them is there at once."""
    return attempts[:1000]


def held(evaluated, **floors):
    return {one.name: one for one in gate.checks(evaluated, floors)}


@pytest.mark.parametrize(
    ("floors", "missed"),
    [
        ({}, set()),
        ({"accuracy": None}, set()),
        ({"accuracy": 0.1, "validity": 0.1, "vs_baseline": "significant"}, set()),
        ({"accuracy": 1.0, "macro_f1": 0.999, "validity": 0.1}, {"accuracy", "macro_f1"}),
        ({"ece": 0.9, "brier": 0.9, "latency_p95_s": 9.0, "tokens_mean": 99}, set()),
        (
            {"ece": 0.0, "latency_p99_s": 0.0, "tokens_p50": 1},
            {"ece", "latency_p99_s", "tokens_p50"},
        ),
        ({"vs_srl": 0.9, "vs_tfidf": "significant", "vs_vader": 0.01}, {"vs_srl"}),
    ],
)
def test_every_floor_is_held_against_the_final_model(evaluated, floors, missed):
    found = held(evaluated, **floors)

    assert {name for name, one in found.items() if not one.passed} == missed
    assert len(found) == sum(floor is not None for floor in floors.values())


def test_a_floor_exactly_reached_is_reached(evaluated):
    value = evaluated.report.table[2].metrics["accuracy"].value

    assert held(evaluated, accuracy=value)["accuracy"].passed


def test_a_floor_is_told_with_what_was_measured_its_interval_and_what_is_wanted(evaluated):
    report = evaluated.report.model_copy(
        update={"gate": gate.checks(evaluated, {"macro_f1": 0.999, "vs_baseline": 0.9})}
    )
    figure = report.table[2].metrics["macro_f1"]
    first, second = gate.failed(report)

    assert first == (
        f"RLVR: Macro-F1 is {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}], "
        "the gate asks for ≥ 0.999"
    )
    assert second.startswith("RLVR: gain over Baseline is +0.")
    assert second.endswith("asks for an interval that is better by at least 0.900")
    assert first.removeprefix("RLVR: Macro-F1 is ").partition(",")[0] in html(report)
    assert "gain over Baseline" in html(report)
    assert "**failed**" in markdown(report)


def test_what_was_not_measured_fails(built, few):
    rows = [row for row in few if row["model"] == "srl"]
    report = built(attempts=rows)
    found = held(
        Evaluated(report, {"srl": rows}, None, HOW),
        cost_per_1000_usd=1.0, avg_at_k=0.1, pass_at_k=0.1, vs_baseline="significant", vs_srl=0.1,
    )  # fmt: skip

    assert {(one.measured, one.passed) for one in found.values()} == {("not measured", False)}


def test_a_price_brings_a_cost_that_can_be_bounded(built, few, settings, schema):
    hardware = settings.hardware.model_copy(update={"price_usd_per_hour": 3.6})
    report = built(attempts=few, settings=settings.model_copy(update={"hardware": hardware}))
    found = held(Evaluated(report, by_model(few), schema, HOW), cost_per_1000_usd=1.0)
    latency_s = report.service["rlvr"].latency_s["mean"]

    assert report.service["rlvr"].cost_per_1000_usd == pytest.approx(latency_s)  # 1000 · s · 0.001
    assert report.service["tfidf"].cost_per_1000_usd is None
    assert found["cost_per_1000_usd"].passed
    assert found["cost_per_1000_usd"].measured == f"{latency_s:.3f}"


def test_drawn_answers_have_floors_too(built, few, schema):
    from dataclasses import replace

    rows = [row for row in few if row["model"] == "rlvr"]
    right = [{**row, "answer": {"label": row["gold"]["label"]}} for row in rows]
    wrong = [{**row, "answer": None} for row in rows]
    drawn = [row for pair in zip(right, wrong, strict=True) for row in pair]
    report = built(attempts=few, extras=replace(built.extras, sampled=drawn))
    found = held(Evaluated(report, by_model(few), schema, HOW), avg_at_k=0.5, pass_at_k=1.0)

    assert found["avg_at_k"].measured == "0.500 [0.500, 0.500]"
    assert found["pass_at_k"].measured == "1.000 [1.000, 1.000]"
    assert all(one.passed for one in found.values())


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("macro_f2", "there is no metric 'macro_f2'"),
        ("vs_basline", "there is no model 'basline'"),
        ("vs_xyz", "there is no model 'xyz'"),
    ],
)
def test_a_floor_on_what_nothing_measures_is_refused_before_anything_is_asked(word, what, schema):
    gate.require({word: None, "avg_at_k": 0.5}, schema)
    with pytest.raises(ConfigError, match=what) as refused:
        gate.require({word: 0.5}, schema)

    assert refused.value.hint


def test_floors_are_numbers_or_a_significant_gain():
    words = ["evaluate.gate.ece=0.1", "evaluate.gate.vs_baseline=significant"]
    settings = compose(words, environ={}).settings

    assert settings.evaluate.gate["ece"] == 0.1
    for wrong in ("macro_f1=significant", "macro_f1=.nan", "vs_baseline=better"):
        with pytest.raises(ConfigError, match=r"gate\.(macro_f1|vs_baseline)"):
            compose([f"evaluate.gate.{wrong}"], environ={})


def test_a_metric_where_less_is_better_gains_by_falling(built, settings, few, schema):
    role = settings.role.model_copy(update={"main_metric": "brier"})
    report = built(attempts=few, settings=settings.model_copy(update={"role": role}))
    evaluated = Evaluated(report, by_model(few), schema, HOW)

    assert held(evaluated, vs_baseline=0.001)["vs_baseline"].passed
    assert not held(evaluated, vs_baseline=0.9)["vs_baseline"].passed


def test_a_test_of_one_class_only_says_so(built, few):
    rows = [row for row in few if row["gold"]["label"] == "positive"]
    report = built(attempts=rows)

    assert any(note.startswith("All tasks have the label positive") for note in report.notes)
    assert report.table[0].metrics["macro_f1"] is not None
