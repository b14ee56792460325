"""Reads the VADER ground truth: 23,703 snippets, each rated by about twenty people from -4 to +4.

    amazonReviewSnippets_GroundTruth.txt       1_2 <TAB> -0.15 <TAB> repost from january 13, …
    amazonReviewSnippets_anonDataRatings.txt   1_2 <TAB> -0.15 <TAB> 0.65 <TAB> [0, 0, 0, -3, …]

Label: positive where the mean is >= +0.5, negative where it is <= -0.5, else neutral.
Confidence: the share of the raters whose own sign agrees with that label.
Splits are drawn by review, article or tweet (`group`), 80/10/10; movies are only ever "test".

Source: Hutto and Gilbert 2014, ICWSM-14; in the sdist of vaderSentiment 3.3.2 (MIT).
"""

import html
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from srlr.core.errors import ResourceError
from srlr.core.types import Split, Task
from srlr.roles.data import split_of
from srlr.text.dedup import normalise

FILES = {
    "reviews": "amazonReviewSnippets",
    "tweets": "tweets",
    "news": "nytEditorialSnippets",
    "movies": "movieReviewSnippets",
}
NEVER_TRAINED_ON = "movies"

_NEGATION = re.compile(r"\b(?:not|no|never|none|nothing|without|cannot)\b|n't\b", re.I)
_CONTRAST = re.compile(r"\b(?:but|however|although|though|yet|despite|except)\b", re.I)


def read(archive: Path) -> tuple[Task, ...]:
    """Every distinct snippet as a task; the split is in `meta["split"]`.

    Raises:
        ResourceError: the archive is damaged or is not the one expected.
    """
    return _read(archive, archive.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(archive: Path, changed_ns: int) -> tuple[Task, ...]:
    try:
        files = _members(archive.read_bytes())
        tasks = [task for domain, stem in FILES.items() for task in _tasks(domain, stem, files)]
    except (tarfile.TarError, EOFError, OSError, KeyError, ValueError) as error:
        raise ResourceError(
            f"{str(archive)!r} is not the VADER ground truth: {error!r}",
            "fetch it again: `srlr assets fetch vader-ground-truth`",
        ) from error
    seen: set[str] = set()
    kept = []
    for task in tasks:
        key = normalise(task.prompt)
        if key and key not in seen:
            seen.add(key)
            kept.append(task)
    return tuple(kept)


def label_of(mean: float) -> str:
    """The label people gave, from the mean of their ratings in [-4, 4]."""
    return "positive" if mean >= 0.5 else "negative" if mean <= -0.5 else "neutral"


def agreement(ratings: list[float], label: str) -> float:
    """Share of the raters whose own sign is the label's, in [0, 1]."""
    sign = {"positive": 1, "negative": -1, "neutral": 0}[label]
    return sum((rating > 0) - (rating < 0) == sign for rating in ratings) / len(ratings)


def _tasks(domain: str, stem: str, files: Mapping[str, str]) -> Iterator[Task]:
    ratings = {row[0]: json.loads(row[3]) for row in _rows(files[f"{stem}_anonDataRatings.txt"], 4)}
    for key, mean, raw in _rows(files[f"{stem}_GroundTruth.txt"], 3):
        text = " ".join(html.unescape(raw).split())
        group = f"{domain}/{key.split('_')[0]}"
        label = label_of(float(mean))
        split: Split = "test" if domain == NEVER_TRAINED_ON else split_of(group)
        yield Task(
            id=f"{domain}/{key}",
            prompt=text,
            answer={"sentiment": label, "confidence": round(agreement(ratings[key], label), 2)},
            meta=_meta(domain, group, float(mean), text) | {"split": split},
        )


def _meta(domain: str, group: str, mean: float, text: str) -> dict[str, Any]:
    words = len(text.split())
    return {
        "domain": domain,
        "group": group,
        "mean": round(mean, 3),
        "length": "short" if words <= 10 else "medium" if words <= 25 else "long",
        "has_negation": bool(_NEGATION.search(text)),
        "has_contrast": bool(_CONTRAST.search(text)),
    }


def _rows(text: str, fields: int) -> Iterator[list[str]]:
    """Lines of exactly `fields` tab-separated fields; the last one keeps any further tabs."""
    for line in text.split("\n"):
        if line.strip():
            row = line.rstrip("\r").split("\t", fields - 1)
            if len(row) != fields:
                raise ValueError(f"a line has {len(row)} fields, {fields} expected: {line[:60]!r}")
            yield row


def _members(data: bytes) -> dict[str, str]:
    """The archive's text files by base name, those of archives inside it included."""
    found: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            stream = archive.extractfile(member)
            if stream is None:
                continue
            if name.endswith(("_GroundTruth.txt", "_anonDataRatings.txt")):
                found[name] = stream.read().decode("utf-8-sig")
            elif name.endswith(".tar.gz"):
                found.update(_members(stream.read()))
    return found
