import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlr.core.errors import ConfigError
from srlr.evaluation import sequential
from srlr.evaluation.sequential import (
    STAKES,
    Rule,
    bounds,
    decided,
    detectable,
    pairs_needed,
    power,
)


def coins(seed, n, first, second):
    """Pairs of right and wrong answers, independent of each other."""
    draw = random.Random(seed)
    return [(float(draw.random() < first), float(draw.random() < second)) for _ in range(n)]


def test_the_wealth_is_the_mean_over_stakes_of_what_they_have_won():
    """After two wins a stake of λ holds (1 + λ)²; the loss that follows takes of it again."""
    found = decided([(0, 1), (0, 1), (1, 0), (1, 1)], Rule())

    assert found.e_value == pytest.approx(np.mean((1 + STAKES) ** 2) / 2)
    assert found.p == min(1, 1 / found.e_value)
    assert (found.verdict, found.pairs, found.gap, found.discordant) == ("open", 4, 0.25, 0.75)
    assert (found.first, found.second) == (0.5, 0.75)


@pytest.mark.parametrize(("pair", "verdict"), [((0, 1), "B"), ((1, 0), "A")])
def test_a_landslide_ends_at_once(pair, verdict):
    found = decided([pair] * 100, Rule())

    assert found.verdict == verdict
    assert found.pairs < 12
    assert found.p <= 0.05
    assert (found.low > 0, found.high < 0) == (verdict == "B", verdict == "A")
    assert found.low <= found.gap <= found.high


def test_no_more_is_read_than_is_needed():
    read = iter([(0, 1)] * 100)
    found = decided(read, Rule())

    assert len(list(read)) == 100 - found.pairs


def test_two_that_always_agree_are_alike_as_soon_as_that_is_sure():
    found = decided([(1, 1)] * 5000, Rule(alike=0.05))

    assert found.verdict == "alike"
    assert found.pairs % sequential.LOOK_EVERY == 0
    assert found.pairs < 300
    assert -0.05 < found.low <= 0 <= found.high < 0.05
    assert decided([(1, 1)] * 300, Rule()).verdict == "open"


@pytest.mark.parametrize("discordant", [0.05, 0.3, 1.0])
def test_looking_after_every_pair_raises_a_false_alarm_in_5_percent_at_most(discordant):
    """500 tests of 600 pairs of two equally good models, each looked at 600 times."""
    draws = np.random.default_rng(5).random((500, 600))
    won = np.cumsum(draws < discordant / 2, axis=1)
    lost = np.cumsum(draws >= 1 - discordant / 2, axis=1)
    sides = [np.zeros(won.shape), np.zeros(won.shape)]
    for stake in STAKES:
        sides[0] += np.exp(won * math.log1p(stake) + lost * math.log1p(-stake))
        sides[1] += np.exp(lost * math.log1p(stake) + won * math.log1p(-stake))
    wealth = np.maximum(*sides) / (2 * len(STAKES))
    alarms = (wealth.max(axis=1) >= 20).mean()

    assert alarms <= 0.05


def test_scores_between_0_and_1_raise_no_more_false_alarms():
    """Unlike in shape and alike in the mean: Beta(1, 1) against Beta(8, 8)."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(60):
        pairs = zip(rng.beta(1, 1, 150).tolist(), rng.beta(8, 8, 150).tolist(), strict=True)
        alarms += decided(pairs, Rule()).verdict != "open"

    assert alarms / 60 <= 0.05


def test_an_end_looked_at_any_time_holds_the_truth():
    """200 tests of 120 pairs with a true gap of 0.2, each stopped where it likes to be."""
    missed = 0
    for seed in range(60):
        found = decided(coins(seed, 120, 0.5, 0.7), Rule())
        missed += not found.low <= 0.2 <= found.high

    assert missed / 60 <= 0.05


def test_power_grows_with_the_gap_and_the_pairs():
    assert power(0.0, 0.3, 400) <= 0.05
    assert power(0.1, 0.3, 300) < power(0.1, 0.3, 800) < power(0.2, 0.3, 800) == 1.0
    assert power(0.1, 0.3, 800) == power(-0.1, 0.3, 800) or power(-0.1, 0.3, 800) > 0.8


def test_the_pairs_that_a_gap_needs_find_it_in_80_percent():
    needed = pairs_needed(0.1, 0.3, 2000)

    assert 200 < needed < 800
    assert power(0.1, 0.3, needed) >= 0.8
    assert power(0.1, 0.3, needed // 2) < 0.8
    assert pairs_needed(0.005, 0.3, 500) is None


def test_the_smallest_gap_that_would_be_found_is_told():
    gap = detectable(0.3, 500)

    assert power(gap, 0.3, 500) >= 0.8
    assert power(gap - sequential.STEP, 0.3, 500) < 0.8
    assert detectable(0.3, 5) is None


@pytest.mark.parametrize(("gap", "discordant"), [(0.4, 0.3), (0.1, 0.0), (0.1, 1.2)])
def test_a_gap_that_cannot_be_is_refused(gap, discordant):
    with pytest.raises(ConfigError, match="cannot be"):
        power(gap, discordant, 100)


@pytest.mark.parametrize("pair", [(0, 1.1), (-0.1, 0), (math.nan, 1), (1, math.inf)])
def test_an_outcome_outside_the_range_is_told_with_its_place(pair):
    with pytest.raises(ConfigError, match=r"pair 2: .* not both in \[0, 1\]"):
        decided([(0, 0), pair], Rule())


def test_no_pair_is_no_test():
    with pytest.raises(ConfigError, match="not one pair"):
        decided([], Rule())


@pytest.mark.parametrize(("alpha", "alike"), [(0, 0), (1, 0), (0.05, 1), (0.05, -0.1)])
def test_risks_and_margins_that_make_no_test_are_refused(alpha, alike):
    with pytest.raises(ConfigError, match="make no test"):
        Rule(alpha, alike)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60))
@settings(max_examples=20)
def test_the_interval_holds_the_mean_and_narrows_with_the_same_again(differences):
    low, high = bounds(np.array(differences), 0.05)
    wider = bounds(np.array(differences), 0.01)
    again = bounds(np.array(differences * 20), 0.05)

    assert -1 - 1e-9 <= low <= np.mean(differences) + 1e-9
    assert np.mean(differences) - 1e-9 <= high <= 1 + 1e-9
    assert wider[0] <= low + 1e-9
    assert high <= wider[1] + 1e-9
    assert again[1] - again[0] <= high - low + 1e-6


def test_a_fortune_too_large_for_a_number_is_a_fortune():
    found = decided([(0, 1)] * 2000, Rule(alpha=1e-300))

    assert found.e_value > 1e300 or math.isinf(found.e_value)
    assert found.verdict == "B"
