import pytest

from srlr.core.sandboxing import Sandbox
from srlr.sandbox import Judged, Program, asserts, judge
from srlr.sandbox.asserts import Plain, functions, read
from srlr.sandbox.replies import Call


def test_a_test_of_one_call_with_a_value_is_read():
    assert read("assert add(2, [3], b=(1, -2)) == {'a': None}\n") == Plain(
        Call("add", (2, [3]), {"b": (1, -2)}), {"a": None}
    )


@pytest.mark.parametrize(
    "test",
    [
        "assert add(2, 3)",
        "assert add(2, x) == 5",
        "assert add(2, 3) == five",
        "assert add(2, 3) == 5 == 5",
        "assert add(2, 3) != 5",
        "assert a.add(2, 3) == 5",
        "assert add(*[2, 3]) == 5",
        "assert add(**{'a': 2}) == 5",
        "assert 5 == add(2, 3)",
        "add(2, 3) == 5",
        "assert add(2, 3) == 5; assert add(1, 1) == 2",
        "assert add(2, 3 == 5",
        "",
        "assert f(" + "[" * 300 + "]" * 300 + ") == 1",
        "assert f('\0') == 1",
    ],
)
def test_any_other_test_is_left_to_a_sandbox_of_its_own(test):
    assert read(test) is None


def test_the_names_that_nobody_gave_are_the_programs():
    tests = (
        "import math as m\nfrom os import path\ndef check(candidate):\n    total = 0\n"
        "    for n in range(3):\n        total += other(n)\n    assert m.floor(candidate(1)) == 1",
        "check(add)",
        "assert [y for y in add(1)] == Made(1)",
        "assert (",
    )

    assert functions(tests, "class Made:\n    pass") == ["other", "add"]


ADD = "def add(a, b):\n    return a + b"


def test_faults_say_what_came_instead():
    tests = ("assert add(2, 3) == 6", "assert add(2, 'a') == 1", "assert add(2, 3) == 5")
    wrong = judge(Program(ADD, tests), Sandbox(kind="none"))

    assert wrong.faults == (
        "it came to 5, not to 6",
        "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
        "",
    )
    assert wrong.share == pytest.approx(1 / 3)


def test_tests_of_any_kind_ask_the_program_over_a_pipe():
    tests = (
        "assert abs(add(0.1, 0.2) - 0.3) < 1e-9",
        "assert add([1], [2]) == [1, 2] and helper(add(1, 1))",
        "assert add(1, 1) == 3, 'one and one'",
        "add(1, 'x')",
        "add(1, print)",
        "assert not helper(add(1, b=1)",
    )
    support = "def helper(n):\n    return n == 2"
    judged = judge(Program(ADD, tests, support), Sandbox(kind="none"))

    assert judged.faults[:2] == ("", "")
    assert judged.faults[2] == "AssertionError: one and one"
    assert judged.faults[3].startswith("RuntimeError: TypeError: unsupported operand")
    assert judged.faults[4].startswith("ValueError: a builtin_function_or_method")
    assert judged.faults[5].startswith("SyntaxError")


def test_support_that_does_not_run_fails_every_test():
    judged = judge(Program(ADD, ("assert add(1, 1) == 2",) * 2, "1 / 0"), Sandbox(kind="none"))

    assert judged.faults == ("ZeroDivisionError: division by zero",) * 2


def test_a_program_that_is_too_long_is_not_run():
    judged = judge(Program("#" * (asserts.LONGEST + 1), ("assert f() == 1",)), Sandbox())

    assert judged == Judged(("the program is too long",))


def test_no_tests_no_share():
    assert Judged(()).share == 0.0


def test_a_long_value_is_shortened():
    judged = judge(
        Program("def f():\n    return 'x' * 99", ("assert f() == 1",)), Sandbox(kind="none")
    )

    assert judged.faults[0] == f"it came to '{'x' * 56}..., not to 1"
