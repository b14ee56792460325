"""Who can speak: characters of an old world, made from lists.

    Mara, smith of Oakford, likes rain. Secret: the key under the millstone.

What makes a character is drawn from the lists of a split: trades, places and secrets of dev and
test are in no training scene.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from srlr.core.types import Split

NAMES = (
    "Mara", "Odo", "Ysolde", "Bram", "Tilda", "Wulf", "Edda", "Piers", "Rowena", "Jory",
    "Sunniva", "Cuthbert", "Linnet", "Hob", "Isolde", "Garrick", "Nell", "Osric", "Petra", "Finn",
)  # fmt: skip
LIKES = (
    "rain", "old songs", "honey cakes", "chess", "quiet mornings", "dogs", "cider", "riddles",
    "tall tales", "the harvest", "snow", "market days", "black bread", "bells", "the sea",
    "wood smoke",
)  # fmt: skip
TRADES: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "smith", "miller", "baker", "ferryman", "healer", "shepherd", "tanner", "fletcher",
        "innkeeper", "weaver", "beekeeper", "watchman",
    ),
    "dev": ("cooper", "falconer", "scribe"),
    "test": ("potter", "huntsman", "brewer", "glassblower"),
}  # fmt: skip
PLACES: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "Oakford", "Greywater", "Thornhill", "Millbrook", "Eastmere", "Ravenrock", "Low Barrow",
        "Ashby", "Saltmarsh", "Kingsbridge",
    ),
    "dev": ("Foxhollow", "Stonegate", "Willowend"),
    "test": ("Harrowdale", "Birchwell", "Coldspring", "Fernley"),
}  # fmt: skip
SECRETS: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "the key under the millstone", "the tunnel behind the chapel", "gold in the ruined tower",
        "a letter from the duchess", "the stolen bell", "the smuggler's cave",
        "the heir in the attic", "a map of the mines", "the poisoned cup", "the hidden sword",
    ),
    "dev": ("the forged deed", "a boat in the reeds", "the captain's debt"),
    "test": ("the bricked door", "a ring in the hollow tree", "the abbot's twin", "the false coin"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Persona:
    """A character and what they keep to themself."""

    name: str
    trade: str
    place: str
    likes: str
    secret: str

    def __str__(self) -> str:
        about = f"{self.name}, {self.trade} of {self.place}, likes {self.likes}."
        return f"{about} Secret: {self.secret}."


def draw(rng: random.Random, split: Split) -> Persona:
    """A character of the split."""
    return Persona(
        rng.choice(NAMES),
        rng.choice(TRADES[split]),
        rng.choice(PLACES[split]),
        rng.choice(LIKES),
        rng.choice(SECRETS[split]),
    )
