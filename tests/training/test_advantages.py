from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.training.advantages import group_relative

some_rewards = st.lists(st.integers(-50, 50), min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("rewards", "advantages"),
    [
        ([1.0, 3.0], [-1.0, 1.0]),  # mean 2, deviation 1
        ([0.0, 0.0, 0.0, 1.0], [-(3**-0.5)] * 3 + [3**0.5]),  # mean 1/4, deviation √3/4
        ([2.0, 2.0, 8.0, 8.0], [-1.0, -1.0, 1.0, 1.0]),  # mean 5, deviation 3
    ],
)
def test_an_advantage_is_the_distance_from_the_mean_in_deviations(rewards, advantages):
    assert group_relative(rewards, 0.0) == pytest.approx(advantages)


@pytest.mark.parametrize(
    ("rewards", "min_spread", "teaches"),
    [
        ([1.0, 1.0, 1.0], 0.0, False),  # deviation 0 is at most 0
        ([1.0, 3.0], 1.0, False),  # deviation 1 is at most 1
        ([1.0, 3.0], 0.999, True),
        ([0.1, 0.1, 0.1], 1e-4, False),  # no spread is invented by rounding
    ],
)
def test_a_group_without_spread_teaches_nothing(rewards, min_spread, teaches):
    assert (group_relative(rewards, min_spread) is not None) == teaches


@given(some_rewards.filter(lambda rewards: len(set(rewards)) > 1))
def test_advantages_have_mean_zero_and_deviation_one(rewards):
    advantages = group_relative(rewards, 1e-9)

    assert fmean(advantages) == pytest.approx(0.0, abs=1e-9)
    assert pstdev(advantages) == pytest.approx(1.0)


@given(st.data(), some_rewards.filter(lambda rewards: len(set(rewards)) > 1))
def test_the_order_of_a_group_does_not_matter(data, rewards):
    order = data.draw(st.permutations(range(len(rewards))))
    there = group_relative([rewards[i] for i in order], 1e-9)
    advantages = group_relative(rewards, 1e-9)

    assert there == pytest.approx([advantages[i] for i in order])


@given(some_rewards.filter(lambda rewards: len(set(rewards)) > 1), st.integers(1, 9))
def test_neither_unit_nor_zero_of_the_reward_matter(rewards, scale):
    shifted = [scale * reward - 7 for reward in rewards]

    assert group_relative(shifted, 1e-9) == pytest.approx(group_relative(rewards, 1e-9))
