"""The tasks of the dialogue role, from what a player can ask and from what people said."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from srlr.core.node import Count, Node, Whole
from srlr.core.types import Split, Task
from srlr.rewards import speech
from srlr.roles import role_options
from srlr.roles.talk import chitchat, questions, scenes
from srlr.roles.talk.chitchat import Spoken
from srlr.roles.talk.questions import Made
from srlr.roles.talk.scenes import Scene

HELD_OUT_SHARE = 0.125
"""Scenes of dev and of test for one of train."""


class Options(Node):
    """What `role.options` may say."""

    seed: Whole = 1
    """Of the scenes; the run's own seed decides which of them are drawn."""
    made: Count = 1600
    """Training scenes of questions about the character, its secret, greetings and farewells."""
    talk: Whole = 2000
    """Training scenes with what people answered."""
    strange: Whole = 400
    """Training scenes with lines of another world."""
    max_words: Count = 16
    """Of a reply."""
    world: Literal["old", "any"] = "old"
    """Whether words of our day are forbidden."""
    forbidden: tuple[str, ...] = ()
    """Further words that no reply may have."""


def options(said: Mapping[str, Any]) -> Options:
    """`role.options`, checked.

    Raises:
        ConfigError: an unknown key or a value out of range.
    """
    return role_options.read(Options, said)


@lru_cache(maxsize=4)
def everything(asked: Options, archive: Path | None) -> tuple[Task, ...]:
    """The scenes of all splits (`meta["split"]`)."""
    exchanges = () if archive is None else chitchat.read(archive)
    tasks: list[Task] = []
    for split in get_args(Split):
        share = 1.0 if split == "train" else HELD_OUT_SHARE
        made = max(1, round(asked.made * share))
        for one in questions.scenes(asked.seed, split, made):
            tasks.append(_task(one, {"topic": one.topic, "group": one.id}, asked, split))
        most = {False: round(asked.talk * share), True: round(asked.strange * share)}
        for two in chitchat.spoken(exchanges, asked.seed, split, most, _limits(asked)):
            topic = "strange" if two.strange else "talk"
            tasks.append(_task(two, {"topic": topic, "group": two.chat}, asked, split))
    return tuple(tasks)


def _task(one: Made | Spoken, about: Mapping[str, str], asked: Options, split: Split) -> Task:
    by = "people" if about["topic"] == "talk" else "templates"
    meta = {**about, "reply_by": by, "turns": len(one.scene.turns), "split": split}
    answer = {"intent": speech.act(one.reply), "reply": one.reply, **_rules(one.scene, asked)}
    return Task(one.id, str(one.scene), answer, meta)


def own(task: Task, asked: Options) -> Task:
    """A user's row as a task: its intent told where it is not given, and the scene's rules."""
    reply = " ".join(task.answer["reply"].split())
    intent = task.answer["intent"] or speech.act(reply)
    answer = {"intent": intent, "reply": reply, **_rules(scenes.read(task.prompt), asked)}
    return Task(task.id, task.prompt, answer, task.meta)


def _rules(scene: Scene, asked: Options) -> dict[str, Any]:
    """What a reply in the scene must keep to, as speech.broken reads it."""
    return {"name": scene.name, "secret": scene.secret, **_limits(asked)}


def _limits(asked: Options) -> dict[str, Any]:
    return {
        "world": asked.world,
        "max_words": asked.max_words,
        "forbidden": list(asked.forbidden),
    }
