import pytest

from srlr.collaboration.checks.leak import leak
from srlr.core.types import Step, Task, Trajectory


def judged(*steps, answer=28, prompt="Ana has 14 pens.", label="answer"):
    made = tuple(Step(*step) if isinstance(step, tuple) else Step(step) for step in steps)
    return leak(Trajectory(Task("1", prompt, {}), made, {label: answer}, "x"), label)


SUMS = ("add: 14 + 23 = 37", "subtract: 37 - 9 = 28", "answer: 28")
WORDS = ("words: love +3", "negative", "label: negative")


def test_an_answer_that_is_worked_out_is_no_leak():
    assert judged(*SUMS).score == 1.0
    assert judged(*WORDS, answer="negative").score == 1.0


@pytest.mark.parametrize(
    ("steps", "prompt", "issue"),
    [
        (
            (("add: 14 + 23 = 37", "The correct answer is 28, so add."), *SUMS[1:]),
            "p",
            "leak: step 1 says that the answer is 28",
        ),
        (SUMS, "How many? (Answer: 28)", "leak: the problem says that the answer is 28"),
        (
            ("note: it comes to 28", *SUMS),
            "p",
            "leak: step 1 has 28, which only step 3 comes to",
        ),
    ],
)
def test_a_number_that_is_told_is_a_leak(steps, prompt, issue):
    assert judged(*steps, prompt=prompt).issues == (issue,)


def test_a_number_of_the_problem_may_be_named():
    assert judged("note: 28", *SUMS, prompt="Of 28 pens …").score == 1.0


def test_the_first_of_several_steps_does_not_name_the_label():
    verdict = judged("negative words: awful", *WORDS, answer="negative", prompt="Awful.")

    assert verdict.issues == ("leak: step 1 names the answer, negative, before anything speaks "
                              "for it",)  # fmt: skip
    assert judged("a negative word", *WORDS, answer="negative", prompt="So negative").score == 1.0
    assert judged("negative", "label: negative", answer="negative").score == 1.0  # two steps


def test_the_last_step_may_say_it():
    assert judged("add: 1 + 1 = 2", ("answer: 2", "So the answer is 2."), answer=2).score == 1.0


@pytest.mark.parametrize("answer", [None, True, ["a"], {"a": 1}, "no"])
def test_values_that_are_in_any_text_cannot_be_judged(answer):
    assert judged("x", answer=answer) is None


def test_a_longer_number_is_another():
    text = ("x", "the answer is 281, or 28.5")

    assert judged(text, *SUMS[1:]).score == 1.0
    assert judged(("x", "the answer is 1,200."), "y", answer="1,200").score == 0.0
