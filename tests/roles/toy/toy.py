"""A whole role in one small file: is a colour warm or cold?

"paint wall 12 red"   ->   colour: red
                           label: warm
"""

import re

from srlr.core.types import Context, Reward, Step, Task, Trajectory, Verdict

COLOURS = {"red": "warm", "orange": "warm", "blue": "cold", "green": "cold"}
THINGS = ("wall", "door", "roof", "gate", "boat")
SPLITS = {"train": range(40), "dev": range(40, 48), "test": range(48, 56)}
FORMAT = re.compile(r"colour: (\w+)\nlabel: (warm|cold)")


def load_tasks(profile, split):
    return [
        Task(
            f"{colour}-{thing}-{n}",
            f"paint {thing} {n} {colour}",
            {"label": label},
            {"group": f"{n}"},
        )
        for n in SPLITS[split]
        for thing in THINGS
        for colour, label in COLOURS.items()
    ]


def messages(task, shots=()):
    return [{"role": "user", "content": task.prompt}]


def baseline_messages(task, shots=()):
    solved = " ".join(f"{shot.prompt}: {shot.answer['label']}." for shot in shots)
    return [{"role": "user", "content": f"Answer warm or cold. {solved} {task.prompt}:"}]


def completion(trajectory):
    *first, last = [step.action for step in trajectory.steps]
    return [*(f"{action}\n" for action in first), last]


def parse(text):
    match = FORMAT.fullmatch(text.strip())
    return {"label": match[2]} if match else None


def parse_baseline(text):
    return {"label": text.strip()} if text.strip() in ("warm", "cold") else None


def parse_leniently(text):
    named = re.findall(r"warm|cold", text.lower())
    return {"label": named[-1]} if named else None


def knowledge(task):
    return Context(rules=("Red and orange are warm.",))


def expert(task, context, attempt, seed):
    label = task.answer["label"]
    colour = task.prompt.rsplit(" ", 1)[-1]
    steps = (
        Step(f"colour: {colour}", "It is the last word.", 0.5),
        Step(f"label: {label}", "", 0.5),
    )
    return Trajectory(task, steps, {"label": label}, "expert")


def verify(trajectory):
    match = FORMAT.fullmatch("".join(completion(trajectory)))
    right = match and match[1] in trajectory.task.prompt and COLOURS.get(match[1]) == match[2]
    return Verdict(1.0) if right else Verdict(0.0, ("label: it is not the colour's",))


def rewards():
    return {"label": label_reward}


def label_reward(task, text):
    return Reward(float(parse(text) == dict(task.answer)))
