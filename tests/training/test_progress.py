import pytest
import tiny

from srlr.core.training import Imitate
from srlr.training.checkpoint import State
from srlr.training.progress import is_judgement_day, is_over, judge


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
