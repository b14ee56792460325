"""SRL, objective `stepwise`: from where the expert stood, take the next step; be judged by how much
of the expert's own it is.

A trajectory of N steps is N problems, each with the steps before it as given. The model draws a
group of next steps for each; their rewards are similarities to the expert's step, -1 for one that
is not in the format; and GRPO's loop (training.grpo) does the rest, dropping groups without spread
and drawing others in their place.

    problem        is 7 x 8 more than 50?
    expert         "7 x 8 = 56\\n", "56 > 50: yes"
    asked          problem                        ->  "7 x 8 = 56\\n"
                   problem, "7 x 8 = 56\\n"        ->  "56 > 50: yes", and the stop token

Two ways to ask. `monologue: false`: the model goes on with its own answer, as it does in use; the
prompts of one trajectory are nested and are read once. `monologue: true`, as published: the steps
so far are in the question, and the model thinks between <think> and </think> before it gives one
step; what it thinks is not compared.

Source: SRL, arXiv 2510.25992, sections 3.1-3.3 and appendix B.2.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from srlr.core.training import Stepwise
from srlr.core.types import Message, Reward, Step
from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.training.drawing import Draw
from srlr.training.groups import Asked, Judge, Worth

INSTRUCTION = (
    "Work towards the answer one step at a time. Below the problem are the steps taken so far. "
    "First draft your thinking process as an inner monologue, then give the very next step.\n"
    "Write exactly: <think>\nyour thoughts\n</think>\nthe single next step, and nothing after it. "
    "Do not solve the entire problem."
)
_FORMAT = re.compile(r"\s*<think>(.*?)</think>\s*(\S.*?)\s*", re.DOTALL)
StepReward = Callable[[Step | None, Step], Reward]
"""reward(said, expert): what the model's step is worth; None where it is malformed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A task as a trained model is given it, and the expert's answer to it as tokens.

    `messages`: the same as a chat. `tokens` end with the stop token. `titles`: what the expert's
    steps are called, where they have names.
    """

    messages: Sequence[Message]
    prompt: Sequence[int]
    tokens: Sequence[int]
    titles: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """One step to be taken: the tokens before it, and what the expert did.

    `ends`: whether the stop token, and not the end of a step, comes after it.
    """

    prompt: Sequence[int]
    expert: str
    ends: bool


def decompose(model: LocalModel, problem: Problem, settings: Stepwise) -> list[Instance]:
    """The problem's steps, first to last; without the last where `last_step` is false."""
    steps = list(steps_of(model, problem.tokens, settings.step_end))
    texts = [model.decode(step) for step in steps]
    out, before = [], list[int]()
    for number, (step, text) in enumerate(zip(steps, texts, strict=True)):
        ends = number == len(steps) - 1
        if settings.monologue:
            title = problem.titles[number] if number < len(problem.titles) else None
            hint = title if settings.title_hints else None
            prompt = model.encode_chat(asking(problem.messages, texts[:number], hint))
        else:
            prompt = [*problem.prompt, *before]
        if settings.last_step or not ends:
            out.append(Instance(prompt, text.strip(), ends))
        before += step
    return out


def steps_of(model: LocalModel, tokens: Sequence[int], end: str) -> Iterator[list[int]]:
    """Tokens cut after each one that contains `end`; a final piece of the stop token alone belongs
    to the step before it.
    """
    step: list[int] = []
    for place, token in enumerate(tokens):
        step.append(token)
        alone = list(tokens[place + 1 :]) == [model.stop_token]
        if end in model.decode([token]) and not alone and place + 1 < len(tokens):
            yield step
            step = []
    yield step


def asking(messages: Sequence[Message], steps: Sequence[str], title: str | None) -> list[Message]:
    """The chat that asks for one step after these, thinking first."""
    told = "\n".join(step.strip() for step in steps)
    *before, last = messages
    system = [one["content"] for one in before if one["role"] == "system"]
    parts = [last["content"], *([f"Steps so far:\n{told}"] if told else [])]
    parts += [f"Next step: {title}"] if title else []
    return [
        {"role": "system", "content": "\n".join([*system, INSTRUCTION])},
        *(one for one in before if one["role"] != "system"),
        {**last, "content": "\n\n".join(parts)},
    ]


def draw_of(
    model: LocalModel,
    problems: Sequence[Problem],
    reward: StepReward,
    settings: Stepwise,
    *,
    rows: int,
) -> Draw:
    """What the loop draws from: all steps of a problem together, problems in the given order."""
    instances: list[Instance] = []
    asked: list[Asked] = []
    units = []
    for problem in problems:
        own = decompose(model, problem, settings)
        if own:
            units.append(range(len(instances), len(instances) + len(own)))
            instances += own
            asked += nested([one.prompt for one in own])
    return Draw(
        asked,
        units,
        judge_of(instances, reward, settings, model.stop_tokens),
        weights=None,
        max_new_tokens=settings.max_step_tokens,
        rows=rows,
        stop=() if settings.monologue else (settings.step_end,),
    )


def nested(prompts: Sequence[Sequence[int]]) -> list[Asked]:
    """Each prompt in two parts, of which the first is what all of them begin with."""
    first, last = list(min(map(list, prompts))), list(max(map(list, prompts)))
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    return [Asked(prompt[:shared], prompt[shared:]) for prompt in prompts]


def judge_of(
    instances: Sequence[Instance],
    reward: StepReward,
    settings: Stepwise,
    stop_tokens: Collection[int],
) -> Judge:
    """-1 for a step that is not in the format, else its similarity to the expert's, in [0, 1]."""

    def worth(index: int, answer: Completion) -> Worth:
        instance = instances[index]
        action = action_of(answer, instance, settings, stop_tokens)
        said = None if action is None else Step(action)
        value = reward(said, Step(instance.expert)).value
        if said is None:
            return Worth(value, value, {"formed": 0.0})
        return Worth(value, value, {"formed": 1.0, "similarity": value})

    return worth


def action_of(
    answer: Completion, instance: Instance, settings: Stepwise, stop_tokens: Collection[int]
) -> str | None:
    """The step in an answer, without what was thought before it; None where it is malformed.

    Malformed is: nothing said; cut off by the limit; without a monologue where one is asked for; an
    end of the whole answer where the expert goes on, or none where the expert is done.
    """
    ended = bool(answer.tokens) and answer.tokens[-1] in stop_tokens
    if not answer.stopped:
        return None
    if settings.monologue:
        match = _FORMAT.fullmatch(answer.text)
        return match[2] if match else None
    if ended != instance.ends:
        return None
    return answer.text.strip() or None
