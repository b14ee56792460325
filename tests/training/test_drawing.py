import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.training import Grpo
from srlr.training import drawing
from srlr.training.checkpoint import State
from srlr.training.drawing import Draw, indices
from srlr.training.groups import Asked, Worth

torch.set_num_threads(1)


def alone(prompts):
    return [(index,) for index in range(prompts)]


def test_the_first_epoch_keeps_the_order_and_later_ones_do_not():
    first = [indices(alone(20), at, 5, 0)[0] for at in (0, 5, 10, 15)]
    second = [indices(alone(20), at, 5, 0)[0] for at in (20, 25, 30, 35)]

    assert first == [list(range(at, at + 5)) for at in (0, 5, 10, 15)]
    assert sorted(prompt for step in second for prompt in step) == list(range(20))
    assert second != first


def test_what_belongs_together_is_drawn_together():
    units = [range(3), range(3, 4), range(4, 9)]

    assert indices(units, 0, 2, 0) == ([0, 1, 2], 1)
    assert indices(units, 1, 2, 0) == ([3, 4, 5, 6, 7, 8], 3)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=9), st.integers(0, 30), st.integers(1, 12))
def test_prompts_come_by_the_unit_and_none_twice(sizes, position, prompts):
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    units = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    chosen, after = indices(units, position, prompts, 3)

    assert chosen == sorted(set(chosen))
    assert 1 <= len(chosen) < prompts + max(sizes)
    assert after > position
    assert len(chosen) >= prompts or position // len(sizes) != (after - 1) // len(sizes)


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def drawn(model, worth, together=None, **how):
    """The groups of the first step, and the state after it; of 40 prompts, 4 a step."""
    asked = [Asked(model.encode(f"{number} and {number}")) for number in range(40)]
    draw = Draw(asked, alone(40), worth, None, max_new_tokens=2, rows=64, together=together)
    settings = Grpo(prompts_per_step=4, samples_per_prompt=4, **how)
    state = State()
    return drawing.batch(model, draw, settings, state, 0), state


def spread(teaches):
    """A judge for whom the answers to prompts of which `teaches` is true differ."""
    count = iter(range(10_000))

    def worth(index, answer):
        value = float(next(count) % 2) if teaches(index) else 1.0
        return Worth(value, value, {})

    return worth


def kept(groups):
    return [group.advantages is not None for group in groups]


def test_without_refilling_what_teaches_nothing_leaves_a_smaller_batch(model):
    groups, state = drawn(model, spread(lambda index: index % 2))

    assert kept(groups) == [False, True, False, True]
    assert state.loop == {"position": 4}


def test_others_are_drawn_until_the_batch_is_full(model):
    """Every second prompt teaches: 2 of 4 are missing, which takes 4 more."""
    groups, state = drawn(model, spread(lambda index: index % 2), refill_attempts=3)

    assert kept(groups) == [False, True] * 4
    assert state.loop == {"position": 8}


def test_a_batch_that_is_full_at_once_draws_no_more(model):
    groups, state = drawn(model, spread(lambda index: True), refill_attempts=9)

    assert (len(groups), state.loop["position"]) == (4, 4)


def test_where_nothing_teaches_the_attempts_are_bounded(model):
    """4 at first, 4 more in each of two attempts: never more than a batch at once."""
    groups, state = drawn(model, spread(lambda index: False), refill_attempts=2)

    assert kept(groups) == [False] * 12
    assert state.loop["position"] == 12


def test_the_drawn_answers_are_the_prompts_own(model):
    """The same seed draws the same answers, whoever else is asked later."""
    few, _ = drawn(model, spread(lambda index: index == 0))
    more, _ = drawn(model, spread(lambda index: index == 0), refill_attempts=1)

    assert [g.answers[0].tokens for g in few] == [g.answers[0].tokens for g in more[:4]]
    assert all(len(group.answers) == 4 for group in more)
    assert more[5].asked.tokens == model.encode("5 and 5")


def test_a_steps_answers_are_shown_together_before_any_is_judged(model):
    heard = []

    def worth(index, answer):
        heard.append((index, answer))
        return Worth(float(len(heard) % 2), float(len(heard) % 2), {})

    shown = []
    groups, _ = drawn(model, worth, lambda answers: shown.append((len(heard), list(answers))))
    alone, _ = drawn(model, lambda index, answer: Worth(0.5, 0.5, {}))

    assert [(before, len(answers)) for before, answers in shown] == [(0, 16)]
    assert shown[0][1] == heard
    assert [index for index, _ in heard] == [number for number in range(4) for _ in range(4)]
    assert [one.text for group in groups for one in group.answers] == [a.text for _, a in heard]
    assert [w.total for group in groups for w in group.worths] == [1.0, 0.0] * 8
    assert [[one.text for one in group.answers] for group in alone] == [
        [one.text for one in group.answers] for group in groups
    ]
