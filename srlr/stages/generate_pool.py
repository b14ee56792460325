"""Tasks that may be drawn: none repeats another, a held-out row or, if asked, an earlier run's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from srlr.core import runs
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Role, Split, Task
from srlr.core.verifying import Quality
from srlr.text import dedup
from srlr.text.dedup import Match
from srlr.text.redaction import documents
from srlr.text.redaction.redactor import Redactor

EXAMPLES = 5
Earlier = tuple[tuple[str, tuple[str, ...]], ...]
"""Earlier runs of the role, the newest first: name, prompts drawn."""


class Search(NamedTuple):
    """Finds texts that repeat each other, and texts that repeat others: see text.dedup."""

    duplicates: Callable[[Sequence[str], float], dict[int, str]]
    repeats: Callable[[Sequence[str], Sequence[str], float], dict[int, Match]]


@dataclass(frozen=True, slots=True)
class Pool:
    """Training tasks to draw from, the whole training split, the texts of the others, and why some
    tasks are left out.
    """

    tasks: list[Task]
    train: list[Task]
    held_out: list[str]
    near_duplicates: int
    contaminated: int
    contamination: Mapping[str, Any] = field(default_factory=dict)
    """By held-out split: its rows, how many training rows repeat one exactly or nearly, examples.
    """
    earlier: Earlier = ()
    dropped_earlier: int = 0
    redacted: Mapping[str, int] = field(default_factory=dict)
    """How often something of a class was taken out of training tasks."""
    redacted_rows: int = 0


def read(role: Role, settings: Settings, rundir: RunDir, redactor: Redactor) -> Pool:
    """The training tasks that repeat no other one and nothing in the held-out splits, redacted
    before a teacher or a file sees them.

    Raises:
        ConfigError: a split has no tasks.
    """
    tasks = _tasks(role, settings, rundir)
    quality = settings.generate.quality
    search = search_of(quality)
    held_out = {split: [task.prompt for task in tasks[split]] for split in ("dev", "test")}
    prompts = [task.prompt for task in tasks["train"]]
    repeated = {
        split: search.repeats(prompts, texts, quality.near) for split, texts in held_out.items()
    }
    contaminated = {position for found in repeated.values() for position in found}
    own = [position for position in range(len(prompts)) if position not in contaminated]
    copies = search.duplicates([prompts[position] for position in own], quality.near)
    train, redacted, rows = documents.tasks(redactor, tasks["train"])
    kept = [train[position] for at, position in enumerate(own) if at not in copies]
    earlier = () if quality.earlier_runs.do == "nothing" else tuple(_earlier(settings, rundir))
    fresh = _fresh(kept, earlier, quality)
    return Pool(
        tasks=fresh,
        train=train,
        held_out=[text for texts in held_out.values() for text in texts],
        near_duplicates=len(copies),
        contaminated=len(contaminated),
        contamination={
            split: _contamination(prompts, held_out[split], found, redactor)
            for split, found in repeated.items()
        },
        earlier=earlier,
        dropped_earlier=len(kept) - len(fresh),
        redacted=redacted,
        redacted_rows=rows,
    )


def _fresh(kept: list[Task], earlier: Earlier, quality: Quality) -> list[Task]:
    """Those that no earlier run drew, where the settings ask for that."""
    if quality.earlier_runs.do != "drop" or not earlier:
        return kept
    known = list(dict.fromkeys(text for _, texts in earlier for text in texts))
    again = search_of(quality).repeats([task.prompt for task in kept], known, quality.near)
    fresh = [task for position, task in enumerate(kept) if position not in again]
    if not fresh:
        raise ConfigError(
            "generate.quality.earlier_runs.do=drop: earlier runs drew every training task",
            "do=report, fewer runs with earlier_runs.most, or more data",
        )
    return fresh


def _tasks(role: Role, settings: Settings, rundir: RunDir) -> dict[str, list[Task]]:
    splits: tuple[Split, ...] = ("train", "dev", "test")
    tasks: dict[str, list[Task]] = {}
    for done, split in enumerate(splits):
        rundir.progress("reading data", done, len(splits))
        tasks[split] = list(role.load_tasks(settings.role, split))
    rundir.progress("reading data", len(splits), len(splits))
    for split in ("train", "dev", settings.evaluate.split):
        if not tasks[split]:
            found = ", ".join(f"{len(tasks[name])} {name}" for name in splits)
            raise ConfigError(
                f"role.data {settings.role.data!r} leaves no {split} rows ({found})",
                "add rows, give them a `split` column, or widen role.where",
            )
    return tasks


def search_of(quality: Quality) -> Search:
    """How repeated texts are found."""
    if quality.duplicates == "minhash":
        from srlr.text import minhash

        return Search(minhash.duplicates, minhash.repeats)
    return Search(dedup.duplicates, dedup.repeats)


def _contamination(
    prompts: Sequence[str],
    held_out: Sequence[str],
    found: Mapping[int, Match],
    redactor: Redactor,
) -> dict[str, Any]:
    likeliest = sorted(found.items(), key=lambda item: (-item[1].similarity, item[0]))
    exact = sum(match.similarity == 1.0 for match in found.values())
    return {
        "rows": len(held_out),
        "exact": exact,
        "near": len(found) - exact,
        "examples": [
            {
                "train": redactor.text(prompts[at]).text,
                "held_out": redactor.text(match.text).text,
                "similarity": round(match.similarity, 3),
            }
            for at, match in likeliest[:EXAMPLES]
        ],
    }


def _earlier(settings: Settings, rundir: RunDir) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Runs of the role that drew tasks, the newest first; what cannot be read is left out."""
    own = rundir.path.resolve()
    left = settings.generate.quality.earlier_runs.most
    for run in runs.all_runs(Path(settings.runs_dir)):
        role = run.path.parent.name.rpartition("-")[0]
        if not left:
            return
        if role != settings.role.name or run.path.resolve() == own:
            continue
        with suppress(MissingArtifact, ConfigError, KeyError, OSError):
            rows = run.read_jsonl("generate/tasks.jsonl")
            yield run.path.name, tuple(str(row["prompt"]) for row in rows)
            left -= 1
