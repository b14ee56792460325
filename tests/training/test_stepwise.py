import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.training import Stepwise
from srlr.models.rollout import Completion
from srlr.rewards.similarity import Similarity
from srlr.training.groups import Asked
from srlr.training.stepwise import (
    INSTRUCTION,
    Instance,
    Problem,
    action_of,
    asking,
    decompose,
    draw_of,
    judge_of,
    nested,
    steps_of,
)

torch.set_num_threads(1)
MESSAGES = [{"role": "system", "content": "Solve."}, {"role": "user", "content": "7 x 8 > 50?"}]


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def problem(model, text, titles=()):
    tokens = [*model.encode(text), model.stop_token]
    return Problem(MESSAGES, model.encode_chat(MESSAGES), tokens, titles)


def texts(model, steps):
    return [model.decode(step) for step in steps]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("one\ntwo\nthree", ["one\n", "two\n", "three"]),
        ("one\ntwo\n", ["one\n", "two\n"]),  # the stop token alone is no step
        ("one", ["one"]),
        ("\none", ["\n", "one"]),
    ],
)
def test_an_answer_is_cut_after_each_end_of_a_step(model, text, steps):
    tokens = [*model.encode(text), model.stop_token]
    found = list(steps_of(model, tokens, "\n"))

    assert texts(model, found) == steps
    assert [token for step in found for token in step] == tokens
    assert found[-1][-1] == model.stop_token


@given(st.lists(st.text("ab c", min_size=1, max_size=5), min_size=1, max_size=6), st.booleans())
def test_decomposition_loses_nothing_and_every_step_sees_those_before_it(
    tiny_model, lines, last_step
):
    own = problem(tiny_model, "\n".join(lines))
    found = decompose(tiny_model, own, Stepwise(last_step=last_step))
    steps = list(steps_of(tiny_model, own.tokens, "\n"))

    assert len(found) == len(steps) - (not last_step)
    for number, instance in enumerate(found):
        before = [token for step in steps[:number] for token in step]

        assert instance.prompt == [*own.prompt, *before]
        assert instance.expert == tiny_model.decode(steps[number]).strip()
        assert instance.ends == (number == len(steps) - 1)


@pytest.fixture(scope="module")
def tiny_model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def test_the_chat_that_asks_for_the_next_step():
    first = asking(MESSAGES, [], None)
    third = asking(MESSAGES, ["7 x 8 = 56\n", "56 > 50\n"], "conclude")

    assert first[0] == {"role": "system", "content": f"Solve.\n{INSTRUCTION}"}
    assert first[1] == MESSAGES[1]
    assert third[1]["content"] == (
        "7 x 8 > 50?\n\nSteps so far:\n7 x 8 = 56\n56 > 50\n\nNext step: conclude"
    )


def test_with_a_monologue_the_steps_so_far_are_in_the_question(model):
    own = problem(model, "7 x 8 = 56\nyes", ["multiply", "conclude"])
    plain = decompose(model, own, Stepwise(monologue=True))
    hinted = decompose(model, own, Stepwise(monologue=True, title_hints=True))

    assert "Steps so far" not in model.decode(plain[0].prompt)
    assert "Steps so far:\n7 x 8 = 56" in model.decode(plain[1].prompt)
    assert "Next step" not in model.decode(plain[1].prompt)
    assert "Next step: multiply" in model.decode(hinted[0].prompt)
    assert "Next step: conclude" in model.decode(hinted[1].prompt)


def test_what_all_prompts_begin_with_is_asked_once():
    assert nested([[1, 2], [1, 2, 3], [1, 2, 3, 4]]) == [
        Asked([1, 2], []),
        Asked([1, 2], [3]),
        Asked([1, 2], [3, 4]),
    ]
    assert nested([[1, 2, 5], [1, 3]]) == [Asked([1], [2, 5]), Asked([1], [3])]


def said(text, tokens=(9,), stopped=True):
    return Completion(text, list(tokens), stopped, 0.0)


@pytest.mark.parametrize(
    ("answer", "ends", "monologue", "action"),
    [
        (said(" 7 x 8 = 56"), False, False, "7 x 8 = 56"),
        (said("yes", [9, 2]), True, False, "yes"),
        (said("yes", [9, 2]), False, False, None),  # done, where the expert goes on
        (said("yes"), True, False, None),  # goes on, where the expert is done
        (said("yes", stopped=False), False, False, None),  # cut off
        (said("  "), False, False, None),  # nothing said
        (said("<think>\nhm\n</think>\n7 x 8 = 56\n"), False, True, "7 x 8 = 56"),
        (said("<think></think>a\nb"), True, True, "a\nb"),
        (said("7 x 8 = 56"), False, True, None),  # no monologue
        (said("<think>hm</think>"), False, True, None),  # and no step
        (said("<think>hm 7 x 8 = 56"), False, True, None),  # never done thinking
    ],
)
def test_the_action_in_an_answer(answer, ends, monologue, action):
    instance = Instance([1], "7 x 8 = 56", ends)

    assert action_of(answer, instance, Stepwise(monologue=monologue), (2,)) == action


def test_a_step_is_worth_its_likeness_to_the_experts_and_a_malformed_one_less_than_nothing():
    """abcd against abxd: 3 of 4 characters match on both sides, 2 · 3 / 8."""
    worth = judge_of([Instance([1], "abxd", False)], Similarity().step_reward, Stepwise(), (2,))
    good, bad = worth(0, said("abcd")), worth(0, said("", stopped=False))

    assert (good.total, good.outcome) == (0.75, 0.75)
    assert good.parts == {"formed": 1.0, "similarity": 0.75}
    assert (bad.total, bad.outcome, bad.parts) == (-1.0, -1.0, {"formed": 0.0})


def test_thoughts_are_not_compared():
    worth = judge_of(
        [Instance([1], "ab", False)], Similarity().step_reward, Stepwise(monologue=True), (2,)
    )

    assert worth(0, said("<think>anything at all</think>ab")).total == 1.0


@pytest.mark.parametrize("last_step", [True, False])
def test_a_draw_holds_every_step_and_draws_those_of_a_problem_together(model, last_step):
    both = [problem(model, "one\ntwo\nthree"), problem(model, "four\nfive")]
    draw = draw_of(model, both, Similarity().step_reward, Stepwise(last_step=last_step), rows=8)

    assert [list(unit) for unit in draw.units] == (
        [[0, 1, 2], [3, 4]] if last_step else [[0, 1], [2]]
    )
    assert len({tuple(one.prompt) for one in draw.asked[:2]}) == 1
    assert draw.stop == ("\n",)
    assert draw.asked[1].tokens == [*both[0].prompt, *model.encode("one\n")]


def test_a_problem_of_one_step_without_its_last_is_no_problem(model):
    draw = draw_of(
        model, [problem(model, "one")], Similarity().step_reward, Stepwise(last_step=False), rows=8
    )

    assert (draw.units, draw.asked) == ([], [])
