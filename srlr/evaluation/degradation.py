"""Has a model become worse than it was? The newest evaluation against a window of earlier ones.

A series is one role, one base model, one set of tasks and one figure of the final model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from srlr.core.evaluating import Track
from srlr.core.types import Decision
from srlr.evaluation.metrics import falls
from srlr.evaluation.tracker import Entry, Figure


@dataclass(frozen=True, slots=True)
class Series:
    """Evaluations that can be compared, the oldest first, and one figure of each."""

    role: str
    model: str
    metric: str
    tasks_hash: str
    points: tuple[tuple[Entry, Figure], ...]


def series_of(entries: Sequence[Entry], metric: str | None, stage: str | None) -> list[Series]:
    """The series in some entries; those without the figure are left out.

    Args:
        metric: the figure; None: each role's main one.
        stage: whose model; None: each run's final one.
    """
    groups: dict[tuple[str, str, str, str], list[tuple[Entry, Figure]]] = {}
    for entry in entries:
        word = metric or entry.main_metric
        figure = entry.figures.get(stage or entry.final, {}).get(word)
        if figure is not None:
            key = (entry.role, entry.model, word, entry.tasks_hash)
            groups.setdefault(key, []).append((entry, figure))
    return [Series(*key, tuple(points)) for key, points in groups.items()]


def decide(series: Series, now: datetime, settings: Track) -> Decision:
    """keep, wait (too few to judge), watch (lower, perhaps by chance) or alert.

    It is an alert where the newest figure is worse than the window's mean by more than max_drop of
    it and, where it has an interval, the mean is not inside that.
    """
    (*before, (_, newest)) = series.points
    window = _window([entry for entry, _ in before], now, settings)
    known = [figure.value for _, figure in before[len(before) - window :]]
    if len(known) < settings.min_evaluations:
        need = settings.min_evaluations
        return Decision("wait", f"{len(known)} of {need} earlier evaluations needed to judge")
    mean = fmean(known)
    less = falls(series.metric)
    worse = newest.value - mean if less else mean - newest.value
    said = f"{newest.value:.3f} against {mean:.3f} in the mean of {len(known)} before"
    if worse <= settings.max_drop * abs(mean) + 1e-12:
        return Decision("keep", said)
    end = newest.low if less else newest.high
    if end is not None and (end <= mean if less else end >= mean):
        return Decision("watch", f"{said}; its interval holds that mean")
    return Decision("alert", f"{said}: worse by more than {settings.max_drop:.0%}")


def _window(before: Sequence[Entry], now: datetime, settings: Track) -> int:
    """How many of the last ones count."""
    recent = list(before)[-settings.window :]
    if settings.window_days is None:
        return len(recent)
    since = now - timedelta(days=settings.window_days)
    return sum(datetime.fromisoformat(entry.at) >= since for entry in recent)
