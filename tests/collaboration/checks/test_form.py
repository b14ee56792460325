from srlr.collaboration.checks import form
from srlr.core.types import Step, Task, Trajectory

PROBLEM = "Ana has 14 pens and finds 23."


def made(*actions, prompt=PROBLEM, answer=None, outcome=None):
    steps = tuple(Step(action, "", 1 / len(actions)) for action in actions)
    return Trajectory(Task("1", prompt, answer or {}), steps, outcome or {}, "x")


def test_a_step_that_only_says_the_problem_again_is_named():
    copied = ("completeness: step 1 only says the problem again",)

    assert form.completeness(made(PROBLEM, "x")).issues == copied
    assert form.completeness(made(f"read: {PROBLEM}", "x")).issues == copied
    assert form.completeness(made(f"{PROBLEM} So 14 + 23", "x")).score == 1.0
    assert form.completeness(made("great", prompt="Great!")).score == 1.0  # too short to tell


def test_a_negative_reward_is_named_with_its_step():
    one = Trajectory(Task("1", "p", {}), (Step("a", "", 1.5), Step("b", "", -0.5)), {}, "x")

    assert form.rewards(one).issues == ("rewards: a step's reward is negative: step 2",)


def test_without_peoples_label_agreement_cannot_be_judged():
    assert form.agreement(made("x", outcome={"label": "a"}), "label") is None
    assert form.agreement(made("x", answer={"label": "a"}), "label").score == 0.0
