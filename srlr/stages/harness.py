"""The tasks of an evaluated run as a local task of lm-evaluation-harness.

reads   config.yaml, evaluate/attempts.jsonl
writes  FOLDER/NAME.yaml    the task: how a model is asked, and where in its text the answer is
        FOLDER/NAME.jsonl   {"id", "system", "prompt", "target"}, a task a line

    lm_eval --model hf --model_args pretrained=RUN/rlvr/best --include_path FOLDER \
        --tasks NAME --apply_chat_template

The harness reads answers by a pattern, not by the role's module, so that it needs nothing of ours.
A pattern is taken that finds the right answer in every expert's solution of these tasks.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from srlr import roles
from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.rundir import RunDir, write_atomic, writing
from srlr.core.settings import Rollout
from srlr.core.types import Role, Task

TURNS = ("system", "user")


def write(rundir: RunDir, folder: Path) -> dict[str, Any]:
    """Writes the task; returns its name, folder, files, the pattern and the number of tasks.

    Raises:
        MissingArtifact: the run is not evaluated.
        ConfigError: the role's answers cannot be read by a pattern, or it asks in several turns.
    """
    config = yaml.safe_load(rundir.read_text("config.yaml"))
    profile = RoleProfile.model_validate(config["role"])
    role = roles.load(profile, config.get("role_path"))
    tasks = _tasks(rundir)
    pattern = pattern_of(role, profile, tasks)
    name = f"srlr_{profile.name}"
    rows = [_row(role, task, profile.label) for task in tasks]
    data, task_file = folder / f"{name}.jsonl", folder / f"{name}.yaml"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_atomic(data, "".join(lines))
        text = yaml.safe_dump(
            _task(name, data, pattern, Rollout.model_validate(config["rollout"])),
            sort_keys=False,
            allow_unicode=True,
        )
        write_atomic(task_file, text)
    return {
        "task": name,
        "folder": str(folder),
        "files": [str(task_file), str(data)],
        "pattern": pattern,
        "tasks": len(rows),
    }


def _tasks(rundir: RunDir) -> list[Task]:
    """The tasks that were asked, once each, as they are on record."""
    found: dict[str, Task] = {}
    for row in rundir.read_jsonl("evaluate/attempts.jsonl"):
        task = Task(row["task"], row["prompt"], row["gold"], row["meta"])
        found.setdefault(task.id, task)
    return list(found.values())


def pattern_of(role: Role, profile: RoleProfile, tasks: Sequence[Task]) -> str:
    """A regular expression whose last match in an expert's solution is the right answer, always.

    Raises:
        ConfigError: none does.
    """
    labels = sorted(map(re.escape, profile.labels), key=len, reverse=True)
    tried = [rf"(?im)^{re.escape(profile.label)}:[ \t]*(.+?)[ \t]*$"]
    tried += [rf"\b({'|'.join(labels)})\b"] if labels else []
    solved = [
        ("".join(role.completion(role.expert(task, role.knowledge(task), 0, 0))), task)
        for task in tasks
    ]
    for pattern in tried:
        read = [(re.findall(pattern, text), task) for text, task in solved]
        if all(said and said[-1] == str(task.answer[profile.label]) for said, task in read):
            return pattern
    raise ConfigError(
        f"role {profile.name!r}: no pattern finds {profile.label!r} in its answers, and the "
        "harness reads answers by patterns",
        "judge this role with `srlr evaluate`, or export its answers: --what attempts",
    )


def _row(role: Role, task: Task, label: str) -> dict[str, str]:
    chat = role.messages(task)
    if tuple(one["role"] for one in chat) not in (TURNS, TURNS[1:]):
        raise ConfigError(
            f"task {task.id!r} is put in {len(chat)} turns, and the harness asks in one",
            "let `messages` of the role return a system and a user message",
        )
    system = chat[0]["content"] if len(chat) > 1 else ""
    target = str(task.answer[label])
    return {"id": task.id, "system": system, "prompt": chat[-1]["content"], "target": target}


def _task(name: str, data: Path, pattern: str, rollout: Rollout) -> dict[str, Any]:
    answer = {"function": "regex", "regex_pattern": pattern, "group_select": -1}
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
        "test_split": "test",
        "output_type": "generate_until",
        "description": "{{system}}",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{target}}",
        "generation_kwargs": {
            "until": list(rollout.stop),  # and the model's own end
            "max_gen_toks": rollout.max_new_tokens,
            "do_sample": False,
        },
        "filter_list": [{"name": "answer", "filter": [answer, {"function": "take_first"}]}],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
    }
