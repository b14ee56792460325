"""srl: learn from the expert's steps, near the base model.

reads   generate/trajectories.jsonl, the base model
writes  srl/best/         the weights that did best on held-out tasks, a transformers folder
                          (an adapter merged in, and in adapter/ by itself)
        srl/result.json   best step, steps taken, held-out figures
        srl/checkpoint/   while it runs: what a killed run goes on from
        srl/warm_up/      while it runs with objective=stepwise: the same for the steps of imitation
                          that come first

Objective `imitate` learns the steps themselves, each as much as it is worth; `stepwise` draws the
model's own next steps and rewards their likeness to the expert's; `sft` is plain fine-tuning on
them, by TRL; `distil` learns from a larger model on the same prompts; with `none` the base model is
passed on.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlr import roles
from srlr.collaboration import record
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.passed import NoSrl
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.training import Distil, Imitate, Sft, Stepwise, Training
from srlr.core.types import Plan, Role, StageResult, Trajectory
from srlr.models import adapter
from srlr.models.local import LocalModel
from srlr.rewards.normalise import weights
from srlr.rewards.similarity import Similarity
from srlr.stages import answering, learning
from srlr.training import grpo, imitate, parallel, stepwise
from srlr.training.imitate import Example
from srlr.training.progress import Outcome, Surroundings
from srlr.training.stepwise import Problem

NAME = "srl"
READS: tuple[str, ...] = ("role", "role_path", "model", "hardware", "srl", "rollout", "seed")
AFTER: tuple[str, ...] = ("select", "generate")
WARM_UP = "srl/warm_up"
TOKENS = ("tokens_forward", "tokens_backward")

STEPS_A_TASK = 3
"""Of a trajectory, where none is written yet."""


def plan(settings: Settings) -> Plan:
    srl, tasks = settings.srl, round(settings.generate.num_tasks * settings.generate.srl_share)
    if isinstance(srl, NoSrl):
        return learning.passed_plan(NAME)
    answering.refuse_unfollowed(NAME, srl, settings)
    if isinstance(srl, Imitate | Sft | Distil):
        steps = imitate.plan_steps(tasks, srl)
        seen = steps * srl.batch_size
        drawn = seen if isinstance(srl, Distil) else 0
        return learning.plan(NAME, settings, srl, steps, trained=seen, generated=drawn)
    steps = grpo.plan_steps(tasks * STEPS_A_TASK, srl)
    prompts = steps * srl.prompts_per_step
    seen = 2 * prompts + srl.warm_up.steps * srl.warm_up.batch_size
    answers = prompts * srl.samples_per_prompt // STEPS_A_TASK
    return learning.plan(NAME, settings, srl, steps, trained=seen, generated=answers)


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises MissingArtifact where generate has not run or left no trajectory."""
    learning.require_vllm(settings, rundir)
    base = answering.base_folder(settings, rundir)
    if isinstance(settings.srl, NoSrl):
        return learning.passed(NAME, base, settings, rundir)
    answering.refuse_unfollowed(NAME, settings.srl, settings)
    role = roles.load(settings.role, settings.role_path)
    trajectories = [
        record.from_row(row) for row in rundir.read_jsonl("generate/trajectories.jsonl")
    ]
    if not trajectories:
        raise MissingArtifact(
            f"generate has left no trajectory in {str(rundir.path)!r}",
            "see generate/report.md why: raise generate.srl_share, lower "
            "generate.min_verification_score, or mend the role",
        )
    if isinstance(settings.srl, Stepwise):
        return _stepwise(settings.srl, role, trajectories, base, settings, rundir)
    model = answering.load(base, settings, rundir, four_bit=settings.srl.tuning == "qlora")
    around = learning.surroundings(NAME, role, settings, settings.srl, rundir)
    outcome = _learnt(model, role, trajectories, settings, around)
    return learning.finish(NAME, outcome, base, settings, rundir)


def _learnt(
    model: LocalModel,
    role: Role,
    trajectories: list[Trajectory],
    settings: Settings,
    around: Surroundings,
) -> Outcome:
    """Whichever objective learns from the trajectories as they are."""
    node, seed = settings.srl, settings.seed or 0
    if isinstance(node, Sft):
        adapter.hush()  # TRL imports it too
        from srlr.training import sft

        return sft.train(model, encoded(model, role, trajectories, "none"), node, seed, around)
    if isinstance(node, Distil):
        adapter.hush()
        from srlr.training import distil

        chats = [role.messages(trajectory.task) for trajectory in trajectories]
        teacher = learning.teacher_folder(settings)
        lesson = distil.Lesson(teacher, chats, settings.rollout.max_new_tokens)
        return distil.train(model, lesson, node, seed, around)
    assert isinstance(node, Imitate)
    examples = encoded(model, role, trajectories, node.reward_norm_method)
    return imitate.train(model, examples, node, seed, around)


def encoded(
    model: LocalModel, role: Role, trajectories: list[Trajectory], method: str
) -> list[Example]:
    """Trajectories as tokens; a step's weight is its reward on the scale of all steps.

    Raises:
        ConfigError: the longest does not fit the model's context.
    """
    rewards = [step.reward for trajectory in trajectories for step in trajectory.steps]
    scaled = iter(weights(rewards, method))
    examples = []
    for trajectory in trajectories:
        segments = [model.encode(text) for text in role.completion(trajectory)]
        segments[-1] = [*segments[-1], model.stop_token]
        prompt = model.encode_chat(role.messages(trajectory.task))
        examples.append(Example(prompt, segments, [next(scaled) for _ in trajectory.steps]))
    longest = max((len(one.prompt) + sum(map(len, one.steps)) for one in examples), default=0)
    if model.context is not None and longest > model.context:
        raise ConfigError(
            f"a prompt and its expert's answer have {longest} tokens, but {model.name} reads "
            f"{model.context}",
            "lower role.max_prompt_chars, or choose a model that reads more",
        )
    return examples


def _stepwise(
    srl: Stepwise,
    role: Role,
    trajectories: list[Trajectory],
    base: Path,
    settings: Settings,
    rundir: RunDir,
) -> StageResult:
    source, first, spent, before = base, None, dict[str, int](), []
    if srl.warm_up.steps:
        source = rundir.path / WARM_UP / "best"
        warm = warmed_up(srl, role, trajectories, base, settings, rundir)
        first, spent = warm["dev"], {name: warm[name] for name in TOKENS}
        before = [{**one, "part": "warm-up"} for one in warm["alarms"]]
    model = answering.load(source, settings, rundir, four_bit=srl.tuning == "qlora")
    problems = list(posed(model, role, trajectories, srl.step_end))
    how = srl.similarity
    encode = model.encode if how.mode == "token" else None
    reward = Similarity(how.mode, how.symmetric, how.max_chars, encode).step_reward
    draw = stepwise.draw_of(model, problems, reward, srl, rows=settings.rollout.batch_size)
    around = learning.surroundings(NAME, role, settings, srl, rundir)
    outcome = grpo.train(
        model, draw, within(srl, sum(spent.values())), settings.seed or 0, around, first
    )
    tokens = {name: outcome.tokens[name] + spent.get(name, 0) for name in TOKENS}
    outcome = replace(outcome, tokens=tokens)
    result = learning.finish(NAME, outcome, source, settings, rundir, before=before)
    if parallel.here().first:
        shutil.rmtree(rundir.path / WARM_UP, ignore_errors=True)
    return result


def posed(
    model: LocalModel, role: Role, trajectories: list[Trajectory], end: str
) -> Iterator[Problem]:
    """The trajectories as problems with the expert's answers, tokenised as imitation does."""
    examples = encoded(model, role, trajectories, "none")
    for trajectory, example in zip(trajectories, examples, strict=True):
        tokens = [token for step in example.steps for token in step]
        messages = role.messages(trajectory.task)
        yield Problem(messages, example.prompt, tokens, titles(role, trajectory, end))


def titles(role: Role, trajectory: Trajectory, end: str) -> list[str]:
    """What the expert calls the steps of its answer: the name before the colon of the first action
    that begins in each.
    """
    found: dict[int, str] = {}
    before = ""
    for text, step in zip(role.completion(trajectory), trajectory.steps, strict=True):
        opens = before + text[: len(text) - len(text.lstrip(end))]
        found.setdefault(opens.count(end), step.action.partition(":")[0])
        before += text
    return [found.get(number, "") for number in range(max(found) + 1)]


def warmed_up(
    srl: Stepwise,
    role: Role,
    trajectories: list[Trajectory],
    base: Path,
    settings: Settings,
    rundir: RunDir,
) -> dict[str, Any]:
    """The result.json of some steps of imitation, which leave their model in its folder; taken
    from there where a killed run had come so far.
    """
    done = f"{WARM_UP}/result.json"
    if not (rundir.path / done).exists():
        node = imitation(srl)
        model = answering.load(base, settings, rundir, four_bit=srl.tuning == "qlora")
        around = learning.surroundings(WARM_UP, role, settings, node, rundir)
        examples = encoded(model, role, trajectories, node.reward_norm_method)
        outcome = imitate.train(model, examples, node, settings.seed or 0, around)
        learning.finish(WARM_UP, outcome, base, settings, rundir)
    result: dict[str, Any] = rundir.read_json(done)
    return result


def within(srl: Stepwise, spent: int) -> Stepwise:
    """The settings with what the imitation has left of the budget.

    Raises:
        ConfigError: it has left nothing.
    """
    if srl.token_budget is None:
        return srl
    if spent >= srl.token_budget:
        raise ConfigError(
            f"srl.warm_up.steps: imitation put {spent} tokens through the model, and "
            f"srl.token_budget is {srl.token_budget}",
            "fewer srl.warm_up.steps, or a larger srl.token_budget",
        )
    return srl.model_copy(update={"token_budget": srl.token_budget - spent})


def imitation(srl: Stepwise) -> Imitate:
    """The settings of the imitation that comes first; it is judged once, at its end."""
    shared = {name: getattr(srl, name) for name in Training.model_fields}
    changed = {
        "learning_rate": srl.warm_up.learning_rate or srl.learning_rate,
        "batch_size": srl.warm_up.batch_size,
        "max_steps": srl.warm_up.steps,
        "eval_every_steps": srl.warm_up.steps,
        "epochs": 1_000,
        "reward_norm_method": "none",
        "kl_penalty_weight": 0.0,
        "token_budget": None,
    }
    return Imitate(**shared | changed)
