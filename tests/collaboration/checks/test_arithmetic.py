from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.collaboration.checks import arithmetic
from srlr.core.types import Step, Task, Trajectory


def found(text):
    return [(one.text, one.true) for one in arithmetic.calculations(text)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("14 + 23 = 37", [("14 + 23 = 37", True)]),
        ("14 + 23 = 38", [("14 + 23 = 38", False)]),
        ("so <<48/2=24>>24 clips", [("48/2 = 24", True)]),
        ("He pays 2 × 3 = 6 and 7 − 2 = 5.", [("2 × 3 = 6", True), ("7 − 2 = 5", True)]),
        ("$1,200 * 20% = $240", [("$1,200 * 20% = $240", True)]),
        ("30/60 = 50%", [("30/60 = 50%", True)]),
        (".5*2 = 1", [(".5*2 = 1", True)]),
        ("(2 + 3) * 4 = 20", [("(2 + 3) * 4 = 20", True)]),
        ("2 + 3 * 4 = 14", [("2 + 3 * 4 = 14", True)]),
        ("2^10 = 1024", [("2^10 = 1024", True)]),
        ("-3 + 5 = 2", [("-3 + 5 = 2", True)]),
        ("2 + 3 = 5 + 0 = 6", [("2 + 3 = 5 + 0", True), ("5 + 0 = 6", False)]),
        ("There are 5. 3 + 4 = 7", [("3 + 4 = 7", True)]),
        ("30 - 15 - 5 = 10 singers", [("30 - 15 - 5 = 10", True)]),
        ("2/3 = 0.67", [("2/3 = 0.67", True)]),  # rounded
        ("2/3 = 0.66", [("2/3 = 0.66", True)]),  # cut off
        ("2/3 = 0.65", [("2/3 = 0.65", False)]),
        ("1/3 = 33.3%", [("1/3 = 33.3%", True)]),
        ("7 / 2 = 3", [("7 / 2 = 3", False)]),
    ],
)
def test_calculations_are_read_and_judged(text, said):
    assert found(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "no calculation",
        "a = b",
        "x = 5",
        "3x + 4 = 10",
        "2x = 10",
        "x - 3 - 2 = 5",
        "5 apples + 3 = 8",
        "10 = 5A",
        "100/5 = 5A/5",
        "8 x 1 1/2 = 12",  # a mixed number
        "13 / 6 = 2 remainder 1",
        "5 / 0 = 0",
        "2 ^ 99 = 1",
        "2 ^ (1/2) = 1",
        "(2 + 3 = 5",
        "2 + = 2",
        "((((((((((((((((((((((1 + 1)))))))))))))))))))))) = 3",
        "12:30 - 10 = 20",
        "f3 + 1 = 7",
        "",
    ],
)
def test_what_cannot_be_read_for_certain_is_not_judged(text):
    assert all(true for _, true in found(text))
    assert "" not in [shown for shown, _ in found(text)]


@given(st.text(alphabet="0123456789+-*/^()=x., $%", max_size=40))
def test_any_text_is_survived(text):
    every = list(arithmetic.calculations(text))

    assert all("=" in one.text for one in every)


@given(st.integers(0, 999), st.sampled_from("+-*"), st.integers(0, 999), st.integers(-3, 3))
def test_true_sums_are_true_and_others_are_not(first, sign, second, off):
    result = {"+": first + second, "-": first - second, "*": first * second}[sign]
    (one,) = arithmetic.calculations(f"{first} {sign} {second} = {result + off}")

    assert one.true == (off == 0)
    assert one.result == Fraction(result + off)


def test_the_step_is_named_and_reasoning_is_read_too():
    steps = (Step("add: 2 + 2 = 4"), Step("answer: 5", "since 4 + 2 = 5"))
    verdict = arithmetic.arithmetic(Trajectory(Task("1", "p", {}), steps, {}, "x"))

    assert verdict.issues == ("arithmetic: step 2: 4 + 2 = 5 is not true",)
    assert verdict.score == 0.0


def test_steps_without_calculations_cannot_be_judged():
    assert arithmetic.arithmetic(Trajectory(Task("1", "p", {}), (Step("x"),), {}, "x")) is None
