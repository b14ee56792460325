"""rlvr: answer, be judged by the verifiable outcome, do more of what was better.

reads   generate/tasks.jsonl, srl/best, srl/result.json
writes  rlvr/pairs.jsonl   with algorithm dpo: what was answered, and who is paired with whom
        rlvr/best/         the weights that did best on held-out tasks, a transformers folder
        rlvr/result.json   best step (0: SRL's model was never beaten), held-out figures
        rlvr/checkpoint/   while it runs: what a killed run goes on from
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlr import roles
from srlr.core.errors import ConfigError
from srlr.core.passed import NoRlvr
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.training import Dpo, Grpo, Loop, Ppo
from srlr.core.types import Plan, Role, StageResult, Task
from srlr.models import adapter
from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.rewards.judging import judged, prejudge
from srlr.stages import answering, learning
from srlr.training import grpo, ppo
from srlr.training.checkpoint import stream
from srlr.training.drawing import Draw
from srlr.training.groups import Asked, Judge, Worth
from srlr.training.progress import Outcome, Surroundings

NAME = "rlvr"
READS: tuple[str, ...] = ("role", "role_path", "model", "hardware", "rlvr", "rollout", "seed")
AFTER: tuple[str, ...] = ("srl",)


SHARED = 4
"""Answers of one prompt that cost as much as one alone, as they begin alike; measured with 16."""


def plan(settings: Settings) -> Plan:
    node = settings.rlvr
    if isinstance(node, NoRlvr):
        return learning.passed_plan(NAME)
    if isinstance(node, Dpo):
        return _plan_dpo(settings, node)
    answering.refuse_unfollowed(NAME, node, settings)
    steps = grpo.plan_steps(settings.generate.num_tasks, node)
    prompts = steps * node.prompts_per_step
    answers = math.ceil(prompts * node.samples_per_prompt / SHARED)
    # A group is read with its prompt and what its answers do not share: two rows, if it is kept.
    trained = 2 * prompts
    if isinstance(node, Ppo):
        answers = max(answers, prompts)
        # In each pass, and for the values, and by the reference: a third of a trained row's cost.
        reads = node.passes + (1 + bool(node.kl_penalty_weight)) / 3
        trained = math.ceil(min(2, node.samples_per_prompt) * prompts * reads)
    return learning.plan(NAME, settings, node, steps, trained=trained, generated=answers)


def _plan_dpo(settings: Settings, node: Dpo) -> Plan:
    """As if every prompt made all its pairs, which few do."""
    adapter.hush()  # TRL imports it too
    from srlr.training import dpo

    prompts = min(settings.generate.num_tasks, node.prompts or settings.generate.num_tasks)
    made = prompts * min(node.pairs_per_prompt, node.samples_per_prompt // 2)
    answers = math.ceil(prompts * node.samples_per_prompt / SHARED)
    steps = dpo.plan_steps(made, node)
    # A pair is two rows; once they are read without a gradient, a third of a trained row's cost.
    trained = 2 * steps * node.pairs_per_step + math.ceil(2 * made / 3)
    return learning.plan(NAME, settings, node, steps, trained=trained, generated=answers)


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises ConfigError where a step would ask more prompts than there are tasks."""
    source = rundir.path / "srl" / "best"
    if isinstance(settings.rlvr, NoRlvr):
        return learning.passed(NAME, source, settings, rundir)
    answering.refuse_unfollowed(NAME, settings.rlvr, settings)
    learning.require_vllm(settings, rundir)
    role = roles.load(settings.role, settings.role_path)
    tasks = ordered(rundir.read_jsonl("generate/tasks.jsonl"), settings.seed or 0)
    _check_numbers(len(tasks), settings)
    model = started(source, settings, rundir)
    chats = [role.messages(task) for task in tasks]
    asked = [Asked(model.encode_chat(chat)) for chat in chats]
    node = settings.rlvr
    normalised = isinstance(node, Grpo) and node.reward_sum == "normalised"
    draw = Draw(
        asked,
        units=[(index,) for index in range(len(asked))],
        worth=judge_of(role, tasks, settings),
        weights=settings.role.rewards if normalised else None,
        max_new_tokens=settings.rollout.max_new_tokens,
        rows=settings.rollout.batch_size,
        stop=settings.rollout.stop,
        together=together_of(role, tasks, settings),
    )
    around = learning.surroundings(NAME, role, settings, node, rundir)
    first = scored_by_srl(settings, rundir)
    if isinstance(node, Grpo) and node.backend == "trl":
        adapter.hush()  # TRL imports it too
        from srlr.training import trl_grpo

        posed = trl_grpo.Posed(chats, settings.role.rewards)
        seed = settings.seed or 0
        outcome = trl_grpo.train(model, draw, posed, node, seed, around, first)
        return learning.finish(NAME, outcome, source, settings, rundir)
    outcome = _train(model, draw, settings, around, first)
    return learning.finish(NAME, outcome, source, settings, rundir)


def _check_numbers(tasks: int, settings: Settings) -> None:
    """Data may have had fewer rows than generate.num_tasks asks for.

    Raises:
        ConfigError: a step would ask more prompts than there are.
    """
    wanted = getattr(settings.rlvr, "prompts_per_step", 0)
    if wanted > tasks:
        raise ConfigError(
            f"rlvr.prompts_per_step is {wanted}, and the data gave {tasks} tasks",
            f"rlvr.prompts_per_step={tasks}, or less",
        )


def _train(
    model: LocalModel,
    draw: Draw,
    settings: Settings,
    around: Surroundings,
    first: Mapping[str, float] | None,
) -> Outcome:
    node, seed = settings.rlvr, settings.seed or 0
    if isinstance(node, Dpo):
        adapter.hush()  # TRL imports it too
        from srlr.training import dpo

        return dpo.train(model, draw, node, seed, around, first)
    if isinstance(node, Ppo):
        return ppo.train(model, draw, node, seed, around, first)
    assert isinstance(node, Grpo)
    return grpo.train(model, draw, node, seed, around, first)


def started(source: Path, settings: Settings, rundir: RunDir) -> LocalModel:
    """SRL's model as RLVR begins with it.

    Weights that are put into 4 bits again round what SRL added to them away. Where both stages
    keep 4 bits, the base is taken, with SRL's adapter on it.
    """
    four_bit = isinstance(settings.rlvr, Loop) and settings.rlvr.tuning == "qlora"
    beside = source / "adapter"
    srl = settings.srl
    if not (four_bit and isinstance(srl, Loop) and srl.tuning == "qlora" and beside.is_dir()):
        return answering.load(source, settings, rundir, four_bit=four_bit)
    base = answering.base_folder(settings, rundir)
    model = answering.load(base, settings, rundir, four_bit=True)
    return replace(model, adapter=adapter.mount(model.model, model.tokenizer.get_vocab(), beside))


def scored_by_srl(settings: Settings, rundir: RunDir) -> dict[str, float] | None:
    """The held-out figures of SRL's best model, if SRL scored it on the tasks RLVR asks."""
    asked = [getattr(node, "eval_tasks", None) for node in (settings.srl, settings.rlvr)]
    if asked[0] != asked[1]:
        return None
    return rundir.read_json("srl/result.json")["dev"] or None


def ordered(rows: list[dict[str, Any]], seed: int) -> list[Task]:
    """The drawn tasks in an order of their own, those with a rejected trajectory among them."""
    stream(seed, NAME, "tasks").shuffle(rows)
    return [Task(row["id"], row["prompt"], row["answer"], row["meta"]) for row in rows]


def judge_of(role: Role, tasks: list[Task], settings: Settings) -> Judge:
    """The weighted mean of the role's rewards, and the one that gates.

    A reward that cannot judge an answer counts nothing for it. The format gates: an answer that
    the role cannot read is worth 0, whatever the rewards would say of it. What a model thinks
    aloud before it is not judged.

    Raises:
        ConfigError: role.outcome names no reward of the role.
    """
    functions, weighed = role.rewards(), settings.role.rewards
    gate = settings.role.outcome
    if gate is not None and gate not in weighed:
        raise ConfigError(
            f"role.outcome={gate} is not one of role.rewards", f"one of {', '.join(weighed)}"
        )

    def worth(index: int, answer: Completion) -> Worth:
        text = answering.spoken(answer.text, settings)
        if role.parse(text) is None:
            return Worth(0.0, 0.0, dict.fromkeys(weighed, 0.0))
        parts = {}
        for name in weighed:
            value = judged(name, functions[name], tasks[index], text)
            if value is not None:
                parts[name] = value
        mass = sum(weighed[name] for name in parts)
        total = sum(weighed[name] * value for name, value in parts.items()) / mass if mass else 0.0
        return Worth(total, total if gate is None else parts.get(gate, 0.0), parts)

    return worth


def together_of(
    role: Role, tasks: Sequence[Task], settings: Settings
) -> Callable[[Sequence[tuple[int, Completion]]], None] | None:
    """What does the work of several answers' rewards at once: the role's `prejudge`, of answers
    that `judge_of` will ask the rewards about; None where the role has none.
    """
    function = getattr(role, "prejudge", None)
    if function is None:
        return None

    def together(answers: Sequence[tuple[int, Completion]]) -> None:
        said = [(tasks[index], answering.spoken(one.text, settings)) for index, one in answers]
        prejudge(function, [one for one in said if role.parse(one[1]) is not None])

    return together
