"""generate with worked solutions as GSM8K has them, parted here or rewritten by a model."""

import json

import pytest
import teaching
from teaching import openai

from srlr.core.profile import RoleProfile
from srlr.core.rundir import RunDir
from srlr.stages import generate


def row(number, solution, split="train"):
    """Problem `number`: so many pens, 9 more, put into 2 boxes."""
    have = 2 * number + 1
    text = f"In shop {number} Ana has {have} pens and gets 9 more."
    return {
        "id": f"shop-{number}",
        "text": f"{text} She puts as many into each of 2 boxes. How many go into one?",
        "answer": (have + 9) // 2,
        "solution": solution,
        "split": split,
    }


def worked(number):
    have = 2 * number + 1
    return (
        f"Ana has {have}+9 = <<{have}+9={have + 9}>>{have + 9} pens.\n"
        f"One gets {have + 9}/2 = $<<{have + 9}/2={(have + 9) // 2}>>{(have + 9) // 2}.\n"
        f"#### {(have + 9) // 2}"
    )


ROWS = [
    *(row(n, worked(n)) for n in range(1, 7)),
    row(7, worked(7).replace("+9=", "+8=")),  # a calculation that is not true
    row(8, "She parts them."),
    row(9, None),
    row(10, worked(10), "dev"),
    row(11, worked(11), "test"),
]


@pytest.fixture
def settings(tmp_path):
    """`settings(teacher)` for the math role on these rows."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    role = RoleProfile(
        name="math",
        family="expert_analysis",
        description="d",
        data=str(path),
        label="answer",
        outcome="answer",
    )

    def of(**teacher):
        asked = teaching.settings(9, {"kind": "decompose", **teacher}, num_examples_per_request=3)
        return asked.model_copy(update={"role": role, "role_path": None})

    return of


@pytest.fixture
def run(tmp_path):
    return RunDir.create(tmp_path / "run", config_yaml="", command="srlr generate", facts={})


def why(run):
    return {one["id"]: one["why"] for one in run.read_jsonl("generate/unwritten.jsonl")}


def test_solutions_are_parted_and_what_is_dropped_is_told(run, settings):
    result = generate.run(settings(), run)
    rows = {one["id"]: one for one in run.read_jsonl("generate/trajectories.jsonl")}
    (rejected,) = run.read_jsonl("generate/rejected.jsonl")

    assert sorted(rows) == [f"shop-{n}" for n in range(1, 7)]
    assert [step["action"] for step in rows["shop-1"]["steps"]] == [
        "add: 3 + 9 = 12",
        "divide: 12 / 2 = 6",
        "answer: 6",
    ]
    assert rejected["id"] == "shop-7"
    assert any("15+8 = 24" in issue for issue in rejected["issues"])
    assert why(run) == {
        "shop-8": "decompose: 1 part by split=auto",
        "shop-9": "decompose: the row has no 'solution'",
    }
    told = "nothing to judge for 2 tasks (decompose 2): see generate/unwritten.jsonl"
    assert told in result.notes


def rewriting(asked):
    """Writes the parts that it is told in the role's form."""
    rows = []
    for name, one in asked.problems.items():
        told = next((value for key, value in one.items() if "worked solution" in key), None)
        if told is None:
            continue
        actions = [f"{'add' if '+' in part else 'divide'}: {part}" for part in told]
        actions.append(f"answer: {told[-1].rpartition(' ')[2]}")
        steps = [{"action": a, "reasoning": "As worked.", "reward": 1 / 3} for a in actions]
        outcome = {"answer": int(told[-1].rpartition(" ")[2])} if "=" in told[-1] else {}
        rows.append({"id": name, "steps": steps, "expected_outcome": outcome})
    return teaching.Reply(teaching.completion(json.dumps({"trajectories": rows})))


def test_a_model_rewrites_them_in_the_roles_form_and_is_judged_like_any(run, settings):
    with teaching.Server(rewriting) as server:
        teacher = {**openai(server, model="m", repairs=0), "kind": "decompose", "rewrite": True}
        generate.run(settings(**teacher), run)
    rows = {one["id"]: one for one in run.read_jsonl("generate/trajectories.jsonl")}

    assert sorted(rows) == [f"shop-{n}" for n in range(1, 7)]
    assert {one["author"] for one in rows.values()} == {"oracle-1"}
    assert rows["shop-2"]["steps"][1]["action"] == "divide: 14 / 2 = 7"
    assert why(run).keys() == {"shop-8", "shop-9"}
    assert run.read_json("generate/summary.json")["cost"]["answered"] >= 3
