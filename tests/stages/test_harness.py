import json
import re
from pathlib import Path

import pytest
import yaml

from srlr import roles
from srlr.core.compose import compose
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.stages import harness


def evaluated(folder, role, number=12):
    """A run directory whose attempts are of this role's first test tasks."""
    few = [f"role.options.{split}={number}" for split in ("train", "dev", "test")]
    settings = compose([f"role={role}", "rollout.max_new_tokens=40", *few]).settings
    module = roles.load(settings.role)
    rows = [
        {"model": model, "task": one.id, "prompt": one.prompt, "gold": dict(one.answer),
         "meta": dict(one.meta)}
        for model in ("baseline", "rlvr")
        for one in module.load_tasks(settings.role, "test")[:number]
    ]  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"format": 1}))
    rundir = RunDir(folder)
    rundir.write_text("config.yaml", yaml.safe_dump(settings.model_dump(mode="json")))
    rundir.write_jsonl("evaluate/attempts.jsonl", rows)
    return rundir, module, settings.role


def read(data):
    task_file, rows_file = data["files"]
    lines = Path(rows_file).read_text().splitlines()
    return yaml.safe_load(Path(task_file).read_text()), [json.loads(line) for line in lines]


@pytest.mark.parametrize("role", ["math", "math_symbolic"])
def test_a_task_says_how_a_model_is_asked_and_where_its_answer_is(tmp_path, role):
    rundir, module, profile = evaluated(tmp_path / "run", role)
    task, rows = read(harness.write(rundir, tmp_path / "out"))

    assert (task["task"], task["output_type"], len(rows)) == (
        f"srlr_{role}",
        "generate_until",
        12,
    )
    assert task["dataset_kwargs"]["data_files"]["test"] == str(tmp_path / f"out/srlr_{role}.jsonl")
    assert task["generation_kwargs"] == {"until": [], "max_gen_toks": 40, "do_sample": False}
    for asked, row in zip(module.load_tasks(profile, "test"), rows, strict=False):
        system, user = module.messages(asked)
        text = "".join(module.completion(module.expert(asked, module.knowledge(asked), 0, 0)))
        (pattern, _) = task["filter_list"][0]["filter"]

        assert (row["system"], row["prompt"]) == (system["content"], user["content"])
        assert row["target"] == str(asked.answer[profile.label])
        assert re.findall(pattern["regex_pattern"], text)[-1] == row["target"]


def test_labels_are_found_where_nothing_names_them():
    """The last one of an answer counts: "negative, implicit" stands before it."""
    profile = compose(["role=sentiment"]).settings.role
    pattern = harness.pattern_of(roles.load(profile), profile, [])

    assert pattern.startswith("(?im)^sentiment:")

    class Wordy:
        knowledge = staticmethod(lambda task: None)
        expert = staticmethod(lambda task, context, attempt, seed: task)
        completion = staticmethod(lambda task: ["words: good\n", "negative\n", "positive 90"])

    task = harness.Task("1", "p", {"sentiment": "positive"})
    pattern = harness.pattern_of(Wordy(), profile, [task])

    assert re.findall(pattern, "words: good\nnegative\npositive 90") == ["negative", "positive"]


def test_a_role_whose_answers_no_pattern_finds_is_refused(tmp_path):
    profile = compose(["role=codegen", "role.sandbox.kind=none"]).settings.role
    role = roles.load(profile)
    task = harness.Task("1", "p", {"code": "def f(x):\n    return x", "tests": [], "passed": True})

    with pytest.raises(ConfigError, match="no pattern finds 'passed'"):
        harness.pattern_of(role, profile, [task])


def test_a_run_that_is_not_evaluated_says_so(tmp_path):
    rundir, *_ = evaluated(tmp_path, "math_symbolic", 1)
    (tmp_path / "evaluate" / "attempts.jsonl").unlink()

    with pytest.raises(MissingArtifact, match="evaluate"):
        harness.write(rundir, tmp_path / "out")
