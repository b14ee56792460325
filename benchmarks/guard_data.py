"""Labelled and harmless texts for measuring guardrails, from folders of gzipped JSON Lines.

A file is used if its name is one of SETS. Rows have `split` and

    security_prompt_injection   text, label (attack | benign), kind, source
    security_pii_presidio       text, spans [[start, end, class], …]
    moderation_davidson         text, label (hate | offensive | neither)
    moderation_surge_toxicity   text, label (toxic | ok)
    all others                  harmless texts in one of the fields text, prompt, question, turns
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A text, whether it is what a head looks for, and how much it counts in training."""

    text: str
    bad: bool
    source: str
    split: str
    kind: str = ""
    weight: float = 1.0
    spans: tuple[tuple[int, int, str], ...] = ()


def _talk(row: Mapping[str, Any]) -> list[str]:
    """Every fourth turn: neighbours are alike."""
    return [turn["text"] for turn in row["turns"][::4]]


def _field(name: str) -> Callable[[Mapping[str, Any]], list[str]]:
    return lambda row: [row[name]] if row.get(name) else []


HARMLESS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "sentiment_vader_tweets": _field("text"),
    "sentiment_vader_amazon": _field("text"),
    "sentiment_vader_nyt": _field("text"),
    "math_gsm8k": _field("question"),
    "math_aqua": _field("question"),
    "math_math_rest4500": _field("question"),
    "code_mbpp": _field("prompt"),
    "code_humaneval": _field("prompt"),
    "security_sven": _field("code"),
    "security_bandit_examples": _field("code"),
    "dialogue_chitchat_sample": _talk,
    "dialogue_light_personas": lambda row: [row["description"], *row["personas"]],
    "instructions": _field("text"),
}
LABELLED = (
    "security_prompt_injection",
    "security_pii_presidio",
    "moderation_davidson",
    "moderation_surge_toxicity",
)
SETS = frozenset((*HARMLESS, *LABELLED))


def read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def name_of(path: Path) -> str:
    return path.name.removesuffix(".jsonl.gz")


def harmless(paths: Iterable[Path]) -> Iterator[Row]:
    """Every text of sets that hold nothing to find. Of a set that has only one split, half of the
    rows, by a hash of the text, are called `held`.
    """
    for path in paths:
        name = name_of(path)
        if name not in HARMLESS:
            continue
        rows = list(read(path))
        single = len({row["split"] for row in rows}) == 1
        for row in rows:
            for text in HARMLESS[name](row):
                held = hashlib.sha256(text.encode()).digest()[0] % 2 == 1
                split = ("held" if held else "train") if single else row["split"]
                yield Row(text, False, name, "train" if split == "prompt" else split)


def injections(path: Path) -> Iterator[Row]:
    for row in read(path):
        source = row["source"].split(" ")[0].strip("()")
        yield Row(row["text"], row["label"] == "attack", source, row["split"], row["kind"])


def toxic(path: Path) -> Iterator[Row]:
    for row in read(path):
        bad = row["label"] in ("hate", "offensive", "toxic")
        weight = 3.0 if "surge" in row["source"] else 1.0
        yield Row(row["text"], bad, name_of(path), row["split"], row["label"], weight)


def personal(path: Path) -> Iterator[Row]:
    for row in read(path):
        spans = tuple((start, end, kind) for start, end, kind in row["spans"])
        yield Row(row["text"], bool(spans), "presidio", row["split"], "", 1.0, spans)


def training(paths: Sequence[Path], head: str) -> list[Row]:
    """Rows of split train for a head: what it looks for, and what it must let pass."""
    named = {name_of(path): path for path in paths}
    rows = [row for row in harmless(paths) if row.split == "train"]
    attacks = list(injections(named["security_prompt_injection"]))
    insults = [
        row
        for name in ("moderation_davidson", "moderation_surge_toxicity")
        for row in toxic(named[name])
    ]
    if head == "injection":
        # What hides in documents or an encoding does not read like an attack: rules are for it.
        unlike = ("obfuscat", "encoded", "indirect")
        plain = [row for row in attacks if not any(kind in row.kind for kind in unlike)]
        others = [Row(row.text, False, row.source, row.split) for row in insults]
        rows += [*plain, *others]
    else:
        rows += insults
    return [row for row in rows if row.split == "train"]
