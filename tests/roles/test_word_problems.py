import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlr.core.errors import ConfigError
from srlr.roles.word_problems import (
    TEMPLATES,
    Options,
    calculated,
    everything,
    options,
    problems,
    solve,
)
from srlr.roles.word_templates import Template
from srlr.text.dedup import normalise

FEW = {"train": 45, "dev": 18, "test": 24}
CHANGE = Template(
    "change", "train", ("{who} {a} {b} {c}",), {"a": (2, 9), "b": (2, 9), "c": (2, 99)},
    ("a * b", "c - s"),
)  # fmt: skip


def parted(asked):
    splits = {"train": [], "dev": [], "test": []}
    for task in everything(asked):
        splits[task.meta["split"]].append(task)
    return splits


def test_equal_options_give_equal_problems_and_other_seeds_others():
    everything.cache_clear()
    first = everything(Options(**FEW))
    everything.cache_clear()

    assert everything(Options(**FEW)) == first
    assert everything(Options(**FEW, seed=2)) != first


def test_a_splits_first_problems_do_not_depend_on_how_many_are_asked_for():
    few, more = parted(Options(**FEW)), parted(Options(**FEW | {"train": 60, "dev": 19}))

    assert more["train"][:45] == few["train"]
    assert more["dev"][:18] == few["dev"]
    assert more["test"] == few["test"]


def test_every_split_has_as_many_as_asked_and_its_templates_equally_often():
    for split, tasks in parted(Options(**FEW)).items():
        counts = Counter(task.meta["template"] for task in tasks)

        assert len(tasks) == FEW[split]
        assert counts.keys() == {one.name for one in TEMPLATES if one.split == split}
        assert set(counts.values()) == {3}


def test_no_two_of_the_usual_problems_share_their_words_or_their_id():
    tasks = everything(Options())

    assert len(tasks) == 2400 + 320 + 400
    assert len({normalise(task.prompt) for task in tasks}) == len(tasks)
    assert len({task.id for task in tasks}) == len(tasks)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_splits_share_no_template(seed):
    splits = parted(Options(**FEW, seed=seed))
    train, dev, test = ({task.meta["template"] for task in tasks} for tasks in splits.values())

    assert not train & dev
    assert not train & test
    assert not dev & test


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_with_numbers_held_out_splits_share_templates_but_no_numbers(seed):
    splits = parted(Options(train=87, dev=58, test=58, seed=seed, held_out="numbers"))
    names = {one.name for one in TEMPLATES}
    groups = [{task.meta["group"] for task in tasks} for tasks in splits.values()]

    for tasks in splits.values():
        assert {task.meta["template"] for task in tasks} == names
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_held_out_templates_ask_for_no_operation_that_train_has_not():
    tasks = everything(Options(**FEW))
    by_split = {split: set() for split in FEW}
    for task in tasks:
        by_split[task.meta["split"]].update(task.meta["operations"])

    assert by_split["dev"] | by_split["test"] <= by_split["train"]
    assert by_split["test"] == {"add", "subtract", "multiply", "divide"}


@pytest.mark.parametrize(
    ("numbers", "steps", "answer"),
    [
        ({"a": 4, "b": 3, "c": 50}, ("4 * 3 = 12", "50 - 12 = 38"), 38),
        ({"a": 2, "b": 2, "c": 5}, ("2 * 2 = 4", "5 - 4 = 1"), 1),
    ],
)
def test_a_template_is_solved_with_its_numbers(numbers, steps, answer):
    solved = solve(CHANGE, numbers, 100)

    assert (solved.steps, solved.answer) == (steps, answer)


@pytest.mark.parametrize(
    ("numbers", "largest"),
    [
        ({"a": 4, "b": 3, "c": 12}, 100),  # nothing would be left
        ({"a": 4, "b": 3, "c": 11}, 100),
        ({"a": 4, "b": 3, "c": 50}, 49),
    ],
)
def test_numbers_that_do_not_fit_are_drawn_again(numbers, largest):
    assert solve(CHANGE, numbers, largest) is None


def test_no_calculation_is_done_twice():
    twice = Template("t", "train", (), {}, ("a * b", "c * d", "s + t"))

    assert solve(twice, {"a": 2, "b": 3, "c": 2, "d": 3}, 100) is None
    assert solve(twice, {"a": 2, "b": 3, "c": 3, "d": 2}, 100).answer == 12


@pytest.mark.parametrize(
    ("calculation", "result"),
    [
        ((7, "+", 3), 10),
        ((7, "-", 9), -2),
        ((7, "*", 3), 21),
        ((21, "/", 3), 7),
        ((22, "/", 3), None),
        ((22, "/", 0), None),
    ],
)
def test_calculations(calculation, result):
    assert calculated(*calculation) == result


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"tain": 5}, "tain"),
        ({"train": 0}, "train"),
        ({"largest": 19}, "largest"),
        ({"held_out": "names"}, "held_out"),
    ],
)
def test_an_option_that_cannot_be_meant_is_named_with_those_there_are(said, key):
    with pytest.raises(ConfigError) as caught:
        options(said)

    assert caught.value.what.startswith(f"role.options.{key}: ")
    assert "seed, train, dev, test, largest, held_out" in caught.value.hint


def test_templates_take_turns_as_long_as_they_last_and_then_it_is_an_error():
    first = Template("first", "dev", ("{a} and {b}?",), {"a": (2, 3), "b": (2, 3)}, ("a + b",))
    second = Template("second", "dev", ("twice {a}?",), {"a": (2, 3), "b": (2, 2)}, ("a * b",))
    given = problems([first, second], Options(), "dev")
    found = [next(given).meta["template"] for _ in range(6)]
    with pytest.raises(ConfigError) as caught:
        next(given)

    assert found == ["first", "second", "first", "second", "first", "first"]
    assert caught.value.what == "role.options.dev: there are only 6 such problems"
    assert caught.value.hint.startswith("role.options.dev=6, ")


@pytest.mark.parametrize("largest", [20, 30, 100])
def test_every_template_has_problems_for_every_size_of_numbers(largest):
    tasks = everything(Options(**FEW, largest=largest))
    numbers = {int(n) for task in tasks for n in re.findall(r"\d+", str(task.answer["steps"]))}

    assert {task.meta["template"] for task in tasks} == {one.name for one in TEMPLATES}
    assert max(numbers) <= largest
