import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr import roles
from srlr.collaboration import verifier
from srlr.core.errors import MissingArtifact
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Step, Task
from srlr.rewards import symbolic
from srlr.roles import math_symbolic as role
from srlr.roles.working import gym

PROFILE = RoleProfile(
    name="math_symbolic",
    family="expert_analysis",
    description="d",
    data="generated",
    label="answer",
    options={"train": 80, "dev": 40, "test": 40},
    rewards={"answer": 1.0, "steps": 0.25, "format": 0.1},
)
STEPS = ["3/4 = 9/12", "1/6 = 2/12", "9/12 + 2/12 = 11/12"]
TASK = Task("1", "What is 3/4 + 1/6?", {"answer": "11/12", "steps": STEPS, "match": "exact"})
TEXT = "3/4 = 9/12\n1/6 = 2/12\n9/12 + 2/12 = 11/12\nAnswer: 11/12"


def solved(task=TASK):
    return role.expert(task, Context(), 0, 0)


def test_the_experts_text_is_the_one_of_the_modules_example():
    assert roles.load(PROFILE) is role
    assert "".join(role.completion(solved())) == TEXT
    assert role.parse(f"{TEXT}\n") == {"answer": "11/12"}
    assert role.messages(TASK, [TASK])[2]["content"] == TEXT
    assert sum(step.reward for step in solved().steps) == pytest.approx(1.0)
    assert role.knowledge(TASK).rules == role.RULES


def test_every_generated_problem_is_solved_and_verified():
    for split in ("train", "dev", "test"):
        for task in role.load_tasks(PROFILE, split):
            verdict = verifier.judge(solved(task), role, "answer")

            assert (verdict.score, verdict.issues) == (1.0, ())
            assert task.answer["match"] == "exact"


@pytest.mark.parametrize(
    ("place", "action", "issue"),
    [
        (0, "work: 3/4 = 8/12", "step 1: 3/4 = 8/12 is not true"),
        (3, "answer: 10/12", "answer: the last line does not come to 10/12"),
        (2, "work: and so on", "answer: the last line does not come to 11/12"),
        (3, "11/12", "schema: the steps are not in the role's format"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(place, action, issue):
    steps = list(solved().steps)
    steps[place] = Step(action, "", steps[place].reward)
    verdict = role.verify(replace(solved(), steps=tuple(steps)))

    assert verdict.score < 0.7
    assert verdict.issues == (issue,)


def test_the_answer_may_be_written_another_way_than_the_last_line():
    steps = (*solved().steps[:-1], Step("answer: 22/24", "", 0.2))

    assert role.verify(replace(solved(), steps=steps)).score == 1.0


@pytest.mark.parametrize(
    ("text", "answer", "steps"),
    [
        (TEXT, 1.0, 1.0),
        ("1/6 = 3/12\n1/2 = 2/4\nAnswer: 22/24", 1.0, 0.5),
        ("I guess.\nAnswer: 1", 0.0, None),
        ("Answer: 11/12", 0.0, 0.0),
        ("1 + 1 = 2\nAnswer: 2\nAnswer: 11/12", 0.0, 0.0),
        ("1 = 1\n" * 13 + "Answer: 1", 0.0, 0.0),
    ],
)
def test_rewards_by_hand(text, answer, steps):
    judged = role.steps_reward(TASK, text)

    assert role.answer_reward(TASK, text).value == answer
    assert (judged and judged.value) == steps
    assert role.format_reward(TASK, text).value == float(role.parse(text) is not None)


def test_an_answer_in_a_sentence_is_read_where_it_says_nothing_else():
    lines = TEXT.rpartition("\n")[0]
    whole, doubtful = (f"{lines}\nAnswer: The answer is {it}." for it in ("11/12", "11/12 or 1"))

    assert role.parse(whole) == {"answer": "11/12"}
    assert role.answer_reward(TASK, whole).value == 1.0
    assert role.answer_reward(TASK, doubtful).value == 0.0


def test_the_verifier_accepts_a_sentence_as_the_last_line():
    steps = (*solved().steps[:-1], Step("work: So it is 11/12.", "", 0.1), solved().steps[-1])
    wrong = (*steps[:-2], Step("work: So it is 11/12 or 1.", "", 0.1), steps[-1])

    assert role.verify(replace(solved(), steps=steps)).score == 1.0
    assert role.verify(replace(solved(), steps=wrong)).score < 0.7


def test_a_product_with_a_percent_sign_is_no_percentage_of_it():
    task = Task("1", "What is 15% of 80?", {"answer": "12"})
    text = "15 * 80 = 1200\nAnswer: 1200%"

    assert role.answer_reward(task, text).value == 0.0
    assert role.answer_reward(task, f"{text[:-5]}12").value == 1.0


@given(st.text())
def test_no_text_breaks_anything_that_reads(text):
    role.parse_leniently(text)
    for reward in role.rewards().values():
        assert 0.0 <= reward(TASK, text).value <= 1.0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 11/12.", "11/12"),
        ("**Answer: x + 1**", "x + 1"),
        ("3/4 and 1/6 make 11/12", "11/12"),
        ("The answer is 11/12, because 9 and 2 are 11.", "11/12"),
        ("The answer is 12. I am sure.", "12"),
        ("The answer is 1,234 pens in 5 boxes", "1,234"),
        ("Answer: So it is -3", "-3"),
        ("Answer: .5", ".5"),
        ("The answer is 12 or 13", "12 or 13"),
        ("The answer is 3, 4", "3, 4"),
        ("Answer:", None),
        ("no idea", None),
    ],
)
def test_an_untrained_models_answer_is_read_generously(text, answer):
    assert role.parse_leniently(text) == (answer and {"answer": answer})


def test_edge_cases_are_long_solutions_and_answers_that_are_no_whole_number():
    def kinds(answer, *steps):
        return list(role.edge_cases(Task("1", "", {"answer": answer, "steps": steps})))

    assert kinds("1/2", "a", "b", "c") == ["long_solution", "fraction"]
    assert kinds("x + 1") == ["expression"]
    assert kinds("3") == []


def test_rows_of_a_users_own_and_of_the_gym_are_read(tmp_path, monkeypatch):
    rows = [{"text": "Half?", "answer": 0.5, "split": "train"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    own = PROFILE.model_copy(update={"data": str(tmp_path / "rows.jsonl")})
    (bare,) = role.load_tasks(own, "train")

    assert bare.answer == {"answer": "0.5", "steps": (), "match": "exact"}
    assert role.verify(solved(bare)).score == 0.0
    monkeypatch.setattr(
        gym, "everything", lambda names, asked: (replace(TASK, meta={"split": "dev"}),)
    )
    gymnast = PROFILE.model_copy(update={"data": "reasoning-gym:chain_sum"})
    assert [task.id for task in role.load_tasks(gymnast, "dev")] == ["1"]


def test_symbolic_answers_without_their_package_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(symbolic, "find_spec", lambda name: None)
    asked = PROFILE.model_copy(update={"options": {"match": "symbolic"}})

    with pytest.raises(MissingArtifact, match="math-verify"):
        role.load_tasks(asked, "train")


def test_expressions_are_compared_where_the_task_asks_for_it():
    pytest.importorskip("math_verify")
    asked = PROFILE.model_copy(update={"options": {**PROFILE.options, "match": "symbolic"}})
    task = next(t for t in role.load_tasks(asked, "dev") if t.meta["kind"] == "brackets")
    written = task.prompt.removeprefix("Multiply out: ")

    assert role.answer_reward(task, f"so\nAnswer: {written}").value == 1.0
    assert role.answer_reward(task, f"so\nAnswer: {written} + 1").value == 0.0
