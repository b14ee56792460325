import json
import math as the_library
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlr import roles
from srlr.collaboration import Work, collaborate, retriever, verifier
from srlr.collaboration.teachers import expert
from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.settings import Generate
from srlr.core.types import Context, Step, Task
from srlr.roles import math
from srlr.roles.word_problems import TEMPLATES, Options, everything

PROFILE = compose(["role=math"], environ={}).settings.role
PENS = Task(
    "1",
    "Ana has 14 pens and finds 23 more. Then Ana gives 9 to Ben. How many does Ana have left?",
    {"answer": 28, "steps": ["14 + 23 = 37", "37 - 9 = 28"]},
    {"operations": ["add", "subtract"]},
)
TEXT = "14 + 23 = 37\n37 - 9 = 28\nAnswer: 28"


def solved(task):
    return math.expert(task, math.knowledge(task), 0, 1)


def tokens(text):
    """As SmolLM2 counts them: a digit, a sign with the space before it, a space before a digit."""
    return len(re.findall(r"\d|[-+*/=]|\n|Answer|:| (?=\d)", text)) + 1


def test_the_role_is_loaded_and_is_not_the_library():
    role = roles.load(PROFILE)

    assert role is math
    assert the_library.sqrt(4) == 2


def test_the_experts_text_is_the_one_of_the_modules_example():
    assert "".join(math.completion(solved(PENS))) == TEXT
    assert [step.action for step in solved(PENS).steps] == [
        "add: 14 + 23 = 37",
        "subtract: 37 - 9 = 28",
        "answer: 28",
    ]


def test_every_step_says_where_its_numbers_are_from():
    context = Context(neighbours=(PENS, PENS, Task("2", "", {}, {"operations": ["add"]})))
    steps = math.expert(PENS, context, 0, 1).steps

    assert [step.reasoning for step in steps] == [
        "14 is in the question and 23 is in the question.",
        "37 is what step 1 came to and 9 is in the question.",
        "The last calculation is what is asked for. "
        "2 of the 3 nearest problems take the same operations.",
    ]
    assert [step.reward for step in steps] == pytest.approx([0.4, 0.4, 0.2])


def test_knowledge_names_the_rules_that_the_questions_words_call_for():
    packs = Task("3", "There are 4 packs of 6 pens each.", {})

    assert math.knowledge(packs).rules == (
        math.GENERAL,
        "So much for each of many: multiply.",
    )
    assert len(math.knowledge(PENS).rules) == 3


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_the_experts_solution_of_every_template_is_verified(seed):
    asked = Options(seed=seed, train=29, dev=29, test=29, held_out="numbers")
    made = {task.meta["template"]: task for task in everything(asked)}

    assert len(made) == len(TEMPLATES)
    for task in everything(asked):
        verdict = verifier.judge(solved(task), math, PROFILE.label)

        assert (verdict.score, verdict.issues) == (1.0, ())


def test_collaboration_accepts_the_first_attempt_and_cites_its_neighbours():
    train = math.load_tasks(PROFILE, "train")
    context = retriever.retrieve(train[3], math, retriever.Examples(train[:200]), 3)
    work = Work(math, lambda _: context, "answer", Generate())
    (outcome,) = collaborate(work, expert.teacher(math), [(train[3], 1)])

    assert outcome.rejected == []
    assert outcome.accepted.score == 1.0
    assert outcome.accepted.meta["attempts"] == 1
    assert len(outcome.accepted.citations) == 3


def test_answers_fit_the_embedded_models_limit_of_48_tokens():
    longest = max(tokens("".join(math.completion(solved(one)))) for one in everything(Options()))

    assert longest <= 48


@pytest.mark.parametrize(
    ("place", "action", "issue"),
    [
        (0, "add: 14 + 23 = 38", "step 1: 14 + 23 = 38 is not true"),
        (0, "add: 14 + 24 = 38", "step 1: nothing before it says 24"),
        (0, "add: 14 + 9 = 23", "completeness: nothing uses 14 + 9 = 23"),
        (1, "subtract: 37 - 14 = 23", "answer: the steps come to 23, the last line says 28"),
        (2, "answer: 27", "answer: the steps come to 28, the last line says 27"),
        (1, "add: 14 + 23 = 37", "step 2: 14 + 23 = 37 is there already"),
        (1, "subtract: 37 less 9", "schema: the steps are not in the role's format"),
        (2, "28", "schema: the steps are not in the role's format"),
        (0, "divide: 14 / 0 = 0", "step 1: 14 / 0 = 0 is not true"),
        (0, "divide: 23 / 14 = 1", "step 1: 23 / 14 = 1 is not true"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(place, action, issue):
    steps = list(solved(PENS).steps)
    steps[place] = Step(action, "", steps[place].reward)
    verdict = math.verify(replace(solved(PENS), steps=tuple(steps)))

    assert verdict.score < Generate().min_verification_score
    assert issue in verdict.issues


def test_the_answer_is_derived_from_the_steps_without_the_known_one():
    other = replace(PENS, answer={"answer": 1, "steps": []})

    assert math.verify(replace(solved(PENS), task=other)).score == 1.0


def test_a_solution_is_worth_one_in_every_reward():
    for reward in math.rewards().values():
        assert reward(PENS, TEXT).value == 1.0


@pytest.mark.parametrize(
    ("text", "answer", "steps"),
    [
        ("14 + 23 = 37\n37 - 9 = 28\nAnswer: 27", 0.0, 1.0),
        ("14 + 23 = 36\n36 - 9 = 27\nAnswer: 28", 1.0, 0.5),  # wrong, then right with what it said
        ("14 + 23 = 37\n37 - 8 = 29\nAnswer: 28", 1.0, 0.5),  # nobody said 8
        ("14 + 23 = 37\n14 + 23 = 37\n37 - 9 = 28\nAnswer: 28", 1.0, 2 / 3),
        ("1 + 1 = 2\nAnswer: 2", 0.0, 0.0),
        ("9 - 14 = -5\n-5 + 23 = 18\nAnswer: 18", 0.0, 1.0),
    ],
)
def test_rewards_by_hand(text, answer, steps):
    assert math.answer_reward(PENS, text).value == answer
    assert math.steps_reward(PENS, text).value == pytest.approx(steps)
    assert math.format_reward(PENS, text).value == 1.0


MALFORMED = [
    "",
    "28",
    "Answer: 28",
    "14 + 23 = 37",
    "14 + 23 = 37\n37 - 9 = 28",
    "14 + 23 = 37 Answer: 37",
    "14+23=37\nAnswer: 37",
    "14 + 23 = 37\n\nAnswer: 37",
    "14 + 23 = 37\nAnswer: 37\nAnswer: 37",
    "14 + 23 = 37\nAnswer: 37 pens",
    "14 + 23 = 37\nAnswer: 3.5",
    "14 + 23 + 9 = 46\nAnswer: 46",
    "14 ^ 2 = 196\nAnswer: 196",
    "14 + 23 = 37\nanswer: 37",
    "14 + 23 = " + "9" * 5000 + "\nAnswer: 37",
    "1 + 1 = 2\n" * 2000,
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_answer_is_none_and_worth_nothing(text):
    assert math.parse(text) is None
    for reward in math.rewards().values():
        assert reward(PENS, text).value == 0.0


@given(st.text())
def test_no_text_breaks_anything_that_reads(text):
    math.parse_leniently(text)
    for reward in math.rewards().values():
        assert 0.0 <= reward(PENS, text).value <= 1.0


def test_an_answer_is_read_with_white_space_around_it():
    assert math.parse(f" {TEXT}\n") == {"answer": 28}
    assert math.parse("9 - 14 = -5\nAnswer: -5") == {"answer": -5}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("14 + 23 is 37, minus 9 is 28.", 28),
        ("The answer is 28 pens, not 30.", 28),
        ("First I find 12. **Answer: $1,234.00** 7", 1234),
        ("Ana has 3.5 left", 3.5),
        ("it is -4", -4),
        ("14-9", 9),
        ("9" * 400, 999_999_999_999_999),
    ],
)
def test_an_untrained_models_answer_is_read_generously(text, answer):
    assert math.parse_leniently(text) == {"answer": answer}


def test_a_text_without_a_number_has_no_answer():
    assert math.parse_leniently("I do not know the answer.") is None


def test_an_untrained_model_is_told_the_format_and_shown_it():
    told, question, shown, asked = math.baseline_messages(PENS, [PENS])

    assert told == {"role": "system", "content": math.SYSTEM}
    assert question == asked == {"role": "user", "content": PENS.prompt}
    assert shown == {"role": "assistant", "content": TEXT}
    assert math.messages(Task("input-1", "What is 2 + 2?", {}))[-1]["content"] == "What is 2 + 2?"


def test_where_keeps_slices_of_every_split():
    two = PROFILE.model_copy(update={"where": {"steps": ["2"]}})

    for split in ("train", "dev", "test"):
        tasks = math.load_tasks(two, split)

        assert tasks
        assert {task.meta["steps"] for task in tasks} == {2}
    with pytest.raises(ConfigError, match=r"role\.where\.step"):
        math.load_tasks(PROFILE.model_copy(update={"where": {"step": ["2"]}}), "dev")


def test_rows_of_a_users_own_are_read_with_and_without_steps(tmp_path):
    rows = [
        {"text": PENS.prompt, "answer": 28, "steps": PENS.answer["steps"], "split": "train"},
        {"text": "What is 2 and 2?", "answer": 4, "split": "dev"},
        {"text": "What is 3 and 3?", "answer": 6, "steps": ["3 and 3 is 6"], "split": "test"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    own = PROFILE.model_copy(update={"data": str(tmp_path / "rows.jsonl")})
    (taught,), (bare,), (vague,) = (math.load_tasks(own, s) for s in ("train", "dev", "test"))

    assert "".join(math.completion(solved(taught))) == TEXT
    assert verifier.judge(solved(taught), math, "answer").score == 1.0
    assert verifier.judge(solved(bare), math, "answer").score == 0.0
    assert verifier.judge(solved(vague), math, "answer").score == 0.0


def test_an_answer_that_is_no_whole_number_is_named_with_its_row(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "How much?", "answer": "a lot"}')
    own = PROFILE.model_copy(update={"data": str(tmp_path / "rows.jsonl")})

    with pytest.raises(ConfigError, match="'answer' 'a lot'"):
        math.load_tasks(own, "train")


def test_edge_cases_are_long_solutions_divisions_and_idle_numbers():
    def kinds(text, *steps):
        return list(math.edge_cases(Task("1", text, {"answer": 1, "steps": steps})))

    assert kinds("Of 6 pens and 2 cups", "6 / 2 = 3") == ["division"]
    assert kinds("Of 6 pens, 2 cups and 9 mugs", "6 + 2 = 8") == ["idle_number"]
    assert kinds("1 and 2", "1 + 2 = 3", "3 + 1 = 4", "4 + 2 = 6") == ["long_solution"]
    assert kinds("Of 6 pens") == []
