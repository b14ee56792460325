"""Which label does a text have? Made by `srlr roles new`; every line of it may be changed.

    "I was charged twice, please refund me."          people: billing

    what the model is given      system   Label
                                 user     I was charged twice, please refund me.
    what it learns to answer     words: charged, refund          (step find_words)
                                 billing                         (step choose_label)
    what `parse` makes of it     {"label": "billing"}

`Label`, `COLUMNS` and `CUES` came from the table. The rest is what srlr.core.types.Role asks for.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field

from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.roles import data
from srlr.roles.chats import chat, shown

Label = Literal["billing", "delivery"]
LABELS: tuple[str, ...] = get_args(Label)
COLUMNS: dict[str, str] = {}
"""What the table calls the fields of Schema, where that is not "text" and "label"."""
CUES: dict[str, tuple[str, ...]] = {
    "billing": ("charged", "invoice", "refund"),
    "delivery": ("courier", "late", "parcel"),
}
"""By label the words that speak for it, the strongest first; add what you know, drop the odd."""
MOST_WORDS = 4


class Schema(BaseModel):
    """A labelled text; further columns become slices of the weakness table."""

    text: str = Field(min_length=1)
    label: Annotated[Label, BeforeValidator(lambda value: str(value).strip())]
    metadata: dict[str, Any] = {}


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    found = data.read(profile.data, Schema, profile.max_prompt_chars, prepared)
    return data.choose(found.tasks, profile.where, split)


def prepared(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of the table by the names of Schema."""
    return data.renamed(values, COLUMNS)


# -- the trained format ----------------------------------------------------------------------------

SYSTEM = "Label"
_LABEL = "|".join(re.escape(label) for label in sorted(LABELS, key=len, reverse=True))
_FORMAT = re.compile(rf"words: (?P<words>[^\n]+)\n(?P<label>{_LABEL})")
_NAMED = re.compile(rf"(?<!\w)(?:{_LABEL})(?!\w)", re.IGNORECASE)


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(SYSTEM, shown(shots, expert, completion), task)


def completion(trajectory: Trajectory) -> list[str]:
    """find_words: charged, refund -> "words: charged, refund", a line; the label is the next."""
    *first, last = [step.action.partition(": ")[2] for step in trajectory.steps]
    return [*(f"words: {rest}\n" for rest in first), last]


def parse(text: str) -> dict[str, Any] | None:
    match = _FORMAT.fullmatch(text.strip())
    return {"label": match["label"]} if match else None


# -- an untrained model's format -------------------------------------------------------------------

BASELINE_SYSTEM = (
    f"Classify the user's text as one of: {', '.join(LABELS)}. "
    "Answer with this label and nothing else."
)


def baseline_messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(BASELINE_SYSTEM, [(shot, str(shot.answer["label"])) for shot in shots], task)


def parse_baseline(text: str) -> dict[str, Any] | None:
    return {"label": text.strip()} if text.strip() in LABELS else None


def parse_leniently(text: str) -> dict[str, Any] | None:
    """The last label that the text names, in capitals or not."""
    named = _NAMED.findall(text)
    by_letters = {label.lower(): label for label in LABELS}
    return {"label": by_letters[named[-1].lower()]} if named else None


# -- the expert and its verifier -------------------------------------------------------------------


def cues(text: str, label: str) -> list[str]:
    """The label's cues that the text has, the strongest first, at most MOST_WORDS."""
    there = set(re.findall(r"\w+", text.lower()))
    return [word for word in CUES.get(label, ()) if word in there][:MOST_WORDS]


def knowledge(task: Task) -> Context:
    rules = [
        f"{', '.join(found)} may speak for {label}."
        for label in LABELS
        if (found := cues(task.prompt, label))
    ]
    return Context(rules=tuple(rules))


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """The words of the text that speak for the known label, then the label."""
    label = task.answer["label"]
    words = ", ".join(cues(task.prompt, label)) or "none"
    same = sum(near.answer["label"] == label for near in context.neighbours)
    alike = f"{same} of the {len(context.neighbours)} nearest texts are {label}."
    steps = (
        Step(f"find_words: {words}", f"They speak for {label}.", 0.4),
        Step(f"choose_label: {label}", alike if context.neighbours else "", 0.6),
    )
    return Trajectory(task, steps, {"label": label}, "expert")


def verify(trajectory: Trajectory) -> Verdict:
    """1 where the words are the text's cues of the label that they lead to, 0.6 where they are
    not, 0 for another format. The known label is not looked at.
    """
    match = _FORMAT.fullmatch("".join(completion(trajectory)).strip())
    if match is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    expected = ", ".join(cues(trajectory.task.prompt, match["label"])) or "none"
    if match["words"] == expected:
        return Verdict(1.0)
    said = f"words: {match['words']!r} are not what speaks for {match['label']}: {expected!r}"
    return Verdict(0.6, (said,))


# -- rewards: a malformed answer is worth 0 in each ------------------------------------------------


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {"label": label_reward, "words": words_reward}


def label_reward(task: Task, text: str) -> Reward:
    """1 for the known label, else 0."""
    answer, gold = parse(text), task.answer["label"]
    if answer is None:
        return Reward(0.0, "malformed")
    return Reward(float(answer["label"] == gold), f"{answer['label']}, it is {gold}")


def words_reward(task: Task, text: str) -> Reward:
    """The share of the words said that the text has; 1 for "none"."""
    match = _FORMAT.fullmatch(text.strip())
    if match is None:
        return Reward(0.0, "malformed")
    if match["words"] == "none":
        return Reward(1.0, "no words claimed")
    there = set(re.findall(r"\w+", task.prompt.lower()))
    said = match["words"].split(", ")
    return Reward(sum(word in there for word in said) / len(said), "words that the text has")
