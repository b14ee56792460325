"""What a player can ask of a persona, and what the persona says to it: made from templates.

    Player: What work do you do?           I am a smith, and glad of it.
    Player: Tell me about the stolen bell. That is not for me to tell.

Wordings of the player belong to a split: dev and test ask for the same in words of their own.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from srlr.core.types import Split
from srlr.roles.talk import personas
from srlr.roles.talk.personas import Persona
from srlr.roles.talk.scenes import PLAYER, Scene
from srlr.text.dedup import normalise

ATTEMPTS = 2_000
"""Draws in a row without a new scene after which there are taken to be no more."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is talked about: wordings by split, and replies of which one is drawn."""

    name: str
    asked: Mapping[Split, tuple[str, ...]]
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A scene with the reply to it."""

    id: str
    scene: Scene
    persona: Persona
    reply: str
    topic: str


TOPICS = (
    Topic(
        "trade",
        {
            "train": (
                "What work do you do?", "What do you do here?", "Are you a {other}?",
                "How do you earn your bread?", "Tell me about your work.",
            ),
            "dev": ("What is your trade?", "What keeps your hands busy?"),
            "test": ("What is your craft, friend?", "So what do you do all day?"),
        },
        (
            "I am a {trade}, and glad of it.",
            "A {trade}, as my father was.",
            "They know me as the {trade}.",
        ),
    ),
    Topic(
        "place",
        {
            "train": (
                "Where are you from?", "What is this village called?", "Where am I?",
                "Do you live here?", "Which village is yours?",
            ),
            "dev": ("What do they call this place?", "Where is your home?"),
            "test": ("I am lost. What village is this?", "Where were you born?"),
        },
        ("This is {place}, traveller.", "My home is {place}.", "I was born in {place}."),
    ),
    Topic(
        "likes",
        {
            "train": (
                "What do you enjoy?", "What makes you happy?", "What do you like best?",
                "What cheers you up?",
            ),
            "dev": ("What do you love most?", "What is your joy?"),
            "test": ("What warms your heart?", "Is there a thing you are fond of?"),
        },
        ("I am fond of {likes}.", "Give me {likes} and I am content.", "My heart is in {likes}."),
    ),
    Topic(
        "secret",
        {
            "train": (
                "Tell me about {secret}.", "What do you know of {secret}?",
                "I heard about {secret}. Is it true?", "Who knows about {secret}?",
            ),
            "dev": ("People whisper of {secret}.", "Does {secret} mean anything to you?"),
            "test": ("I pay well for news of {secret}.", "Is there truth in talk of {secret}?"),
        },
        (
            "That is not for me to tell.",
            "I know nothing of that.",
            "I would rather not speak of it.",
        ),
    ),
    Topic(
        "greet",
        {
            "train": ("Hello!", "Good day to you.", "Greetings, {trade}!", "Hey there."),
            "dev": ("Hail, {trade}!", "Good morning, {name}."),
            "test": ("A fine day, {name}!", "Hello {name}, may I come in?"),
        },
        ("Well met, traveller.", "Good day to you.", "Welcome to {place}.", "Hello, friend."),
    ),
    Topic(
        "part",
        {
            "train": ("Goodbye.", "I must be going.", "Farewell, {name}.", "See you tomorrow."),
            "dev": ("Until we meet again.", "I will be on my way."),
            "test": ("It is late, I should leave.", "My horse is waiting. So long!"),
        },
        ("Farewell, and safe travels.", "Take care on the road.", "Goodbye, friend."),
    ),
    Topic(
        "gift",
        {
            "train": ("Here, take this coin.", "I brought you a gift.", "I mended your roof."),
            "dev": ("I found your lost goat.", "This bread is for you."),
            "test": ("Keep the change, {name}.", "I chased the wolves away for you."),
        },
        ("I thank you kindly.", "Thank you, friend.", "You have my thanks."),
    ),
)  # fmt: skip


def scenes(seed: int, split: Split, most: int) -> Iterator[Made]:
    """At most `most` different scenes of a split, the topics in turn."""
    rng = random.Random(f"{seed} {split} questions")
    seen: set[str] = set()
    misses = 0
    while len(seen) < most and misses < ATTEMPTS:
        made = _drawn(TOPICS[(len(seen) + misses) % len(TOPICS)], rng, split)
        key = normalise(str(made.scene))
        if key in seen:
            misses += 1
            continue
        misses = 0
        seen.add(key)
        yield made


def _drawn(topic: Topic, rng: random.Random, split: Split) -> Made:
    who = personas.draw(rng, split)
    others = [trade for trade in personas.TRADES[split] if trade != who.trade]
    words = {
        "name": who.name,
        "trade": who.trade,
        "place": who.place,
        "likes": who.likes,
        "secret": who.secret,
        "other": rng.choice(others),
    }
    line = rng.choice(topic.asked[split]).format(**words)
    reply = rng.choice(topic.replies).format(**words)
    scene = Scene(str(who), ((PLAYER, line),))
    key = hashlib.sha256(str(scene).encode()).hexdigest()[:12]
    return Made(f"{topic.name}-{key}", scene, who, reply, topic.name)
