"""A scene: who speaks, what was said, and what the reply may not say.

Mara, smith of Oakford, likes rain. Secret: the key under the millstone.
Mara: Cold morning.
Player: Hello there! What do you do here?
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from srlr.rewards import speech

PLAYER = "Player"
_SECRET = re.compile(r"\bSecret: ([^.\n]+)")


@dataclass(frozen=True, slots=True)
class Scene:
    """`persona` begins with the character's name; `turns` are (who, what), the player's last."""

    persona: str
    turns: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return re.split(r"[,.:]", self.persona, maxsplit=1)[0].strip()

    @property
    def secret(self) -> str:
        """What the character keeps to themself, '' for nothing."""
        found = _SECRET.search(self.persona)
        return found[1].strip() if found else ""

    @property
    def open(self) -> str:
        """The persona without its secret."""
        return _SECRET.sub("", self.persona).strip()

    @property
    def line(self) -> str:
        """What the player said last."""
        return self.turns[-1][1] if self.turns else ""

    def __str__(self) -> str:
        return "\n".join((self.persona, *(f"{who}: {what}" for who, what in self.turns)))


def read(text: str) -> Scene:
    """The scene in a task's prompt; a bare text is what a player says to nobody in particular."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return Scene("", ((PLAYER, text.strip()),))
    turns = [line.partition(": ") for line in lines[1:]]
    return Scene(lines[0], tuple((who, what) for who, _, what in turns))


def history(said: str | Sequence[str], name: str) -> tuple[tuple[str, str], ...]:
    """Lines in turn as (who, what), the last one the player's."""
    lines = said.splitlines() if isinstance(said, str) else list(said)
    kept = [" ".join(line.split()) for line in lines if line.strip()]
    who = [PLAYER if (len(kept) - place) % 2 else name for place in range(len(kept))]
    return tuple(zip(who, kept, strict=True))


def asks_secret(scene: Scene) -> bool:
    """Whether the player's line touches what the character keeps."""
    return bool(speech.telling(scene.secret) & set(speech.words(scene.line)))


def recalled(scene: Scene, reply: str) -> str:
    """What of the persona the reply rests on: the longest run of its words in both, else the
    name. A secret that was asked for comes first, then a word of another world.
    """
    if asks_secret(scene):
        return "secret"
    unknown = speech.strange(scene.line)
    if unknown and speech.act(reply) == "deflect":
        return f"unknown {unknown[0]}"
    said = f" {' '.join(speech.words(reply))} "
    facts = speech.words(scene.open)[len(speech.words(scene.name)) :]
    best = ""
    for start in range(len(facts)):
        for end in range(start + 1, len(facts) + 1):
            run = " ".join(facts[start:end])
            if f" {run} " in said and len(run) > len(best) and _says(run):
                best = run
    return best or scene.name


def _says(run: str) -> bool:
    """A run neither begins nor ends with a word that says nothing."""
    each = run.split()
    return each[0] not in speech.SMALL and each[-1] not in speech.SMALL


def grounded(scene: Scene, recall: str) -> bool:
    """Whether what was recalled is there to be recalled."""
    if recall == "secret":
        return asks_secret(scene)
    if recall.startswith("unknown "):
        return recall.removeprefix("unknown ") in speech.words(scene.line)
    facts = f" {' '.join(speech.words(scene.open))} "
    return f" {' '.join(speech.words(recall))} " in facts
