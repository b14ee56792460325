"""Every criterion against its anchor, by hand; what is absent is scored by rule, and says so."""

import math
from dataclasses import replace

import pytest

from srlr.models.candidate import Candidate, Demands, Observed
from srlr.models.criteria import CRITERIA

DEMANDS = Demands(
    parameters_min_b=3,
    parameters_max_b=8,
    memory_gb=20,
    context_min_tokens=1000,
    latency_max_ms=100,
    cost_max_usd=4,
    requests_per_s=5,
    request_max_usd=0.02,
    training_max_usd=80,
    monthly_max_usd=1000,
    benchmarks=("gsm8k", "math"),
)


@pytest.mark.parametrize(
    ("criterion", "facts", "score"),
    [
        ("accuracy", {"claims": {"ifeval": 0.6}}, 0.6),
        ("accuracy", {"claims": {"ifeval": 0.6, "accuracy": 0.7}}, 0.7),  # of the role's own kind
        ("f1", {"claims": {"f1": 0.5}}, 0.5),
        ("quality", {"claims": {"gsm8k": 0.8, "math": 0.4}}, 0.6),
        ("quality", {"claims": {"gsm8k": 0.8}}, 0.4),  # the other by nobody: 0
        ("creativity", {"claims": {"creativity": 1.3}}, 1.0),  # never above 1
        ("latency", {"latency_ms": 50}, 0.75),  # 1 - 50 / (2 * 100)
        ("latency", {"latency_ms": 500}, 0.0),
        ("throughput", {"requests_per_s": 5}, 0.5),  # twice what is asked scores 1
        ("parameters", {"parameters_b": 2}, 0.75),
        ("memory", {"memory_gb": 15}, 0.25),
        ("hardware_fit", {"serving_gb": 5}, 0.75),
        ("container", {"container_gb": 2}, 0.9),
        ("scaling", {"serving_gb": 10}, 0.5),  # two copies of four
        ("cost", {"cost_usd": 1}, 0.75),
        ("request_cost", {"request_usd": 0.005}, 0.75),
        ("training_cost", {"training_usd": 20}, 0.75),
        ("infrastructure", {"monthly_usd": 250}, 0.75),
        ("break_even", {"break_even_months": 6}, 1.0),
        ("break_even", {"break_even_months": 24}, 0.5),
        ("break_even", {"break_even_months": math.inf}, 0.0),
        ("maturity", {"claims": {"hub_downloads_per_month": 999}}, 0.5),  # 3 powers of 6
        ("maintenance", {"age_months": 9}, 0.75),
        ("compatibility", {"libraries": ("vllm", "tgi")}, 0.5),
        ("compatibility", {"libraries": ("tgi",)}, 0.0),
        ("documentation", {"facts_stated": 0.5}, 0.5),
        ("tools", {"claims": {"tool_calling": 1.0}}, 1.0),
        ("context", {"context_tokens": 1000}, 0.25),  # four times what is asked scores 1
        ("modalities", {"modalities": ("text", "image")}, 0.5),
        ("tuning", {"tuning_methods": ("lora", "qlora")}, 2 / 3),
    ],
)
def test_a_criterion_lies_between_its_anchors(criterion, facts, score):
    mark = CRITERIA[criterion](Candidate("one", **facts), DEMANDS)

    assert mark.score == pytest.approx(score)
    assert mark.basis in ("claimed", "computed")


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_what_is_absent_is_scored_by_rule_and_says_so(criterion):
    mark = CRITERIA[criterion](Candidate("one"), DEMANDS)

    assert mark.basis == "absent"
    assert mark.note.endswith(f"scored {mark.score:g}")
    assert mark.score == (0.5 if "cannot be computed" in mark.note else 0.0)


@pytest.mark.parametrize(
    ("criterion", "facts", "seen", "score", "beside"),
    [
        ("latency", {"latency_ms": 50}, {"latency_ms": 100}, 0.5, "computed: 50 ms to the first"),
        ("latency", {}, {"latency_ms": 100}, 0.5, "(nothing computed)"),
        (
            "accuracy",
            {"claims": {"ifeval": 0.6}},
            {"accuracy": 0.25},
            0.25,
            "(ifeval 0.6, claimed)",
        ),
        ("f1", {}, {"f1": 0.4}, 0.4, "(nothing claimed)"),
        ("quality", {"claims": {"math": 0.4}}, {"accuracy": 0.3}, 0.3, "math 0.4, claimed; gsm8k"),
        ("throughput", {"requests_per_s": 1}, {"requests_per_s": 5}, 0.5, "computed: 1 requests"),
        ("hardware_fit", {"serving_gb": 5}, {"serving_gb": 10}, 0.5, "computed: 5 GB to answer"),
        ("scaling", {"serving_gb": 5}, {"serving_gb": 10}, 0.5, "computed: 4 copies"),
        ("cost", {"cost_usd": 1}, {"cost_usd": 2}, 0.5, "computed: 1 $ per 1M"),
        ("break_even", {}, {"break_even_months": 24}, 0.5, "(nothing computed)"),
    ],
)
def test_what_was_measured_counts_and_the_other_figure_is_told(
    criterion, facts, seen, score, beside
):
    mark = CRITERIA[criterion](Candidate("one", **facts, observed=Observed(**seen)), DEMANDS)

    assert mark.score == pytest.approx(score)
    assert mark.basis == "measured"
    assert ", measured (" in mark.note
    assert beside in mark.note


def test_a_measured_figure_without_an_anchor_is_as_neutral_as_any_other():
    free = replace(DEMANDS, requests_per_s=None)
    one = Candidate("one", observed=Observed(requests_per_s=3))

    assert CRITERIA["throughput"](one, free).basis == "absent"
    assert CRITERIA["latency"](one, free).basis == "absent"  # which was not measured


def test_what_nobody_demands_has_an_anchor_all_the_same_or_is_neutral():
    free = replace(DEMANDS, latency_max_ms=None, cost_max_usd=None, requests_per_s=None)
    one = Candidate("one", latency_ms=250, cost_usd=2.5, requests_per_s=9)

    assert CRITERIA["latency"](one, free).score == 0.75  # of a second
    assert CRITERIA["cost"](one, free).score == 0.75  # of 10 dollars
    assert CRITERIA["throughput"](one, free).basis == "absent"


def test_an_anchor_of_nothing_is_met_by_more_and_missed_by_less():
    none = replace(DEMANDS, memory_gb=0.0, training_max_usd=0.0)

    assert CRITERIA["training_cost"](Candidate("one", training_usd=1), none).score == 0.0
    assert CRITERIA["scaling"](Candidate("one", serving_gb=1), none).score == 0.0
