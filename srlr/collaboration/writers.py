"""Where trajectories come from, how good each source is, and which are kept.

A source is who wrote a trajectory, or what `meta["source"]` says. Its quality is the weighted mean
of three shares in [0, 1]: the mean score of what was accepted, how much of what it wrote was, and
how little its actions repeat themselves (distinct word pairs of at most SAMPLE of them).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from srlr.core.types import Trajectory
from srlr.core.verifying import SourceWeights
from srlr.text import diversity

SAMPLE = 200
"""Trajectories of a source in which its variety is measured: large sets repeat more."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source's figures; `quality` and its parts are in [0, 1]."""

    name: str
    written: int
    accepted: int
    score: float
    variety: float
    quality: float


def of(trajectory: Trajectory) -> str:
    """The name of its source."""
    return str(trajectory.meta.get("source") or trajectory.author)


def ranked(
    accepted: Sequence[Trajectory], rejected: Sequence[Trajectory], weights: SourceWeights
) -> list[Source]:
    """All sources, the best first; of equal ones the one whose name comes first."""
    written = Counter(of(trajectory) for trajectory in (*accepted, *rejected))
    good: dict[str, list[Trajectory]] = defaultdict(list)
    for trajectory in accepted:
        good[of(trajectory)].append(trajectory)
    found = [_measured(name, written[name], good[name], weights) for name in sorted(written)]
    return sorted(found, key=lambda source: -source.quality)


def merged(accepted: Sequence[Trajectory], best: Sequence[Source]) -> list[Trajectory]:
    """Trajectories of the `best` sources in their order; of several for one task the one with the
    highest score, then of the better source.
    """
    place = {source.name: -rank for rank, source in enumerate(best)}
    kept: dict[str, Trajectory] = {}
    for trajectory in accepted:
        if of(trajectory) not in place:
            continue
        rival = kept.setdefault(trajectory.task.id, trajectory)
        if (trajectory.score, place[of(trajectory)]) > (rival.score, place[of(rival)]):
            kept[trajectory.task.id] = trajectory
    return list(kept.values())


def _measured(
    name: str, written: int, good: Sequence[Trajectory], weights: SourceWeights
) -> Source:
    score = sum(trajectory.score for trajectory in good) / len(good) if good else 0.0
    share = len(good) / written
    actions = [
        " ".join(step.action for step in trajectory.steps) for trajectory in good[:SAMPLE]
    ]  # fmt: skip
    variety = diversity.distinct(actions, 2)
    parts = ((weights.score, score), (weights.accepted, share), (weights.variety, variety))
    total = sum(weight for weight, _ in parts)
    quality = sum(weight * value for weight, value in parts) / total if total else 0.0
    return Source(
        name, written, len(good), round(score, 4), round(variety, 4), round(quality, 4)
    )  # fmt: skip
