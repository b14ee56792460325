import itertools
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.evaluation.passing import pass_at_k


@pytest.mark.parametrize(
    ("answers", "right", "k", "value"),
    [
        (5, 2, 1, 0.4),
        (5, 2, 2, 0.7),  # 1 - C(3, 2) / C(5, 2) = 1 - 3 / 10
        (5, 2, 4, 1.0),  # three wrong ones cannot fill four places
        (10, 0, 5, 0.0),
        (1, 1, 1, 1.0),
    ],
)
def test_pass_at_k_by_hand(answers, right, k, value):
    assert pass_at_k(answers, right, k) == pytest.approx(value)


@given(st.integers(1, 9), st.data())
def test_it_is_the_share_of_choices_with_a_right_answer(answers, data):
    right = data.draw(st.integers(0, answers))
    k = data.draw(st.integers(1, answers))
    rows = [place < right for place in range(answers)]
    share = fmean(any(choice) for choice in itertools.combinations(rows, k))

    assert pass_at_k(answers, right, k) == pytest.approx(share)


@pytest.mark.parametrize(("answers", "right", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_what_cannot_be_told_is_an_error(answers, right, k):
    with pytest.raises(ValueError, match=r"answers"):
        pass_at_k(answers, right, k)
