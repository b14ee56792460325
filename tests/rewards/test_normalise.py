from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.rewards.normalise import normalise, weights

METHODS = ("z_score", "min_max", "rank", "none")
some_rewards = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("method", "rewards", "scaled"),
    [
        ("z_score", [1.0, 3.0], [-1.0, 1.0]),  # mean 2, deviation 1
        ("z_score", [2.0, 2.0, 8.0, 8.0], [-1.0, -1.0, 1.0, 1.0]),  # mean 5, deviation 3
        ("z_score", [0.0, 3.0, 9.0], [-4 / 14**0.5, -1 / 14**0.5, 5 / 14**0.5]),  # 4, √14
        ("z_score", [0.7, 0.7], [0.0, 0.0]),
        ("min_max", [2.0, 4.0, 10.0], [0.0, 0.25, 1.0]),
        ("min_max", [-1.0, 1.0], [0.0, 1.0]),
        ("min_max", [0.7, 0.7], [1.0, 1.0]),
        ("rank", [5.0, -1.0, 90.0, 6.0], [0.5, 0.25, 1.0, 0.75]),
        ("rank", [5.0, 5.0, 1.0, 9.0], [0.625, 0.625, 0.25, 1.0]),  # ranks 2 and 3 shared: 2.5/4
        ("rank", [0.7, 0.7], [0.75, 0.75]),  # ranks 1 and 2 shared: 1.5/2
        ("none", [5.0, -1.0], [5.0, -1.0]),
    ],
)
def test_rewards_are_put_on_the_methods_scale(method, rewards, scaled):
    assert normalise(rewards, method) == pytest.approx(scaled)


@pytest.mark.parametrize(
    ("method", "rewards", "expected"),
    [
        # logistic(±1) = 0.268941 and 0.731059, mean 0.5
        ("z_score", [1.0, 3.0], [0.537883, 1.462117]),
        ("min_max", [2.0, 4.0, 10.0], [0.0, 0.6, 2.4]),  # 0, 1/4, 1, mean 5/12
        ("rank", [5.0, -1.0, 90.0, 6.0], [0.8, 0.4, 1.6, 1.2]),  # mean 0.625
        ("none", [1.0, 3.0], [0.5, 1.5]),
        ("none", [-5.0, 1.0, 3.0], [0.0, 0.75, 2.25]),  # cut to 0, 1, 3, mean 4/3
        ("none", [-5.0, -1.0], [1.0, 1.0]),  # nothing positive is left
        ("none", [0.0, 0.0], [1.0, 1.0]),
    ],
)
def test_weights_are_the_scaled_rewards_over_their_mean(method, rewards, expected):
    assert weights(rewards, method) == pytest.approx(expected, abs=1e-6)


@given(some_rewards, st.sampled_from(METHODS))
def test_a_weight_is_never_negative_and_the_mean_is_one(rewards, method):
    found = weights(rewards, method)

    assert len(found) == len(rewards)
    assert min(found) >= 0.0
    assert fmean(found) == pytest.approx(1.0)


@given(st.floats(-1e6, 1e6), st.integers(1, 20), st.sampled_from(METHODS))
def test_equal_rewards_weigh_one_each(reward, count, method):
    assert weights([reward] * count, method) == pytest.approx([1.0] * count)


@given(some_rewards, st.sampled_from(METHODS))
def test_a_better_step_never_weighs_less(rewards, method):
    found = weights(rewards, method)
    pairs = sorted(zip(rewards, found, strict=True))

    assert all(low <= high + 1e-9 for (_, low), (_, high) in pairwise(pairs))


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=30).filter(lambda r: len(set(r)) > 1))
def test_z_scores_have_mean_zero_and_deviation_one(rewards):
    scaled = normalise(rewards, "z_score")

    assert fmean(scaled) == pytest.approx(0.0, abs=1e-9)
    assert pstdev(scaled) == pytest.approx(1.0)


def test_an_outlier_counts_about_twice_the_mean_at_most():
    """99 steps at 0 and one at 1000: z = 9.95 and -0.1005, logistic 1.0 and 0.4749."""
    found = weights([0.0] * 99 + [1000.0], "z_score")

    assert found[-1] == pytest.approx(0.99995 / (0.99 * 0.4749 + 0.0099995), rel=1e-3)
    assert found[-1] < 2.1
