import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.text import diversity


def test_distinct_n_is_different_runs_over_all():
    assert diversity.distinct(["a b a b", "A b!"], 1) == pytest.approx(2 / 6)
    assert diversity.distinct(["a b a b", "a b"], 2) == pytest.approx(2 / 4)  # ab ba ab ab
    assert diversity.distinct(["a"], 2) == 0.0


def test_balance_is_entropy_over_its_greatest_value():
    assert diversity.balance({"a": 5, "b": 5}) == pytest.approx(1.0)
    assert diversity.balance({"a": 10, "b": 0}) == 0.0
    assert diversity.balance({"a": 3, "b": 1}) == pytest.approx(
        -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)
    )
    assert diversity.balance({"a": 3}) == diversity.balance({}) == 1.0


def test_lengths_are_quantiles_of_words():
    found = diversity.lengths(["a", "a b", "a b c", "a b c d", "a b c d e"])

    assert found == (1, 2, 3, 4, 4.8, 5)
    assert diversity.lengths([]) == (0,) * 6


def test_spread_is_the_mean_distance_of_all_pairs():
    assert diversity.spread(["a b", "a b"]) == pytest.approx(0.0)
    assert diversity.spread(["a b", "c d"]) == pytest.approx(1.0)
    assert diversity.spread(["a b", "a c", "d e"]) == pytest.approx((0.5 + 1 + 1) / 3)
    assert diversity.spread(["a"]) == 0.0
    assert diversity.spread(["", "a"]) == 1.0


def test_embedding_spread_is_the_mean_distance_of_all_pairs():
    rows = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)  # cosines 0, -1, 0

    assert diversity.embedding_spread(rows) == pytest.approx((1 + 2 + 1) / 3)
    assert diversity.embedding_spread(rows[:1]) == diversity.embedding_spread(rows[:0]) == 0.0


@given(st.lists(st.text(alphabet="ab c", max_size=8), min_size=2, max_size=6))
def test_spread_lies_between_0_and_1_for_texts(texts):
    assert 0.0 <= diversity.spread(texts) <= 1.0 + 1e-9
