"""Problems whose answer is any number or expression: fractions, equations, percentages, brackets.

    What is 3/4 + 1/6?

    what it learns to answer     3/4 = 9/12            (step work)
                                 1/6 = 2/12            (step work)
                                 9/12 + 2/12 = 11/12   (step work)
                                 Answer: 11/12         (step answer)
    what `parse` makes of it     {"answer": "11/12"}

`math` has whole numbers and one calculation a line; here a line is free, and what of it is an
equation of numbers must be true. Answers are compared as numbers, else as texts; with
`role.options.match=symbolic` also as expressions (the extra srlr[math]). A sentence that states one
answer and nothing else ("The answer is 12.") is that answer.
`role.data=generated` makes the problems (roles/working); `role.data=reasoning-gym:NAME` takes a
generator of that package (the extra srlr[reasoning]); or rows of one's own: text, answer, steps.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.rewards import equations, symbolic
from srlr.roles import data
from srlr.roles.chats import chat, shown, worked
from srlr.roles.working import gym, problems

GENERATED = "generated"


class Schema(BaseModel):
    """A problem, its answer, and the lines that lead to it where they are known."""

    text: str = Field(min_length=1)
    answer: Annotated[str, BeforeValidator(lambda value: str(value).strip()), Field(min_length=1)]
    steps: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    asked = problems.options(profile.options)
    if asked.match == "symbolic":
        symbolic.require()  # now, not in the middle of a training
    if profile.data == GENERATED:
        found = problems.everything(asked)
    elif profile.data.startswith(gym.PREFIX):
        found = gym.everything(profile.data.removeprefix(gym.PREFIX), asked)
    else:
        found = data.read(profile.data, Schema, profile.max_prompt_chars).tasks
    chosen = data.choose(found, profile.where, split)
    return [
        Task(task.id, task.prompt, {**task.answer, "match": asked.match}, task.meta)
        for task in chosen
    ]


# -- the format, which an untrained model is told too ----------------------------------------------

SYSTEM = "Solve the problem step by step, one short line a step. The last line is Answer: and it."
MOST_LINES = 12
_FORMAT = re.compile(
    rf"(?P<lines>(?:(?!Answer:)[^\n]+\n){{1,{MOST_LINES}}})Answer: (?P<answer>[^\n]{{1,80}})"
)
_ANSWERED = re.compile(r"(?:answer|result)\b(?: is)?\W{0,4}? *([^\n]+)", re.IGNORECASE)
_VALUE = r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:/\d+)?%?"
_LAST = re.compile(_VALUE)
_MORE = "or|and|to|not|percent|hundred|thousand|million|dozen"
_BEGUN = re.compile(rf"\$?({_VALUE})(?:[,;:]\s+(?!\d)|\.\s|\s+\(?(?!(?:{_MORE})\b)[A-Za-z]{{2,}})")
"""A number after which a sentence goes on about something else: not "12 or 13", not "3 million"."""


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(SYSTEM, shown(shots, expert, completion), task)


def parse(text: str) -> dict[str, Any] | None:
    """The answer; of a last line that is a sentence ("Answer: It is 12."), what it states."""
    match = _FORMAT.fullmatch(text.strip())
    return None if match is None else {"answer": symbolic.stated(match["answer"].strip())}


completion = worked
baseline_messages = messages
parse_baseline = parse


def parse_leniently(text: str) -> dict[str, Any] | None:
    """What is after the last "answer", else the last number there is.

    Of a sentence that goes on after the answer ("is 12, because …"), its first number.
    """
    found = _ANSWERED.findall(text)
    if found and (said := found[-1].strip(" *:$").rstrip(".*$ ")):
        begun = _BEGUN.match(said)
        return {"answer": begun[1] if begun else symbolic.stated(said)[:80]}
    numbers = _LAST.findall(text)
    return {"answer": numbers[-1]} if numbers else None


# -- the expert and its verifier -------------------------------------------------------------------

RULES = (
    "One thing a line; a line that is an equation of numbers must be true.",
    "The last line comes to the answer, which is then said alone.",
)
ANSWER_SHARE = 0.2
"""Of a trajectory's reward: the last line repeats what the lines before came to."""


def knowledge(task: Task) -> Context:
    return Context(rules=RULES)


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """The known lines; without any the bare answer, which no verifier accepts."""
    known: Sequence[str] = task.answer.get("steps", ())
    share = (1 - ANSWER_SHARE) / max(len(known), 1)
    steps = [Step(f"work: {line}", "", share) for line in known]
    said = f"answer: {task.answer['answer']}"
    last = Step(said, "It is what the last line comes to.", ANSWER_SHARE if known else 1.0)
    return Trajectory(task, (*steps, last), {"answer": task.answer["answer"]}, "expert")


def verify(trajectory: Trajectory) -> Verdict:
    """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format."""
    match = _FORMAT.fullmatch("".join(completion(trajectory)).strip())
    if match is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    lines = match["lines"].splitlines()
    issues = [
        f"step {place}: {line} is not true"
        for place, line in enumerate(lines, 1)
        if equations.holds(line) is False
    ]
    if not _comes_to(lines[-1], match["answer"]):
        issues.append(f"answer: the last line does not come to {match['answer']}")
    return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))


def _comes_to(line: str, answer: str) -> bool:
    return any(symbolic.same(side, answer) for side in (line, *line.split("=")))


def edge_cases(task: Task) -> Iterator[str]:
    """Long solutions, and answers that are no whole number."""
    if len(task.answer.get("steps", ())) >= 3:
        yield "long_solution"
    value = symbolic.number(str(task.answer["answer"]))
    if value is None:
        yield "expression"
    elif value.denominator > 1:
        yield "fraction"


# -- rewards: a malformed answer is worth 0 in each ------------------------------------------------


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {"answer": answer_reward, "steps": steps_reward, "format": format_reward}


def answer_reward(task: Task, text: str) -> Reward:
    """1 for the same number, text or (match: symbolic) expression, else 0."""
    answer, gold = parse(text), str(task.answer["answer"])
    if answer is None:
        return Reward(0.0, "malformed")
    right = symbolic.same(answer["answer"], gold, task.answer.get("match", "exact"))
    return Reward(float(right), f"{answer['answer']}, it is {gold}")


def steps_reward(task: Task, text: str) -> Reward | None:
    """The share of equations of numbers that are true; None where no line is one."""
    match = _FORMAT.fullmatch(text.strip())
    if match is None:
        return Reward(0.0, "malformed")
    judged = [equations.holds(line) for line in match["lines"].splitlines()]
    known = [one for one in judged if one is not None]
    if not known:
        return None
    return Reward(sum(known) / len(known), f"{sum(known)} of {len(known)} equations are true")


def format_reward(task: Task, text: str) -> Reward:
    """1 for an answer in the role's format, else 0."""
    return Reward(0.0, "malformed") if parse(text) is None else Reward(1.0, "well-formed")
