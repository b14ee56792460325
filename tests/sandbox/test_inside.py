import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.sandbox import inside

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text(), inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
        | st.frozensets(st.text(), max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_a_plain_value_comes_back_as_it_was(value):
    line = inside.encode(value)

    assert "\n" not in line
    back = inside.decode(line)

    assert back == value
    assert type(back) is type(value)


def test_no_number_is_no_number_and_a_tuple_stays_one():
    assert math.isnan(inside.decode(inside.encode(math.nan)))
    assert inside.encode(-math.inf) == '{"f": "-inf"}'
    assert inside.encode((1, [2.5, None])) == '{"t": [1, [2.5, null]]}'


class Sly(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def deep(levels):
    return [deep(levels - 1)] if levels else []


@pytest.mark.parametrize(
    "value", [Sly(1), [Sly(1)], object(), len, range(3), deep(50), [10**5000], {1: {2: print}}]
)
def test_what_is_no_plain_value_is_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011  the interpreter's own words for a long number
        inside.encode(value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nan",
        "NaN",
        "{}",
        '{"a": 1, "b": 2}',
        '{"x": [1]}',
        '{"f": "1"}',
        '{"d": [1]}',
        '{"d": [[[], 1]]}',
        '{"s": [[]]}',
        '{"b": "\\u0100"}',
        '{"t": 1}',
        pytest.param("[" * 100_000, id="brackets"),
        b"\xff",
    ],
)
def test_a_forged_line_is_an_error_and_no_more(line):
    with pytest.raises(ValueError):  # noqa: PT011  json's own words among them
        inside.decode(line)


def answered(code, calls):
    read, write = os.pipe()
    inside._answer({"code": code, "calls": calls}, write)
    os.close(write)
    with open(read, "rb") as file:
        return file.read().decode().splitlines()


def test_calls_are_answered_one_after_the_other():
    code = "def half(n):\n    return n / 2\nlater = [lambda: 1]\ndef odd(): return later"
    calls = [("half", [3], {}), ("half", [], {"n": "x"}), ("odd", [], {}), ("none", [], {})]

    assert answered(code, calls) == [
        "=1.5",
        "!TypeError: unsupported operand type(s) for /: 'str' and 'int'",
        "!ValueError: a function is no plain value",
        "!KeyError: 'none'",
    ]


def test_a_program_that_does_not_run_answers_each_call_with_its_error():
    assert answered("1 / 0", [("f", [], {})] * 2) == ["!ZeroDivisionError: division by zero"] * 2
    assert answered("def f(:", [("f", [], {})])[0].startswith("!SyntaxError")


def test_an_error_that_cannot_be_said_is_named():
    code = (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\n"
        "def f(): raise Mute\ndef g(): raise ValueError('x' * 999 + '\\n')"
    )
    first, second = answered(code, [("f", [], {}), ("g", [], {})])

    assert first == "!Mute"
    assert len(second) == 1 + inside.SHOWN


def test_what_it_prints_is_counted_and_gone():
    assert inside._Nowhere().write("abc") == 3
    assert inside._Nowhere().flush() is None


def test_a_line_of_json_is_what_travels():
    assert json.loads(inside.encode(["é\n", True])) == ["é\n", True]
