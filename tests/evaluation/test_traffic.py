import json

import pytest

from srlr.core.errors import ConfigError
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.traffic import answered, pairs


def lines(*rows):
    return [json.dumps(row) for row in rows]


def test_a_line_with_both_is_a_pair():
    rows = lines({"A": 1, "B": False, "at": "noon"}, {"B": 0.5, "A": True})

    assert list(pairs([rows[0], " \n", rows[1]], "A", "B")) == [(1, 0), (1, 0.5)]


def test_the_nth_of_each_arm_are_a_pair():
    rows = [{"arm": arm, "outcome": value} for arm, value in zip("AABBA", (1, 0, 0, 1, 1))]  # noqa: B905

    assert list(pairs(lines(*rows), "A", "B")) == [(1, 0), (0, 1)]


def test_outcomes_of_one_item_are_a_pair():
    rows = [
        {"arm": "A", "outcome": 1, "item": "x"},
        {"arm": "A", "outcome": 0, "item": "y"},
        {"arm": "B", "outcome": 0.25, "item": "y"},
        {"arm": "B", "outcome": 0.75, "item": "x"},
    ]

    assert list(pairs(lines(*rows), "A", "B")) == [(0, 0.25), (1, 0.75)]


def test_a_pair_is_there_as_soon_as_its_second_half_is():
    def coming():
        yield from lines({"arm": "A", "outcome": 1}, {"arm": "B", "outcome": 0})
        raise AssertionError

    assert next(pairs(coming(), "A", "B")) == (1, 0)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 1 is no JSON"),
        ("[1]", "line 1 is no object"),
        ('{"arm": "C", "outcome": 1}', "line 1 is about neither 'A' nor 'B'"),
        ('{"arm": "A"}', "line 1 is about neither"),
        ('{"A": 1}', "line 1 is about neither"),
        ('{"A": NaN, "B": 1}', "line 1: the outcome nan is not in"),
        ('{"A": "1", "B": 1}', "line 1: the outcome '1' is not in"),
        ('{"arm": "A", "outcome": 7}', "line 1: the outcome 7 is not in"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(line, what):
    with pytest.raises(ConfigError, match=what):
        list(pairs([line], "A", "B"))


def row(task, right):
    return {"task": task, "answer": {"label": "a" if right else "b"}, "gold": {"label": "a"}}


def test_two_models_answers_are_paired_by_task_in_an_order_of_their_own():
    schema = Schema("label", ("a", "b"))
    tasks = [f"t{n}" for n in range(20)]
    first = [row(task, n < 10) for n, task in enumerate(tasks)]
    second = [row(task, n >= 10) for n, task in reversed(list(enumerate(tasks)))]
    found = list(answered(first, second, schema))

    assert sorted(found) == [(0, 1)] * 10 + [(1, 0)] * 10
    assert found != sorted(found)
    with pytest.raises(ConfigError, match="not asked the same tasks"):
        list(answered(first, second[1:], schema))
