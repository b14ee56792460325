from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.rewards import equations


@pytest.mark.parametrize(
    ("line", "true"),
    [
        ("9/12 + 2/12 = 11/12", True),
        ("3 * (4 - 1) = 9.0 = 18/2", True),
        ("-3 + (-4) = -7.", True),
        ("007 + 1 = 8", True),
        ("0.1 + 0.2 = 0.3", True),  # in fractions, not in floating point
        ("2 + 2 = 5", False),
        ("2 + 2 = 4 = 5", False),
        ("x = 3", None),
        ("2 + 2", None),
        ("1 / 0 = 0", None),
        ("2 ** 3 = 8", None),
        ("3(4) = 12", None),
        ("= 4", None),
        ("1 + = 1", None),
        ("9" * 13 + " = 1", None),
        ("1" * 190 + "x = 1", None),
        ("(" * 190 + " = 1", None),
        ("1 + " * 60 + "1 = 61", None),
    ],
)
def test_a_line_is_true_false_or_no_equation_of_numbers(line, true):
    assert equations.holds(line) is true


@given(st.text(alphabet="0123456789+-*/(). =", max_size=40))
def test_no_line_breaks_the_judge(line):
    assert equations.holds(line) in (True, False, None)


@given(st.integers(-999, 999), st.integers(1, 99))
def test_a_fraction_is_worth_itself(above, below):
    assert equations.value(f"{above}/{below}") == Fraction(above, below)
