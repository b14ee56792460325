"""Which training tasks are like a weak spot that an evaluation has found.

reads   evaluate/weaknesses.json of this run, or of the role's newest run that has the id
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr.core import runs
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.layers import nearest
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import Task


@dataclass(frozen=True, slots=True)
class Focus:
    """Of each task of the pool, whether it is in the focus; None where there is none."""

    picked: tuple[bool, ...] | None = None
    title: str = ""
    ids: frozenset[str] = frozenset()
    """Of the tasks in the focus."""

    def notes(self, drawn: Sequence[Task]) -> list[str]:
        """How many of the drawn tasks are in it."""
        if self.picked is None:
            return []
        count = sum(task.id in self.ids for task in drawn)
        return [f"Focus on {self.title}: {count} of {len(drawn)} tasks"]


def read(settings: Settings, rundir: RunDir, pool: Sequence[Task]) -> Focus:
    """The focus that generate.focus names.

    Raises:
        ConfigError: no evaluation of the role has found such a weak spot, or no training row is
            like it.
    """
    wanted = settings.generate.focus
    if wanted is None:
        return Focus()
    there: list[str] = []
    for record in _records(settings, rundir):
        for finding in record["findings"]:
            if finding["id"] == wanted:
                return _picked(finding, record["clusters"], settings, pool)
            there.append(f"{finding['id']} ({finding['title']})")
    close = nearest(wanted, [one.partition(" ")[0] for one in there])
    known = "; ".join(there[:5]) or "`srlr evaluate` finds some"
    raise ConfigError(
        f"generate.focus: no evaluation of {settings.role.name!r} has found {wanted!r}",
        f"generate.focus={close}" if close else f"there are: {known}",
    )


def _records(settings: Settings, rundir: RunDir) -> Iterator[Mapping[str, Any]]:
    """What evaluations of the role have found, this run's first, then the newest."""
    from srlr.evaluation import findings

    others = runs.all_runs(Path(settings.runs_dir))
    own = rundir.path.resolve()
    every = [rundir, *(one for one in others if one.path.resolve() != own)]
    for run in every:
        with suppress(MissingArtifact, ConfigError, OSError, AttributeError, TypeError):
            record = run.read_json(findings.FILE)
            if record.get("format") == findings.FORMAT and record["role"] == settings.role.name:
                yield record


def _picked(
    finding: Mapping[str, Any],
    clusters: Mapping[str, Any],
    settings: Settings,
    pool: Sequence[Task],
) -> Focus:
    import numpy as np

    from srlr.evaluation import findings
    from srlr.models import embed

    vectors, centres = np.zeros((0, 0)), np.array(clusters["centres"], dtype=np.float64)
    if "cluster" in finding["where"]:
        embedder, _ = embed.chosen(settings.evaluate.embedder)
        if embedder.id != clusters["embedder"]:
            raise ConfigError(
                f"generate.focus: {finding['id']} was found with another embedder, "
                f"{clusters['embedder']}",
                "evaluate.embedder as it was then, or evaluate again",
            )
        vectors = embedder.embed([task.prompt for task in pool])
    picked = tuple(findings.picks(finding["where"], pool, vectors, centres))
    if not any(picked):
        raise ConfigError(
            f"generate.focus: no training row is like {finding['id']} ({finding['title']})",
            "add such rows to role.data",
        )
    ids = frozenset(task.id for task, one in zip(pool, picked, strict=True) if one)
    return Focus(picked, finding["title"], ids)
