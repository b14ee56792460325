from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.training.advantages import (
    centred,
    decoupled,
    explained_variance,
    gae,
    group_relative,
    leave_one_out,
    of_groups,
    whitened,
)

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


def test_centred_and_leave_one_out_by_hand():
    """Of 1, 2, 6 the mean is 3; the means of the others are 4, 3.5 and 1.5."""
    assert centred([1.0, 2.0, 6.0]) == [-2.0, -1.0, 3.0]
    assert leave_one_out([1.0, 2.0, 6.0]) == [-3.0, -1.5, 4.5]


@given(some_rewards)
def test_leave_one_out_is_centred_but_for_a_factor(rewards):
    factor = len(rewards) / (len(rewards) - 1)

    assert leave_one_out(rewards) == pytest.approx([factor * one for one in centred(rewards)])


@pytest.mark.parametrize(
    ("scale", "advantages"),
    [
        ("group", [[-1.0, 1.0], None, [-1.0, 1.0]]),
        ("none", [[-1.0, 1.0], None, [-3.0, 3.0]]),
        ("batch", [[-(0.2**0.5), 0.2**0.5], None, [-(1.8**0.5), 1.8**0.5]]),  # deviation √5
        ("leave_one_out", [[-2.0, 2.0], None, [-6.0, 6.0]]),
    ],
)
def test_groups_by_hand(scale, advantages):
    found = of_groups([[1.0, 3.0], [5.0, 5.0], [0.0, 6.0]], scale, 1e-4)

    assert [one if one is None else pytest.approx(one) for one in advantages] == found


@pytest.mark.parametrize("scale", ["group", "none", "batch", "leave_one_out"])
def test_where_no_group_has_spread_none_teaches(scale):
    assert of_groups([[1.0, 1.0], [0.0, 0.0]], scale, 0.0) == [None, None]


def test_each_reward_counts_alike_whatever_its_spread():
    """Length spreads 100 times as widely as rightness; both are ±1 deviation, weighed 1 and 2."""
    group = [{"length": 100.0, "right": 0.0}, {"length": 300.0, "right": 1.0}]

    assert decoupled([group], {"length": 1.0, "right": 2.0}) == [[-3.0, 3.0]]


def test_a_reward_without_spread_or_that_nobody_judged_says_nothing():
    group = [{"right": 0.0, "calm": 0.5}, {"right": 1.0, "calm": 0.5}]

    assert decoupled([group], {"right": 1.0, "calm": 9.0, "absent": 9.0}) == [[-1.0, 1.0]]


def test_an_answer_that_a_reward_cannot_judge_is_at_its_mean():
    """Judged 0 and 2: mean 1, deviation 1; the third is at 0."""
    group = [{"kind": 0.0}, {"kind": 2.0}, {}]

    assert decoupled([group], {"kind": 1.0}) == [[-1.0, 1.0, 0.0]]


@given(st.data(), some_rewards.filter(lambda rewards: len(set(rewards)) > 1))
def test_one_reward_normalised_by_itself_is_the_group_relative_advantage(data, rewards):
    weight = data.draw(st.integers(1, 5))
    found = decoupled([[{"only": float(one)} for one in rewards]], {"only": weight})[0]

    assert found == pytest.approx([weight * one for one in group_relative(rewards, 1e-9)])


# -- tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gamma", "lam", "advantages"),
    [
        # rewards 0, 0, 1; values 0.5, 0.2, 0.4
        (1.0, 1.0, [0.5, 0.8, 0.6]),  # the return, 1, less the value
        (1.0, 0.0, [-0.3, 0.2, 0.6]),  # what the next value is more, and at last the reward
        (0.5, 0.0, [-0.4, 0.0, 0.6]),  # 0.1 - 0.5, 0.2 - 0.2, 1 - 0.4
        (0.5, 0.5, [-0.3625, 0.15, 0.6]),  # a quarter of the next one: 0 + 0.15, -0.4 + 0.0375
    ],
)
def test_advantages_of_tokens_by_hand(gamma, lam, advantages):
    values = [0.5, 0.2, 0.4]
    found, returns = gae([0.0, 0.0, 1.0], values, gamma, lam)

    assert found == pytest.approx(advantages)
    assert returns == pytest.approx([a + v for a, v in zip(advantages, values, strict=True)])


some_tokens = st.lists(
    st.tuples(st.floats(-9.0, 9.0), st.floats(-9.0, 9.0)), min_size=1, max_size=12
)


@given(some_tokens)
def test_undiscounted_and_at_lambda_one_an_advantage_is_the_return_less_the_value(tokens):
    rewards, values = zip(*tokens, strict=True)
    found, returns = gae(rewards, values, 1.0, 1.0)
    to_come = [sum(rewards[place:]) for place in range(len(rewards))]

    assert returns == pytest.approx(to_come, abs=1e-6)
    assert found == pytest.approx(
        [one - value for one, value in zip(to_come, values, strict=True)], abs=1e-6
    )


@given(some_tokens, st.floats(0.1, 1.0))
def test_at_lambda_zero_an_advantage_is_the_error_of_one_token(tokens, gamma):
    rewards, values = zip(*tokens, strict=True)
    found, _ = gae(rewards, values, gamma, 0.0)
    errors = [
        reward + gamma * after - value
        for reward, after, value in zip(rewards, (*values[1:], 0.0), values, strict=True)
    ]

    assert found == pytest.approx(errors, abs=1e-9)


@given(some_tokens, st.floats(0.1, 1.0), st.floats(0.0, 1.0))
def test_values_that_foretell_everything_leave_no_advantage(tokens, gamma, lam):
    rewards = [reward for reward, _ in tokens]
    _, values = gae(rewards, [0.0] * len(rewards), gamma, 1.0)
    found, returns = gae(rewards, values, gamma, lam)

    assert found == pytest.approx([0.0] * len(rewards), abs=1e-6)
    assert returns == pytest.approx(values, abs=1e-6)


def test_whitened_values_have_mean_zero_and_deviation_one():
    """Mean 5, deviation 3."""
    assert whitened([2.0, 2.0, 8.0, 8.0]) == pytest.approx([-1.0, -1.0, 1.0, 1.0])


def test_values_that_are_alike_are_whitened_to_zero():
    assert whitened([0.1, 0.1, 0.1]) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ([0.0, 1.0, 2.0], 1.0),
        ([5.0, 6.0, 7.0], 1.0),  # a constant beside it explains no less
        ([9.0, 9.0, 9.0], 0.0),
        ([2.0, 1.0, 0.0], -3.0),  # what is left, -2, 0, 2, varies four times as much
    ],
)
def test_the_share_of_the_variance_that_values_explain(values, share):
    assert explained_variance([0.0, 1.0, 2.0], values) == pytest.approx(share)
    assert explained_variance([1.0, 1.0, 1.0], values) == 0.0
