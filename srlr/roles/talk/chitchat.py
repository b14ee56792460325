"""What people said to each other: exchanges of the chitchat-dataset package, read as JSON.

    {"<chat>": {"messages": [[{"text": "Hello", "sender": "…"}, …], …], "prompt": "…"}, …}

Two people chatted about everyday questions for a university's challenge in 2018. A character is
put in the place of the second: what people said is kept where it would not leave an old world, and
where a player's line does, the character does not know what is meant.

Source: chitchat-dataset 0.9.0 (MIT), dataset.json.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from srlr.core.errors import ResourceError
from srlr.core.types import Split
from srlr.rewards import speech
from srlr.roles.data import split_of
from srlr.roles.talk import personas, scenes
from srlr.roles.talk.personas import Persona
from srlr.roles.talk.scenes import PLAYER, Scene
from srlr.text.dedup import normalise

ASSET = "chitchat-dataset"
LINE_WORDS = range(2, 21)
REPLY_WORDS = range(2, 17)
BEFORE_WORDS = range(1, 13)
MOST_OF_A_CHAT = 3
UNKNOWN = (
    "I know nothing of that, friend.",
    "I never heard of such a thing.",
    "That means nothing to me, traveller.",
    "You speak of things I know nothing of.",
)
_CRUDE = "ass bitch crap damn dick fuck fucking hell http https sex sexy shit www"
_REFUSED = frozenset(_CRUDE.split())


@dataclass(frozen=True, slots=True)
class Exchange:
    """A line, what was said to it, and what its second speaker had said before ('' for nothing)."""

    chat: str
    turn: int
    before: str
    line: str
    reply: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A scene with the reply to it. `strange`: the player's line is of another world."""

    id: str
    chat: str
    scene: Scene
    persona: Persona
    reply: str
    strange: bool


def read(file: Path) -> tuple[Exchange, ...]:
    """Every exchange of two people with short lines, in the file's order.

    Raises:
        ResourceError: the file is damaged or is not the one expected.
    """
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(file: Path, changed_ns: int) -> tuple[Exchange, ...]:
    try:
        chats = json.loads(file.read_bytes())
        return tuple(one for key, chat in chats.items() for one in _exchanges(key, chat))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResourceError(
            f"{str(file)!r} is not the chitchat data set: {error!r}",
            f"fetch it again: `srlr assets fetch {ASSET}`",
        ) from error


def _exchanges(key: str, chat: Mapping[str, Any]) -> Iterator[Exchange]:
    turns = [
        (turn[0]["sender"], " ".join(" ".join(one["text"] for one in turn).split()))
        for turn in chat["messages"]
        if turn
    ]
    if len({who for who, _ in turns}) != 2:
        return
    for place in range(1, len(turns)):
        (asker, line), (speaker, reply) = turns[place - 1], turns[place]
        before = turns[place - 2][1] if place > 1 and turns[place - 2][0] == speaker else ""
        fits = len(line.split()) in LINE_WORDS and len(reply.split()) in REPLY_WORDS
        if asker != speaker and fits:
            yield Exchange(key, place, before, line, reply)


def spoken(
    exchanges: tuple[Exchange, ...],
    seed: int,
    split: Split,
    most: Mapping[bool, int],
    rules: Mapping[str, Any],
) -> Iterator[Spoken]:
    """Scenes of a split, at most `most[False]` of people's replies and `most[True]` strange ones,
    no two of one text; a chat belongs to one split.

    Args:
        rules: what every reply keeps to, as speech.broken reads it; where rules["world"] is "any",
            no line is strange.
    """
    own = [one for one in exchanges if split_of(one.chat) == split]
    own.sort(key=lambda one: _drawn(seed, one))
    left, seen, chats = dict(most), set[str](), Counter[str]()
    for one in own:
        if not any(left.values()):
            return
        if chats[one.chat] == MOST_OF_A_CHAT or _unfit(one):
            continue
        made = _scene(one, seed, split, old=rules["world"] == "old")
        key = normalise(str(made.scene))
        fits = left[made.strange] and key not in seen and _fits(made, rules)
        if fits:
            left[made.strange] -= 1
            chats[one.chat] += 1
            seen.add(key)
            yield made


def _drawn(seed: int, one: Exchange) -> bytes:
    return hashlib.sha256(f"{seed} {one.chat} {one.turn}".encode()).digest()


def _scene(one: Exchange, seed: int, split: Split, *, old: bool) -> Spoken:
    """The exchange with a character of the split in the second one's place."""
    rng = random.Random(f"{seed} {one.chat}")
    who = personas.draw(rng, split)
    turns = [(PLAYER, one.line)]
    if len(one.before.split()) in BEFORE_WORDS and not (old and speech.strange(one.before)):
        turns.insert(0, (who.name, one.before))
    strange = old and bool(speech.strange(one.line))
    reply = rng.choice(UNKNOWN) if strange else one.reply
    key = f"chat-{one.chat[:13]}-{one.turn}"
    return Spoken(key, one.chat, Scene(str(who), tuple(turns)), who, reply, strange)


def _unfit(one: Exchange) -> bool:
    said = set(speech.words(f"{one.before} {one.line} {one.reply}"))
    return bool(said & _REFUSED) or any(word.isdigit() for word in said)


def _fits(made: Spoken, rules: Mapping[str, Any]) -> bool:
    """The reply stays in the scene, and nobody asks for the secret by accident."""
    scene = {**rules, "name": made.persona.name, "secret": made.persona.secret}
    return not scenes.asks_secret(made.scene) and not speech.broken(made.reply, scene)
