import pytest

from srlr.collaboration.checks.consistency import consistency
from srlr.core.types import Task, Trajectory


def answer(label):
    return Trajectory(Task("1", "p", {}), (), {"label": label}, "x")


def asked(*labels):
    return lambda number: None if labels[number - 1] is None else answer(labels[number - 1])


@pytest.mark.parametrize(
    ("labels", "score"),
    [(("a", "a"), 1.0), (("a", "b"), 0.5), (("a", None), 1.0), (("a", "a", "b", None), 2 / 3)],
)
def test_the_score_is_the_share_that_agrees(labels, score):
    verdict = consistency(answer("a"), "label", asked(*labels), len(labels))

    assert verdict.score == pytest.approx(score)
    assert verdict.issues == ()


def test_a_minority_fails():
    verdict = consistency(answer("a"), "label", asked("b", "b", "a"), 3)

    assert verdict.issues == ("consistency: 1 of 3 further answers are 'a' too",)


def test_without_further_answers_nothing_is_judged():
    assert consistency(answer("a"), "label", asked(None, None), 2) is None
