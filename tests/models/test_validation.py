"""The six checks: pass and fail with their figures, and not_measured wherever a part is missing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurements import measured

from srlr.models.measured import Load, Probe, Spread, Unmeasured
from srlr.models.validation import Wanted, validate

ALL = Wanted(
    memory_gb=8.0,
    latency_max_ms=250.0,
    tier_latency_max_ms=16.0,
    accuracy_min=0.3,
    throughput_rps=10.0,
    requests_per_month=1_000_000,
    cost_max_per_1m_tokens=7.0,
    price_usd_per_hour=0.73,
)
CHECKS = {
    "benchmark_match",
    "hardware_compatible",
    "cost_within_budget",
    "latency_verified",
    "quality_floor",
    "peak_load",
}


def checked(name, found=None, wanted=ALL, **claims):
    return str(validate(found or measured(), wanted, claims)[name])


def test_all_six_pass_with_their_figures():
    found = validate(measured(), ALL, {"accuracy": 0.52})

    assert set(found) == CHECKS
    assert {one.word for one in found.values()} == {"pass"}
    assert "peak 1.00 of 8.00 GB" in found["hardware_compatible"].figure
    assert "$5.33 per 1M tokens" in found["cost_within_budget"].figure
    assert "P50 10, P95 14, P99 20 ms" in found["latency_verified"].figure
    assert "0.500 right [0.381, 0.619] of 64" in found["quality_floor"].figure
    assert "P95 0.4, P99 0.5 s, up to 8 at once" in found["peak_load"].figure


def test_nothing_passes_that_was_not_measured():
    found = validate(Unmeasured("big", "its weights are not here"), ALL, {"accuracy": 0.5})

    assert {str(one) for one in found.values()} == {"not_measured: its weights are not here"}
    assert set(found) == CHECKS


def test_a_model_the_machine_cannot_run_fails_that_check_and_no_other():
    found = validate(Unmeasured("big", "it needs 30 GB", refused=True), ALL, {})

    assert str(found.pop("hardware_compatible")) == "fail: it needs 30 GB"
    assert {one.word for one in found.values()} == {"not_measured"}


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"accuracy": 0.46}, "pass"),  # 0.414 to 0.506 holds 0.5
        ({"accuracy": 0.60}, "not_measured"),  # 0.54 to 0.66 does not, and 0.619 is in it
        ({"accuracy": 0.90}, "fail"),  # 0.81 to 0.99: the interval ends at 0.619
        ({"accuracy": 0.20}, "fail"),
        ({"ifeval": 0.299, "mmlu_redux": 0.31, "parameters_b": 0.135}, "not_measured"),
        ({}, "not_measured"),
    ],
)
def test_a_claim_is_checked_where_it_is_about_the_roles_tasks(claims, word):
    said = checked("benchmark_match", **claims)

    assert said.startswith(f"{word}: ")
    if "ifeval" in claims:
        assert "ifeval 0.299, mmlu_redux 0.31 claimed, whose questions are not here" in said
    if not claims:
        assert "nothing is claimed" in said


def test_more_memory_than_allowed_fails():
    assert checked("hardware_compatible", wanted=replace(ALL, memory_gb=0.9)).startswith("fail: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cost_max_per_1m_tokens": 5.0}, "fail: $5.33 per 1M tokens"),
        ({"price_usd_per_hour": None}, "not_measured: hardware.price_usd_per_hour"),
        ({"cost_max_per_1m_tokens": None}, "not_measured: $5.33"),
        ({"requests_per_month": None}, "pass: $0.101 per 1M tokens"),  # 0.73 / 3.6 / 2000 tokens
        ({"price_usd_per_hour": 0.0}, "pass: $0 per 1M tokens"),
    ],
)
def test_cost_at_the_expected_load(changes, said):
    assert checked("cost_within_budget", wanted=replace(ALL, **changes)).startswith(said)


@pytest.mark.parametrize(
    ("changes", "word", "part"),
    [
        ({"latency_max_ms": 13.0}, "fail", "the role allows 13"),
        ({"tier_latency_max_ms": 13.0}, "fail", "the tier allows 13"),
        ({"tier_latency_max_ms": 13.0, "stands_in": True}, "pass", "exempts its stand-in"),
        (
            {"tier_latency_max_ms": 13.0, "latency_max_ms": None, "stands_in": True},
            "not_measured",
            "exempts its stand-in",
        ),
        (
            {"tier_latency_max_ms": 13.0, "latency_max_ms": 12.0, "stands_in": True},
            "fail",
            "exempts its stand-in",
        ),
        ({"latency_max_ms": None, "tier_latency_max_ms": None}, "not_measured", "neither"),
    ],
)
def test_the_first_token_at_p95(changes, word, part):
    said = checked("latency_verified", wanted=replace(ALL, **changes))

    assert said.startswith(f"{word}: ")
    assert "first token P50 10" in said
    assert part in said


@pytest.mark.parametrize(
    ("floor", "word"),
    [(0.38, "pass"), (0.45, "not_measured"), (0.6, "not_measured"), (0.7, "fail")],
)
def test_a_floor_within_the_interval_cannot_be_told(floor, word):
    said = checked("quality_floor", wanted=replace(ALL, accuracy_min=floor))

    assert said.startswith(f"{word}: ")
    assert "untrained" in said


@pytest.mark.parametrize(
    ("f1", "floors", "word"),
    [
        ((0.5, 0.4, 0.6), (0.38, 0.4), "pass"),
        ((0.5, 0.4, 0.6), (0.38, 0.5), "not_measured"),
        ((0.5, 0.4, 0.6), (0.38, 0.7), "fail"),
        ((0.5, 0.4, 0.6), (0.45, 0.7), "fail"),  # one that fails is enough
        ((0.5, 0.4, 0.6), (None, 0.4), "pass"),
        (None, (0.38, 0.4), "not_measured"),  # a floor without its figure never passes
    ],
)
def test_every_floor_that_is_stated_is_held(f1, floors, word):
    wanted = replace(ALL, accuracy_min=floors[0], f1_min=floors[1])
    said = checked("quality_floor", measured(probe=Probe.of(32, 64, 0.5, f1)), wanted)

    assert said.startswith(f"{word}: ")
    assert "macro F1" in said


def test_no_floor_no_check():
    wanted = replace(ALL, accuracy_min=None, throughput_rps=None)

    assert checked("quality_floor", wanted=wanted).startswith("not_measured: 0.500 right")
    assert checked("peak_load", wanted=wanted).startswith("not_measured: 20 answers a second")


def test_a_queue_that_grows_and_a_rate_out_of_reach_fail():
    load = Load(10.0, 200, 30.0, Spread(200, 5.0, 9.0, 10.0), 64, False)

    assert checked("peak_load", measured(load=load)).endswith("falling behind")
    assert checked("peak_load", measured(load=load)).startswith("fail: ")
    assert checked("peak_load", measured(load=None, answers_per_s=4.0)) == (
        "fail: 4 answers a second, 64 at once; the role needs 10"
    )


@given(st.integers(0, 64), st.floats(0, 1), st.floats(0.1, 20), st.floats(0, 100))
def test_every_check_has_a_word_and_a_figure(right, floor, peak, price):
    found = validate(
        measured(probe=Probe.of(right, 64, 1.0), peak_gb=peak),
        replace(ALL, accuracy_min=floor, price_usd_per_hour=price),
        {"accuracy": floor},
    )

    assert set(found) == CHECKS
    assert all(
        one.word in ("pass", "fail", "not_measured") and one.figure for one in found.values()
    )
