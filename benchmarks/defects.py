"""Defects to plant in good trajectories of the roles sentiment and math, and harmless changes.

Each takes a generator and a good trajectory and returns it with the defect, or None where it has no
place for one. Only `NOISY` changes the task's own answer.
"""

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from srlr.core.types import Context, Role, Step, Task, Trajectory
from srlr.roles import polarity

Change = Callable[[random.Random, Trajectory], Trajectory | None]

_SUM = re.compile(r"(\w+): (-?\d+) ([-+*/]) (-?\d+) = (-?\d+)")


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, z * z / of
    middle = share + square / 2
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


def good(name: str, role: Role, tasks: Sequence[Task]) -> Iterator[Trajectory]:
    """The expert's trajectories that are right by the way they are made, not by any check.

    Of sentiment those whose polarity is people's label: the others are defects already.
    """
    for task in tasks:
        made = role.expert(task, role.knowledge(task), 0, 0)
        if name != "sentiment" or made.steps[1].action.endswith(str(task.answer["sentiment"])):
            yield made


# -- of any role -----------------------------------------------------------------------------------


def rewards_off(rng: random.Random, one: Trajectory) -> Trajectory:
    """A reward is left out, doubled, or a hundredth too large; or one is below 0."""
    steps, at = list(one.steps), rng.randrange(len(one.steps))
    value = rng.choice((0.0, steps[at].reward * 2, steps[at].reward + 0.01, -steps[at].reward))
    steps[at] = replace(steps[at], reward=value)
    return replace(one, steps=tuple(steps))


def missing_step(rng: random.Random, one: Trajectory) -> Trajectory | None:
    """A step is gone and the others share its reward, so that they sum to 1 again."""
    at = rng.randrange(len(one.steps))
    left = [step for place, step in enumerate(one.steps) if place != at]
    total = sum(step.reward for step in left)
    return replace(one, steps=tuple(replace(step, reward=step.reward / total) for step in left))


def _answer(one: Trajectory) -> str:
    return str(next(iter(one.expected_outcome.values())))


def leaked(rng: random.Random, one: Trajectory) -> Trajectory:
    """The answer stands in the problem, in the first step, or in what is said to explain a step."""
    place = rng.choice(("problem", "reasoning", "action"))
    said = rng.choice(("The correct answer is {}.", "We know that the answer is {}.", "Label: {}"))
    said = said.format(_answer(one))
    if place == "problem":
        return replace(one, task=replace(one.task, prompt=f"{one.task.prompt} ({said})"))
    at = rng.randrange(len(one.steps) - 1)
    step = one.steps[at]
    changed = (
        replace(step, reasoning=f"{said} {step.reasoning}")
        if place == "reasoning"
        else replace(step, action=f"{step.action} {said}")
    )
    return replace(one, steps=(*one.steps[:at], changed, *one.steps[at + 1 :]))


# -- sentiment -------------------------------------------------------------------------------------


def _with(one: Trajectory, at: int, action: str, **outcome: object) -> Trajectory:
    steps = list(one.steps)
    steps[at] = replace(steps[at], action=action)
    return replace(one, steps=tuple(steps), expected_outcome={**one.expected_outcome, **outcome})


def _other(rng: random.Random, label: str) -> str:
    return rng.choice([other for other in polarity.SIGN if other != label])


def sentiment_label(rng: random.Random, one: Trajectory) -> Trajectory:
    """Another label in the last step and the outcome, and half of the time in the polarity too."""
    label = str(one.expected_outcome["sentiment"])
    wrong = _other(rng, label)
    last = one.steps[-1].action.replace(f": {label} ", f": {wrong} ")
    changed = _with(one, -1, last, sentiment=wrong)
    return _with(changed, 1, f"weigh_polarity: {wrong}") if rng.random() < 0.5 else changed


def sentiment_sum(rng: random.Random, one: Trajectory) -> Trajectory | None:
    """A word has another weight, or the words add up to another polarity."""
    action = one.steps[0].action
    weights = list(re.finditer(r"[+-][1-4](?=, |$)", action))
    if weights and rng.random() < 0.5:
        found = rng.choice(weights)
        others = [w for w in (f"{n:+d}" for n in range(-4, 5) if n) if w != found[0]]
        return _with(one, 0, action[: found.start()] + rng.choice(others) + action[found.end() :])
    label = one.steps[1].action.removeprefix("weigh_polarity: ")
    return _with(one, 1, f"weigh_polarity: {_other(rng, label)}")


def sentiment_rule(rng: random.Random, one: Trajectory) -> Trajectory | None:
    """A word that is not there, one that is left out, or an override without evidence."""
    kind = rng.choice(("added", "left out", "override"))
    action, text = one.steps[0].action, one.task.prompt
    if kind == "added":
        known = polarity.hits(polarity.tokens(text))
        new = rng.choice([w for w in ("terrible -2", "superb +3") if w.split()[0] not in
                          {hit.word for hit in known}])  # fmt: skip
        words = new if action.endswith(": none") else f"{action.partition(': ')[2]}, {new}"
        return _with(one, 0, f"identify_keywords: {words}")
    if kind == "left out":
        words = action.partition(": ")[2].split(", ")
        if len(words) < 2:
            return None
        words.pop(rng.randrange(len(words)))
        return _with(one, 0, f"identify_keywords: {', '.join(words)}")
    label = one.steps[1].action.removeprefix("weigh_polarity: ")
    without = [k for k in polarity.KINDS if not polarity.evidence(k, text, label)]
    if not without:
        return None
    step = Step(f"override: {rng.choice(without)}", "It is meant otherwise.", 0.15)
    kept = [s for s in one.steps if not s.action.startswith("override")]
    share = 0.85 / sum(s.reward for s in kept)
    kept = [replace(s, reward=s.reward * share) for s in kept]
    return replace(one, steps=(*kept[:2], step, *kept[2:]))


def sentiment_noise(rng: random.Random, one: Trajectory) -> Trajectory:
    """People's own label is wrong, and the expert's steps follow it as far as they can."""
    from srlr.roles import sentiment

    answer = {**one.task.answer, "sentiment": _other(rng, str(one.task.answer["sentiment"]))}
    return sentiment.expert(replace(one.task, answer=answer), Context(), 0, 0)


# -- math ------------------------------------------------------------------------------------------


def math_label(rng: random.Random, one: Trajectory) -> Trajectory:
    """Another number in the last step and the outcome."""
    wrong = int(one.expected_outcome["answer"]) + rng.choice((-10, -2, -1, 1, 2, 10))
    return _with(one, -1, f"answer: {wrong}", answer=wrong)


def math_sum(rng: random.Random, one: Trajectory) -> Trajectory:
    """A calculation is wrong, and half of the time what follows goes on from what it came to."""
    at = rng.randrange(len(one.steps) - 1)
    name, first, sign, second, result = _parts(one.steps[at])
    wrong = result + rng.choice((-10, -2, -1, 1, 2, 10))
    changed = _with(one, at, f"{name}: {first} {sign} {second} = {wrong}")
    return _carried_on(changed, at, result, wrong) if rng.random() < 0.5 else changed


def _carried_on(one: Trajectory, at: int, old: int, new: int) -> Trajectory:
    swap = {old: new}
    for place in range(at + 1, len(one.steps) - 1):
        name, first, sign, second, result = _parts(one.steps[place])
        one_, two = swap.get(first, first), swap.get(second, second)
        made = {"+": one_ + two, "-": one_ - two, "*": one_ * two}.get(sign, one_ // (two or 1))
        one = _with(one, place, f"{name}: {one_} {sign} {two} = {made}")
        swap[result] = made
    answer = swap.get(int(one.expected_outcome["answer"]), int(one.expected_outcome["answer"]))
    return _with(one, -1, f"answer: {answer}", answer=answer)


def _parts(step: Step) -> tuple[str, int, str, int, int]:
    match = _SUM.fullmatch(step.action)
    assert match is not None, step.action
    return match[1], int(match[2]), match[3], int(match[4]), int(match[5])


def math_rule(rng: random.Random, one: Trajectory) -> Trajectory:
    """A number from nowhere, a calculation nothing uses, one made twice, or another spelling."""
    kind = rng.choice(("nowhere", "idle", "twice", "spelling"))
    at = rng.randrange(len(one.steps) - 1)
    name, first, sign, second, result = _parts(one.steps[at])
    if kind == "spelling":
        return _with(one, at, f"{name}: {first}{sign}{second}={result}")
    if kind == "nowhere":
        return _with(one, at, f"add: {result - 97} + 97 = {result}")
    extra = f"add: {first} + {second + 1000} = {first + second + 1000}"
    if kind == "idle":
        numbers = [int(n) for n in re.findall(r"\d{1,9}", one.task.prompt)]
        one_, two = rng.choice(numbers), rng.choice(numbers)
        extra = f"multiply: {one_} * {two} = {one_ * two}"
    if kind == "twice":
        extra = one.steps[at].action
    share = [replace(step, reward=step.reward * 0.9) for step in one.steps]
    return replace(one, steps=(*share[: at + 1], Step(extra, "", 0.1), *share[at + 1 :]))


# -- harmless --------------------------------------------------------------------------------------


def unchanged(rng: random.Random, one: Trajectory) -> Trajectory:
    return one


def reworded(rng: random.Random, one: Trajectory) -> Trajectory:
    """Other words, or none, to explain the steps."""
    said = rng.choice(("", "Looking at it closely: {}", "{} So much for this step.", "Clear."))
    steps = [replace(step, reasoning=said.format(step.reasoning)) for step in one.steps]
    return replace(one, steps=tuple(steps))


def shared_alike(rng: random.Random, one: Trajectory) -> Trajectory:
    """Every step earns as much."""
    share = 1 / len(one.steps)
    return replace(one, steps=tuple(replace(step, reward=share) for step in one.steps))


def commuted(rng: random.Random, one: Trajectory) -> Trajectory | None:
    """Terms and factors change places."""
    steps = []
    for step in one.steps:
        match = _SUM.fullmatch(step.action)
        if match and match[3] in "+*":
            turned = f"{match[1]}: {match[4]} {match[3]} {match[2]} = {match[5]}"
            step = replace(step, action=turned)
        steps.append(step)
    return None if tuple(steps) == one.steps else replace(one, steps=tuple(steps))


_ANY: Mapping[str, Change] = {
    "missing step": missing_step,
    "rewards do not sum to 1": rewards_off,
    "leaked answer": leaked,
}
DEFECTS: Mapping[str, Mapping[str, Change]] = {
    "sentiment": {
        "wrong label": sentiment_label,
        "wrong arithmetic": sentiment_sum,
        "rule breach": sentiment_rule,
        **_ANY,
    },
    "math": {
        "wrong label": math_label,
        "wrong arithmetic": math_sum,
        "rule breach": math_rule,
        **_ANY,
    },
}
HARMLESS: Mapping[str, Mapping[str, Change]] = {
    "sentiment": {"none": unchanged, "other words": reworded, "equal rewards": shared_alike},
    "math": {
        "none": unchanged,
        "other words": reworded,
        "equal rewards": shared_alike,
        "terms change places": commuted,
    },
}
NOISY: Mapping[str, Change] = {"sentiment": sentiment_noise}
"""Defects of the data and not of the trajectory: reported, and not promised to be found."""
