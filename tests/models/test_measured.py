"""Figures of measurements: percentiles, intervals, and the way to JSON and back."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurements import measured

from srlr.models.measured import Measured, Probe, Spread, Unmeasured, wilson


@pytest.mark.parametrize(
    ("seconds", "percentiles"),
    [
        ([1.0], (1.0, 1.0, 1.0)),
        ([2.0, 1.0], (1.0, 2.0, 2.0)),
        ([n / 100 for n in range(1, 101)], (0.50, 0.95, 0.99)),
        ([n / 1000 for n in range(1000, 0, -1)], (0.5, 0.95, 0.99)),
    ],
)
def test_a_percentile_is_a_time_that_was_measured(seconds, percentiles):
    found = Spread.of(seconds)

    assert (found.p50, found.p95, found.p99) == percentiles
    assert found.count == len(seconds)


@given(st.lists(st.floats(0, 100), min_size=1))
def test_percentiles_are_in_order_and_among_the_times(seconds):
    found = Spread.of(seconds)

    assert found.p50 <= found.p95 <= found.p99 <= max(seconds)
    assert {found.p50, found.p95, found.p99} <= set(seconds)


@pytest.mark.parametrize(
    ("right", "tasks", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),  # Brown, Cai and DasGupta 2001: Wilson's interval, n = 10
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilsons_interval(right, tasks, low, high):
    assert wilson(right, tasks) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_solves_its_equation(both):
    right, tasks = both
    low, high = wilson(right, tasks)
    share = right / tasks

    assert 0.0 <= low <= share <= high <= 1.0
    for end in (low, high):
        reach = 1.959964 * math.sqrt(end * (1 - end) / tasks)
        assert abs(share - end) == pytest.approx(reach, abs=1e-6)


@pytest.mark.parametrize(
    "changes", [{}, {"load": None}, {"probe": Probe.of(32, 64, 0.5, (0.4, 0.3, 0.5))}]
)
def test_a_measurement_survives_json(changes):
    one = measured(**changes)

    assert Measured.from_dict(json.loads(json.dumps(one.as_dict()))) == one
    assert one.probe.accuracy == 0.5


@pytest.mark.parametrize("spoil", [{"peak_gb": None}, {"more": 1}])
def test_rows_of_another_version_are_refused(spoil):
    said = {**measured().as_dict(), **spoil}
    if spoil.get("peak_gb", 1) is None:
        del said["peak_gb"]

    with pytest.raises(TypeError):
        Measured.from_dict(said)


def test_what_was_not_measured_says_why():
    one = Unmeasured("big", "too large", refused=True)

    assert one.as_dict() == {"model": "big", "why": "too large", "refused": True}


def test_answers_a_second_under_load_count_to_the_last_answer():
    assert measured().load.answers_per_s == 10.0
