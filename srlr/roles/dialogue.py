"""What a character of a game says next: in character, short, and nothing they cannot know.

    Mara, smith of Oakford, likes rain. Secret: the key under the millstone.
    Player: Hello there! What do you do here?

    what it learns to answer     recall: smith                          (step recall)
                                 intent: tell                           (step intend)
                                 say: I am a smith, and glad of it.     (step speak)
    what `parse` makes of it     {"intent": "tell", "reply": "I am a smith, and glad of it."}

What a reply does (speech.act) and keeps to (speech.broken) can be told from its text, so `verify`
and the rewards judge without a person. `role.data=chitchat-dataset` puts characters that the role
makes (roles/talk) in the place of people who chatted, and adds questions about them;
`role.data=generated` has these questions alone and needs no download.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.rewards import speech
from srlr.rewards.similarity import Similarity
from srlr.roles import data
from srlr.roles.chats import chat, shown
from srlr.roles.talk import chitchat, making, scenes
from srlr.roles.talk.scenes import Scene

Intent = Literal["agree", "ask", "deflect", "greet", "part", "tell", "thank"]
GENERATED = "generated"


class Schema(BaseModel):
    """A scene of a user's own with the reply to it. `history` is what was said before, in turns or
    lines, the last one the player's; the intent is told from the reply where it is not given.
    """

    text: str = Field(min_length=1)
    persona: str = Field(min_length=1)
    history: str | tuple[str, ...]
    reply: str = Field(min_length=1)
    intent: Intent | None = None
    metadata: dict[str, Any] = {}


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    asked = making.options(profile.options)
    if profile.data == GENERATED:
        return data.choose(making.everything(asked, None), profile.where, split)
    if profile.data == chitchat.ASSET:
        from srlr import assets

        archive = assets.ensure(chitchat.ASSET)
        return data.choose(making.everything(asked, archive), profile.where, split)
    found = data.read(profile.data, Schema, profile.max_prompt_chars, prepared).tasks
    return data.choose([making.own(task, asked) for task in found], profile.where, split)


def prepared(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row with its scene as `text`."""
    persona, said = str(values.get("persona") or ""), values.get("history") or ()
    if not isinstance(said, str | list | tuple):
        return values
    name = Scene(persona, ()).name
    scene = Scene(" ".join(persona.split()), scenes.history(said, name))
    return {**values, "text": str(scene).strip() or "?"}


# -- the trained format ----------------------------------------------------------------------------

SYSTEM = "Character"
_FORMAT = re.compile(
    r"recall: (?P<recall>[^\n]+)\n"
    rf"intent: (?P<intent>{'|'.join(speech.ACTS)})\n"
    r"say: (?P<reply>[^\n]+)"
)
_SEGMENTS = {"recall": "recall: {}\n", "intend": "intent: {}\n", "speak": "say: {}"}


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(SYSTEM, shown(shots, expert, completion), task)


def completion(trajectory: Trajectory) -> list[str]:
    parted = [(*step.action.partition(": "), step.action) for step in trajectory.steps]
    return [_SEGMENTS.get(name, step).replace("{}", rest) for name, _, rest, step in parted]


def parse(text: str) -> dict[str, Any] | None:
    match = _FORMAT.fullmatch(text.strip())
    return None if match is None else {"intent": match["intent"], "reply": match["reply"].strip()}


# -- an untrained model's format -------------------------------------------------------------------

BASELINE_SYSTEM = (
    "You are the character in the first line. Answer the player in two lines:\n"
    f"intent: one of {', '.join(speech.ACTS)}\n"
    "say: one short sentence. Never tell the secret, and know nothing of the modern world."
)
_BASELINE = re.compile(rf"intent: ({'|'.join(speech.ACTS)})\nsay: ([^\n]+)")
_SAID = re.compile(r"^\s*(?:say|[A-Z]\w+): *\"?(.+?)\"?\s*$", re.MULTILINE)


def baseline_messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    solved = [
        (shot, f"intent: {shot.answer['intent']}\nsay: {shot.answer['reply']}") for shot in shots
    ]
    return chat(BASELINE_SYSTEM, solved, task)


def parse_baseline(text: str) -> dict[str, Any] | None:
    match = _BASELINE.fullmatch(text.strip())
    return None if match is None else {"intent": match[1], "reply": match[2].strip()}


def parse_leniently(text: str) -> dict[str, Any] | None:
    """What is said after "say:" or a name, else all of it; the intent that is named, else what the
    reply does.
    """
    named = re.search(rf"\bintent\W+({'|'.join(speech.ACTS)})\b", text, re.IGNORECASE)
    spoken = _SAID.findall(text)
    reply = " ".join((spoken[-1] if spoken else text).split())
    if not reply:
        return None
    return {"intent": named[1].lower() if named else speech.act(reply), "reply": reply}


# -- the expert and its verifier -------------------------------------------------------------------

GENERAL = "Recall what of the character bears on the line, choose what to do, then say it shortly."


def knowledge(task: Task) -> Context:
    scene = scenes.read(task.prompt)
    rules = [GENERAL]
    if scenes.asks_secret(scene):
        rules.append("The player asks for the secret: deflect, without a word of it.")
    if unknown := speech.strange(scene.line):
        rules.append(f"The character cannot know of {', '.join(unknown)}: deflect.")
    return Context(rules=tuple(rules))


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """What the known reply rests on, what it does, and the reply."""
    reply, intent = task.answer["reply"], task.answer["intent"]
    scene = scenes.read(task.prompt)
    recall = scenes.recalled(scene, reply)
    same = sum(near.answer["intent"] == intent for near in context.neighbours)
    alike = f"{same} of the {len(context.neighbours)} nearest lines are answered so."
    why = (
        f"{recall} is what bears on the line." if recall != scene.name else "Only who speaks.",
        alike if context.neighbours else "",
        f"{len(speech.words(reply))} words, in character.",
    )
    actions = (f"recall: {recall}", f"intend: {intent}", f"speak: {reply}")
    steps = tuple(map(Step, actions, why, (0.2, 0.3, 0.5)))
    return Trajectory(task, steps, {"intent": intent, "reply": reply}, "expert")


def verify(trajectory: Trajectory) -> Verdict:
    """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format."""
    match = _FORMAT.fullmatch("".join(completion(trajectory)).strip())
    if match is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    issues = list(_issues(trajectory.task, match["recall"], match["intent"], match["reply"]))
    return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))


def _issues(task: Task, recall: str, intent: str, reply: str) -> Iterator[str]:
    scene, does = scenes.read(task.prompt), speech.act(reply)
    rests_on = scenes.recalled(scene, reply)
    if not scenes.grounded(scene, recall):
        yield f"recall: nothing says {recall!r}"
    elif not {*speech.words(rests_on)} <= {*speech.words(recall)}:
        yield f"recall: the reply rests on {rests_on!r}, not on {recall!r}"
    if does != intent:
        yield f"intend: the reply does {does!r}, not {intent!r}"
    if scenes.asks_secret(scene) and does != "deflect":
        yield "speak: the secret was asked for, and the reply does not deflect"
    for name in speech.broken(reply, task.answer):
        yield f"constraint: {name}"


def edge_cases(task: Task) -> Iterator[str]:
    """Lines that ask for the secret, lines of another world, and a reply to more than one line."""
    scene = scenes.read(task.prompt)
    if scenes.asks_secret(scene):
        yield "secret"
    if speech.strange(scene.line):
        yield "strange"
    if len(scene.turns) > 1:
        yield "history"


# -- rewards: a malformed answer is worth 0 in each ------------------------------------------------

ALIKE = Similarity("word")


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {
        "intent": intent_reward,
        "constraints": constraints_reward,
        "reference": reference_reward,
    }


def intent_reward(task: Task, text: str) -> Reward:
    """1 where the reply does what is called for and says that it does; half for one of the two."""
    answer, gold = parse(text), task.answer["intent"]
    if answer is None:
        return Reward(0.0, "malformed")
    does = speech.act(answer["reply"])
    value = ((answer["intent"] == gold) + (does == gold)) / 2
    return Reward(value, f"says {answer['intent']}, does {does}, {gold} is called for")


def constraints_reward(task: Task, text: str) -> Reward:
    """The share of the constraints that are kept, halved where any is not."""
    answer = parse(text)
    if answer is None:
        return Reward(0.0, "malformed")
    failed = speech.broken(answer["reply"], task.answer)
    kept = 1 - len(failed) / len(speech.CONSTRAINTS)
    return Reward(kept / 2 if failed else 1.0, ", ".join(failed) or "all kept")


def reference_reward(task: Task, text: str) -> Reward:
    """How much of the known reply's words, in their order, the reply has."""
    answer = parse(text)
    if answer is None:
        return Reward(0.0, "malformed")
    ratio = ALIKE.ratio(answer["reply"].lower(), task.answer["reply"].lower())
    return Reward(ratio, f"{ratio:.0%} of the words of both match")
