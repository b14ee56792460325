import pytest

from srlr.core.errors import ConfigError
from srlr.core.sandboxing import Sandbox
from srlr.roles.code_blocks import BLOCKS, VARIABLES, Move, body, result
from srlr.roles.code_tasks import Options, everything, options
from srlr.sandbox import Program, judge

ALL = everything(Options(train=150, dev=30, test=30, levels=(1, 2, 3)))


def block(name):
    return next(one for one in BLOCKS if one.name == name)


@pytest.mark.parametrize(
    ("moves", "value", "came"),
    [
        ([("keep_even", 0), ("sum", 0)], [4, 1, 2], 6),
        ([("times_each", 3), ("turn", 0), ("first", 2)], [1, 2, 3], [9, 6]),
        ([("length", 0), ("add", 4), ("even", 0)], "ab", True),
        ([("largest", 0)], [], 0),
        ([("divide", 2)], -3, -2),
        ([("remainder", 4)], -3, 1),
        ([("at_least", 5), ("text", 0), ("repeat", 2)], 1, "55"),
    ],
)
def test_moves_by_hand(moves, value, came):
    assert result([Move(block(name), constant) for name, constant in moves], value) == came


def test_a_function_has_a_line_for_each_move():
    moves = [Move(block("count"), 0), Move(block("multiply"), 5)]

    assert body(moves) == "    n = len(xs)\n    return n * 5"


def test_every_block_is_sound():
    for one in BLOCKS:
        assert ("{c}" in one.code) == ("{c}" in one.plan) == bool(one.high)
        assert all(("{c}" in said) == bool(one.high) for said in one.said)
        assert one.takes in VARIABLES
        assert one.low <= one.high


def test_tasks_are_the_same_on_every_machine_and_of_the_levels_asked_for():
    assert everything(Options(train=150, dev=30, test=30, levels=(1, 2, 3))) == ALL
    first = ALL[0]

    assert first.id == "level1-29258b07613e"
    assert [task.meta["level"] for task in ALL[:6]] == [1, 2, 3, 1, 2, 3]
    assert all(len(task.meta["blocks"]) == task.meta["level"] for task in ALL)
    assert len({task.id for task in ALL}) == len(ALL) == 210


def test_more_tasks_begin_with_the_same_ones():
    more = everything(Options(train=160, dev=30, test=30, levels=(1, 2, 3)))

    assert more[:150] == ALL[:150]


def test_chains_of_dev_and_test_are_in_no_other_split():
    chains = {
        split: {
            tuple(task.meta["blocks"])
            for task in ALL
            if task.meta["split"] == split and task.meta["level"] > 1
        }
        for split in ("train", "dev", "test")
    }

    assert not chains["train"] & (chains["dev"] | chains["test"])
    assert not chains["dev"] & chains["test"]
    groups = [task.meta["group"] for task in ALL]

    assert len(set(groups)) == len(groups)


def test_each_task_tells_its_first_test_and_hides_an_edge():
    for task in ALL:
        call, value = task.answer["tests"][0].removeprefix("assert ").split(" == ", 1)

        assert f"For example, {call} is {value}." in task.prompt
        assert any(edge in task.answer["tests"][1] for edge in ("(0)", "([])", "('')"))
        assert len({one.split(" == ", 1)[1] for one in task.answer["tests"][1:]}) > 1


def test_the_solutions_pass_their_tests():
    """A few tasks' functions in one program, as each run starts a process."""
    chosen = {task.answer["code"].partition("(")[0]: task for task in ALL}
    code = "\n".join(task.answer["code"] for task in chosen.values())
    tests = tuple(test for task in chosen.values() for test in task.answer["tests"])

    assert len(chosen) == 8
    assert judge(Program(code, tests), Sandbox(kind="none")).share == 1.0


def test_a_level_that_runs_out_is_made_up_for_and_all_of_them_is_an_error():
    many = everything(Options(train=400, dev=1, test=1, levels=(1, 2)))

    assert sum(task.meta["level"] == 1 for task in many) < 200
    with pytest.raises(ConfigError, match=r"role\.options\.train: there are only") as caught:
        everything(Options(train=400, dev=1, test=1, levels=(1,)))

    assert "role.options.levels" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"levels": []}, "levels"),
        ({"levels": [4]}, "levels.0"),
        ({"tests": 1}, "tests"),
        ({"guardrails": {"modules": []}}, "guardrails.modules"),
        ({"held_out": "mbpp"}, "held_out"),
    ],
)
def test_a_wrong_option_is_named(said, key):
    with pytest.raises(ConfigError) as caught:
        options(said)

    assert caught.value.what.startswith(f"role.options.{key}: ")
