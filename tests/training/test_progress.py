from dataclasses import replace

import pytest
import tiny

from srlr.core.training import Imitate
from srlr.training.checkpoint import State
from srlr.training.parallel import ALONE
from srlr.training.progress import count, expected, factor, is_judgement_day, is_over, judge


@pytest.mark.parametrize(
    ("step", "day"), [(1, False), (4, True), (6, False), (8, True), (10, True), (9, False)]
)
def test_the_model_is_judged_every_so_many_steps_and_after_the_last(step, day):
    assert is_judgement_day(State(step=step), 10, Imitate(eval_every_steps=4)) == day


@pytest.mark.parametrize(
    ("step", "without_best", "over"),
    [(9, 0, False), (10, 0, True), (11, 0, True), (3, 1, False), (3, 2, True), (3, 3, True)],
)
def test_it_is_over_after_the_last_step_or_when_patience_ends(step, without_best, over):
    state = State(step=step, evaluations_without_best=without_best)

    assert is_over(state, 10, Imitate(patience=2)) == over


def test_only_a_better_model_is_kept(ears, tiny_model_folder):
    model, heard = tiny.load(tiny_model_folder), ears(figures=[0.5, 0.5, 0.6, 0.4])
    state, best = State(), heard.folder / "best"
    kept = []
    for state.step in (0, 2, 4, 6):
        better = judge(model, state, heard.around())
        kept.append((better, best.exists(), state.best_step, state.evaluations_without_best))

    assert kept == [
        (True, False, 0, 0),  # the model as it came needs no copy
        (False, False, 0, 1),  # as good is not better
        (True, True, 4, 0),
        (False, True, 4, 1),
    ]
    assert state.best == {"macro_f1": 0.6, "validity": 1.0}
    assert state.loop["first"] == {"macro_f1": 0.5, "validity": 1.0}
    assert heard.rows[2] == (4, {"dev_macro_f1": 0.6, "dev_validity": 1.0})


# -- tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("used", "over"), [((60, 39), False), ((60, 40), True), ((90, 30), True)])
def test_it_is_over_and_judged_when_the_budget_is_spent(used, over):
    state = State(step=3, tokens_forward=used[0], tokens_backward=used[1])
    settings = Imitate(token_budget=100)

    assert is_over(state, 10, settings) == over
    assert is_judgement_day(state, 10, settings) == over


@pytest.mark.parametrize(
    ("step", "tokens", "steps"),
    [
        (0, 0, 100),  # nothing is known yet
        (4, 90, 45),  # 910 left at 22.5 a step: 41 steps
        (4, 10, 100),  # more than enough for all
        (7, 1000, 7),
    ],
)
def test_a_budget_tells_how_many_steps_there_will_be(step, tokens, steps):
    state = State(step=step, tokens_forward=tokens)

    assert expected(state, 100, Imitate(token_budget=1000)) == steps
    assert expected(state, 100, Imitate()) == 100


@pytest.mark.parametrize(
    ("step", "tokens", "wanted"),
    [
        (0, 0, 0.1),  # the first step moves too
        (0, 50, 0.55),  # halfway up: 5 % of the work, of the 10 % that are the rise
        (0, 100, 1.0),
        (0, 550, 0.55),  # linear: half of the way down to a tenth
        (0, 1000, 0.1),
        (55, 0, 0.55),  # by steps, where they are further
    ],
)
def test_the_learning_rate_follows_the_share_of_the_budget_or_of_the_steps(step, tokens, wanted):
    state = State(step=step, tokens_forward=tokens)

    assert factor(state, 100, Imitate(token_budget=1000)) == pytest.approx(wanted)


def test_without_a_budget_the_learning_rate_follows_the_steps(tiny_model_folder):
    assert factor(State(step=4, tokens_forward=9), 100, Imitate()) == 0.5


def test_what_is_asked_to_judge_is_not_counted(ears, tiny_model_folder):
    model, heard, state = tiny.load(tiny_model_folder), ears(), State()
    model.tally.forward = 7

    def score(model):
        model.tally.forward += 1000
        return {"macro_f1": 0.5}

    judge(model, state, replace(heard.around(), score=score))

    assert count(model, state, ALONE) == {"tokens_forward": 7.0, "tokens_backward": 0.0}
    assert count(model, state, ALONE) == {"tokens_forward": 7.0, "tokens_backward": 0.0}  # once
    assert state.tokens == 7
