"""Each constraint excludes by itself and says the figure."""

from dataclasses import replace

import pytest

from srlr.models.candidate import Candidate, Demands, Observed
from srlr.models.constraints import breaches

DEMANDS = Demands(
    parameters_min_b=3,
    parameters_max_b=8,
    memory_gb=60,
    context_min_tokens=512,
    licences=("mit",),
    languages=("en",),
    latency_max_ms=16,
    cost_max_usd=1,
)
GOOD = Candidate(
    "good",
    parameters_b=3.5,
    active_b=3.5,
    context_tokens=4096,
    licence="mit",
    memory_gb=50,
    serving_gb=8,
    latency_ms=8,
    cost_usd=0.5,
    languages=("de", "en"),
)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({}, None),
        ({"parameters_b": 2.9}, "parameters"),
        ({"parameters_b": 8.03}, None),  # called an 8B
        ({"parameters_b": 8.2}, "parameters"),
        ({"parameters_b": None}, "parameters"),
        ({"memory_gb": 61}, "memory"),
        ({"memory_gb": None}, "memory"),
        ({"latency_ms": 16.1}, "latency"),
        ({"cost_usd": 1.01}, "cost"),
        ({"context_tokens": 511}, "context"),
        ({"context_tokens": None}, "context"),
        ({"licence": "apache-2.0"}, "licence"),
        ({"licence": None}, "licence"),
        ({"languages": ("de", "fr")}, "languages"),
        ({"languages": ("multilingual",)}, None),
        ({"languages": ("en-GB",)}, None),
        ({"languages": None}, None),
        ({"for_pay": True}, "for_pay"),
        ({"unobtainable": "offline"}, "weights"),
        ({"latency_ms": None, "cost_usd": None}, None),
    ],
)
def test_each_constraint_excludes_by_itself(change, constraint):
    found = [breach.constraint for breach in breaches(replace(GOOD, **change), DEMANDS)]

    assert found == ([constraint] if constraint else [])


@pytest.mark.parametrize(
    ("demand", "change", "constraint"),
    [
        ({"tools": True}, {}, "tools"),
        ({"tools": True}, {"claims": {"tool_calling": 1.0}}, None),
        ({"tools": True}, {"claims": {"tool_calling": 0.0}}, "tools"),
        ({"mixture": True}, {}, "mixture"),
        ({"mixture": True}, {"active_b": 1.0}, None),
        ({"modalities": ("text", "image")}, {}, "modalities"),
        ({"modalities": ("text", "image")}, {"modalities": ("image", "text")}, None),
        ({"one_machine": True}, {}, None),
        ({"one_machine": True}, {"serving_gb": 61}, "environment"),
        ({"hardware": "h100", "hardware_available": ("cpu",)}, {}, "hardware"),
    ],
)
def test_what_only_some_roles_ask_excludes_only_then(demand, change, constraint):
    found = breaches(replace(GOOD, **change), replace(DEMANDS, **demand))

    assert [breach.constraint for breach in found] == ([constraint] if constraint else [])


def test_without_a_list_of_licences_only_non_commercial_ones_are_refused():
    open_minded = replace(DEMANDS, licences=())

    assert not breaches(replace(GOOD, licence="llama3.2"), open_minded)
    assert breaches(replace(GOOD, licence="qwen-research"), open_minded)


def test_a_figure_says_what_is_and_what_is_allowed():
    found = breaches(replace(GOOD, memory_gb=65.2), DEMANDS)

    assert found[0].figure == "65.2 GB to train, allowed are 60 GB"
    assert found[0].excess == pytest.approx(5.2 / 60)


@pytest.mark.parametrize(
    ("seen", "constraint", "figure"),
    [
        ({"latency_ms": 20.0}, "latency", "20 ms measured (8 computed), allowed are 16 ms"),
        ({"cost_usd": 2.0}, "cost", "2 $ per 1M tokens measured (0.5 computed), allowed are 1 $"),
        (
            {"serving_gb": 70.0},
            "environment",
            "70 GB to answer at the edge measured (8 computed), allowed are 60 GB",
        ),
    ],
)
def test_what_was_measured_counts_and_both_figures_are_told(seen, constraint, figure):
    demands = replace(DEMANDS, one_machine=True)
    (found,) = breaches(replace(GOOD, observed=Observed(**seen)), demands)

    assert (found.constraint, found.figure) == (constraint, figure)


def test_a_bound_that_is_missed_by_computation_and_kept_by_measurement_is_kept():
    slow = replace(GOOD, latency_ms=40)

    assert [one.constraint for one in breaches(slow, DEMANDS)] == ["latency"]
    assert breaches(replace(slow, observed=Observed(latency_ms=9.0)), DEMANDS) == []
