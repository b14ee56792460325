from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.errors import MissingArtifact
from srlr.rewards import symbolic


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", 1234),
        ("$7.", 7),
        ("-0.5", Fraction(-1, 2)),
        ("−3", -3),
        ("3 / 4", Fraction(3, 4)),
        ("20 %", Fraction(1, 5)),
        (".5", Fraction(1, 2)),
        ("1/0", None),
        ("x", None),
        ("9" * 5000, None),
        ("", None),
        ("-", None),
        ("12 pens", None),
    ],
)
def test_a_number_is_read_as_people_write_it(text, value):
    assert symbolic.number(text) == value


@pytest.mark.parametrize(
    ("said", "gold", "same"),
    [
        ("0.5", "1/2", True),
        ("x = 3.", "3", True),
        ("$3$", "3", True),
        ("blue  whale", "blue whale", True),
        ("2", "3", False),
        ("x + 1", "1 + x", False),
        ("", "", False),
        ("The answer is 12.", "12", True),
        ("So, x is -3", "-3", True),
        ("It comes to **1/2**.", "0.5", True),
        ("The answer is 12 or 13.", "12", False),
        ("The answer is not 12.", "12", False),
        ("12 is not the answer", "12", False),
        ("The answer is", "12", False),
        ("It is raining", "raining", False),
    ],
)
def test_answers_are_the_same_as_numbers_or_as_texts(said, gold, same):
    assert symbolic.same(said, gold) is same


@pytest.mark.parametrize(
    ("said", "gold", "same"),
    [
        ("50 %", "1/2", True),
        ("99%", "0.99", True),
        ("1200%", "1200 %", True),
        ("1200%", "12", False),  # 15 * 80 with a sign behind it: 15 % of 80 is not worked out
        (r"1200\%", "12", False),
        ("100%", "1", False),
        ("1", "100 %", False),
    ],
)
@pytest.mark.parametrize("how", ["exact", "symbolic"])
def test_a_percentage_is_the_share_it_says_and_from_100_on_no_number(said, gold, same, how):
    assert symbolic.same(said, gold, how) is same


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("The final answer is 12.", "12"),
        ("Therefore the value of x is: x**2 + 3*x", "x**2 + 3*x"),
        ("it equals $sqrt(2)$.", "sqrt(2)"),
        (r"This is \frac{1}{2}", r"\frac{1}{2}"),
        ("the answer is 3 and the rest is 2", "the answer is 3 and the rest is 2"),
        ("12 pens", "12 pens"),
    ],
)
def test_a_sentence_states_an_answer_where_it_says_nothing_else(sentence, answer):
    assert symbolic.stated(sentence) == answer


@pytest.mark.parametrize(
    "said",
    [
        "9**9**9",
        "2**(2**(2**6))",
        "9**(9*999)",
        "x^100",
        "5!",
        "x*" * 200,
        "x**2+" * 5 + "1",
        r"\sum_{i=1}^{99} i",
    ],
)
def test_what_would_take_long_is_no_answer(said):
    assert not symbolic.same(said, "x + 1", "symbolic")


@given(st.text(max_size=20))
def test_a_text_is_the_same_as_itself_unless_nothing_is_left_of_it(text):
    assert symbolic.same(text, text) is bool(symbolic._plain(text))


def test_expressions_need_their_package(monkeypatch):
    monkeypatch.setattr(symbolic, "find_spec", lambda name: None)

    with pytest.raises(MissingArtifact) as caught:
        symbolic.same("x + 1", "1 + x", "symbolic")
    assert "srlr[math]" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "gold", "same"),
    [
        ("1 + x", "x + 1", True),
        ("(x - 3)*(x + 2)", "x**2 - x - 6", True),
        ("\\frac{1}{2}", "0.5", True),
        ("x + 2", "x + 1", False),
        ("nothing", "x + 1", False),
    ],
)
def test_expressions_are_the_same_where_they_come_to_the_same(said, gold, same):
    pytest.importorskip("math_verify")

    assert symbolic.same(said, gold, "symbolic") is same
