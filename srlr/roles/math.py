"""Arithmetic word problems, solved one calculation a line.

    Ana has 14 pens and finds 23 more. Then Ana gives 9 to Ben. How many does Ana have left?

    what it learns to answer     14 + 23 = 37      (step add)
                                 37 - 9 = 28       (step subtract)
                                 Answer: 28        (step answer)
    what `parse` makes of it     {"answer": 28}

`role.data=generated` makes the problems (roles/word_problems.py) and needs no download. Rows of a
user's own have `text`, `answer` and, where a solution is known, `steps`; a row without steps has no
trajectory and is learnt from in RLVR alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.rewards.working import CALCULATION, NUMBER, Calculation, calculations, faults
from srlr.roles import data, word_problems
from srlr.roles.chats import chat, shown, worked
from srlr.roles.word_problems import OPERATIONS

GENERATED = "generated"


class Schema(BaseModel):
    """A problem whose answer is a whole number, and the calculations that lead to it."""

    text: str = Field(min_length=1)
    answer: int
    steps: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    if profile.data == GENERATED:
        made = word_problems.everything(word_problems.options(profile.options))
        return data.choose(made, profile.where, split)
    tasks = data.read(profile.data, Schema, profile.max_prompt_chars).tasks
    return data.choose(tasks, profile.where, split)


# -- the format, which an untrained model is told too ----------------------------------------------

SYSTEM = (
    "Solve the problem with one calculation a line, such as 2 + 3 = 5. "
    "The last line is Answer: and the number."
)

_FORMAT = re.compile(
    rf"(?P<lines>(?:{NUMBER} [-+*/] {NUMBER} = {NUMBER}\n)+)Answer: (?P<answer>{NUMBER})"
)
_LOOSE = r"(?<![\d.)])-?\d[\d,]*(?:\.\d+)?"
_ANSWERED = re.compile(rf"answer\D{{0,20}}?({_LOOSE})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the format holds."""

    lines: tuple[Calculation, ...]
    answer: int


def read(text: str) -> Reading | None:
    """The calculations and the answer, or None for any other text."""
    match = _FORMAT.fullmatch(text.strip())
    if match is None:
        return None
    return Reading(tuple(calculations(match["lines"])), int(match["answer"]))


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(SYSTEM, shown(shots, expert, completion), task)


def parse(text: str) -> dict[str, Any] | None:
    reading = read(text)
    return None if reading is None else {"answer": reading.answer}


completion = worked
baseline_messages = messages
parse_baseline = parse


def parse_leniently(text: str) -> dict[str, Any] | None:
    """The number after the last "answer", else the last number there is."""
    found = _ANSWERED.findall(text) or re.findall(_LOOSE, text)
    if not found:
        return None
    value = float(found[-1].replace(",", "")[:15])
    return {"answer": int(value) if value.is_integer() else value}


# -- the expert and its verifier -------------------------------------------------------------------

GENERAL = "Calculate with numbers of the question and with what earlier lines came to."
RULES = (
    (r"\beach\b|\b(?:a|an|every) (?:day|hour|week)\b", "So much for each of many: multiply."),
    (r"\bequal|\bevenly\b|\bsame (?:size|speed)\b", "Equal parts of a whole: divide."),
    (r"\bleft\b|\brest\b|\bremain|\bback\b|\bless\b|\blonger\b", "What is left over: subtract."),
    (r"\bmore\b|\btogether\b|\bin all\b|\band\b", "What comes together: add."),
)
LONG_SOLUTION = 3
"""Calculations from which a solution is an edge case."""
ANSWER_SHARE = 0.2
"""Of a trajectory's reward: the last line repeats, the calculations are what has to be learnt."""


def knowledge(task: Task) -> Context:
    found = [rule for cue, rule in RULES if re.search(cue, task.prompt)]
    return Context(rules=(GENERAL, *found))


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """The known calculations, each with where its numbers are from; without any, the bare answer,
    which no verifier accepts.
    """
    known: Sequence[str] = task.answer.get("steps", ())
    share = (1 - ANSWER_SHARE) / max(len(known), 1)
    steps = []
    results: list[int] = []
    for text in known:
        match = CALCULATION.fullmatch(text)
        if match is None:
            steps.append(Step(f"step: {text}", "", share))
            continue
        origins = [_origin(int(number), results) for number in (match[1], match[3])]
        results.append(int(match[4]))
        steps.append(Step(f"{OPERATIONS[match[2]]}: {text}", " and ".join(origins) + ".", share))
    last = f"The last calculation is what is asked for.{_alike(task, context)}"
    steps.append(Step(f"answer: {task.answer['answer']}", last, ANSWER_SHARE if known else 1.0))
    return Trajectory(task, tuple(steps), {"answer": task.answer["answer"]}, "expert")


def solved(task: Task, parts: Sequence[str]) -> Trajectory:
    """A worked solution's calculations as a trajectory, as if they were the known ones."""
    known = Task(task.id, task.prompt, {**task.answer, "steps": tuple(parts)}, task.meta)
    written = expert(known, Context(), 0, 0)
    return Trajectory(task, written.steps, written.expected_outcome, "decompose")


def _origin(number: int, results: Sequence[int]) -> str:
    if number in results:
        return f"{number} is what step {results.index(number) + 1} came to"
    return f"{number} is in the question"


def _alike(task: Task, context: Context) -> str:
    near = context.neighbours
    if not near or "operations" not in task.meta:
        return ""
    same = sum(one.meta.get("operations") == task.meta["operations"] for one in near)
    return f" {same} of the {len(near)} nearest problems take the same operations."


def verify(trajectory: Trajectory) -> Verdict:
    """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format."""
    reading = read("".join(completion(trajectory)))
    if reading is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    issues = [f"step {n}: {why}" for n, why in enumerate(flaws(trajectory.task, reading), 1) if why]
    used = {number for line in reading.lines for number in (line.first, line.second)}
    idle = [line for line in reading.lines[:-1] if line.result not in used]
    issues += [f"completeness: nothing uses {line}" for line in idle]
    last = reading.lines[-1].result
    if reading.answer != last:
        issues.append(f"answer: the steps come to {last}, the last line says {reading.answer}")
    return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))


def flaws(task: Task, reading: Reading) -> Iterator[str]:
    """For each line what is wrong with it, or ''."""
    return faults(task.prompt, reading.lines)


def edge_cases(task: Task) -> Iterator[str]:
    """Long solutions, divisions, and a number in the problem that no calculation takes."""
    known = "\n".join(task.answer.get("steps", ()))
    lines = list(calculations(known))
    if len(lines) >= LONG_SOLUTION:
        yield "long_solution"
    if any(line.sign == "/" for line in lines):
        yield "division"
    used = {number for line in lines for number in (line.first, line.second)}
    if lines and {int(n) for n in re.findall(r"\d{1,9}", task.prompt)} - used:
        yield "idle_number"


# -- rewards: a malformed answer is worth 0 in each ------------------------------------------------


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {"answer": answer_reward, "steps": steps_reward, "format": format_reward}


def answer_reward(task: Task, text: str) -> Reward:
    """1 for the right number, else 0."""
    reading, gold = read(text), task.answer["answer"]
    if reading is None:
        return Reward(0.0, "malformed")
    return Reward(float(reading.answer == gold), f"{reading.answer}, it is {gold}")


def steps_reward(task: Task, text: str) -> Reward:
    """The share of calculations that are true, new, and made of numbers known by then."""
    reading = read(text)
    if reading is None:
        return Reward(0.0, "malformed")
    found = [why for why in flaws(task, reading) if why]
    share = 1 - len(found) / len(reading.lines)
    return Reward(share, "; ".join(found) or "every calculation holds")


def format_reward(task: Task, text: str) -> Reward:
    """1 for an answer in the role's format, else 0."""
    return Reward(0.0, "malformed") if read(text) is None else Reward(1.0, "well-formed")
