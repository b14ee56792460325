"""rlvr: answer, be judged by the verifiable outcome, do more of what was better.

reads   generate/tasks.jsonl, srl/best, srl/result.json
writes  rlvr/best/         the weights that did best on held-out tasks, a transformers folder
        rlvr/result.json   best step (0: SRL's model was never beaten), held-out figures
        rlvr/checkpoint/   while it runs: what a killed run goes on from
"""

import math
from typing import Any

from srlr import roles
from srlr.core.errors import ConfigError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Plan, Role, StageResult, Task
from srlr.stages import answering, learning
from srlr.training import grpo
from srlr.training.checkpoint import stream
from srlr.training.grpo import Judge, Worth

NAME = "rlvr"
READS: tuple[str, ...] = ("role", "role_path", "model", "hardware", "rlvr", "rollout", "seed")
AFTER: tuple[str, ...] = ("srl",)


SHARED = 4
"""Answers of one prompt that cost as much as one alone, as they begin alike; measured with 16."""


def plan(settings: Settings) -> Plan:
    steps = grpo.plan_steps(settings.generate.num_tasks, settings.rlvr)
    prompts = steps * settings.rlvr.prompts_per_step
    answers = math.ceil(prompts * settings.rlvr.samples_per_prompt / SHARED)
    # A group is read with its prompt and what its answers do not share: two rows, if it is kept.
    return learning.plan(
        NAME, settings, settings.rlvr, steps, trained=2 * prompts, generated=answers
    )


def run(settings: Settings, rundir: RunDir) -> StageResult:
    role = roles.load(settings.role, settings.role_path)
    source = rundir.path / "srl" / "best"
    model = answering.load(source, settings, rundir)
    tasks = ordered(rundir.read_jsonl("generate/tasks.jsonl"), settings.seed or 0)
    prompts = [model.encode_chat(role.messages(task)) for task in tasks]
    outcome = grpo.train(
        model,
        prompts,
        judge_of(role, tasks, settings),
        settings.rlvr,
        max_new_tokens=settings.rollout.max_new_tokens,
        rows=settings.rollout.batch_size,
        seed=settings.seed or 0,
        around=learning.surroundings(NAME, role, settings, settings.rlvr, rundir),
        first=scored_by_srl(settings, rundir),
    )
    return learning.finish(NAME, outcome, source, settings, rundir)


def scored_by_srl(settings: Settings, rundir: RunDir) -> dict[str, float] | None:
    """The held-out figures of SRL's best model, if SRL scored it on the tasks RLVR asks."""
    if settings.srl.eval_tasks != settings.rlvr.eval_tasks:
        return None
    return rundir.read_json("srl/result.json")["dev"] or None


def ordered(rows: list[dict[str, Any]], seed: int) -> list[Task]:
    """The drawn tasks in an order of their own, those with a rejected trajectory among them."""
    stream(seed, NAME, "tasks").shuffle(rows)
    return [Task(row["id"], row["prompt"], row["answer"], row["meta"]) for row in rows]


def judge_of(role: Role, tasks: list[Task], settings: Settings) -> Judge:
    """The weighted mean of the role's rewards, and the one that gates.

    A reward that cannot judge an answer counts nothing for it.

    Raises:
        ConfigError: role.outcome names no reward of the role.
    """
    functions, weighed = role.rewards(), settings.role.rewards
    gate = settings.role.outcome
    if gate is not None and gate not in weighed:
        raise ConfigError(
            f"role.outcome={gate} is not one of role.rewards", f"one of {', '.join(weighed)}"
        )

    def worth(index: int, text: str) -> Worth:
        parts = {}
        for name in weighed:
            reward = functions[name](tasks[index], text)
            if reward is not None:
                parts[name] = reward.value
        mass = sum(weighed[name] for name in parts)
        total = sum(weighed[name] * value for name, value in parts.items()) / mass if mass else 0.0
        every = {name: parts.get(name, 0.0) for name in weighed}
        return Worth(total, total if gate is None else every[gate], every)

    return worth
