from datetime import UTC, datetime

import pytest

from srlr.core.evaluating import Track
from srlr.evaluation.degradation import decide, series_of
from srlr.evaluation.tracker import Entry, Figure

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def evaluated(day, value, low=None, high=None, metric="accuracy", **more):
    known = {"run": f"r{day}", "path": "", "role": "toy", "tier": "gold", "model": "tiny"}
    known |= {"final": "srl", "split": "test", "tasks_hash": "t", "main_metric": metric}
    known |= {"verdict": "better", "code": "", "seed": 1, "tasks": 24, **more}
    figures = {"srl": {metric: Figure(value, low, high)}, "baseline": {metric: Figure(0.1)}}
    at = datetime(2026, 11, day, tzinfo=UTC).isoformat()
    return Entry(id=str(day), at=at, figures=figures, **known)


def said(*entries, **settings):
    (series,) = series_of(entries, None, None)
    return decide(series, NOW, Track(**settings)).do


STEADY = [evaluated(day, 0.8) for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("newest", "do"),
    [
        ((0.8, 0.75, 0.85), "keep"),
        ((0.76, 0.70, 0.79), "keep"),  # 0.8 - 0.76 = 0.04 = 5 % of 0.8
        ((0.75, 0.68, 0.81), "watch"),  # lower, but its interval holds 0.8
        ((0.70, 0.62, 0.78), "alert"),
        ((0.70, None, None), "alert"),
        ((0.95, 0.9, 1.0), "keep"),
    ],
)
def test_the_newest_is_held_against_the_mean_before_it(newest, do):
    assert said(*STEADY, evaluated(4, *newest)) == do


@pytest.mark.parametrize(
    ("newest", "do"),
    [((0.1, 0.08, 0.12), "keep"), ((0.3, 0.2, 0.4), "alert"), ((0.12, 0.09, 0.2), "watch")],
)
def test_a_figure_where_less_is_better_degrades_by_rising(newest, do):
    before = [evaluated(day, 0.1, metric="ece") for day in (1, 2, 3)]

    assert said(*before, evaluated(4, *newest, metric="ece")) == do


def test_too_few_evaluations_say_nothing():
    assert said(evaluated(1, 0.8)) == "wait"
    assert said(*STEADY[:2], evaluated(4, 0.1)) == "wait"
    assert said(*STEADY[:2], evaluated(4, 0.1), min_evaluations=2) == "alert"


def test_only_the_window_counts():
    long_ago = [evaluated(day, 0.9) for day in (1, 2, 3)]
    lately = [evaluated(day, 0.5) for day in (4, 5, 6)]

    assert said(*long_ago, *lately, evaluated(7, 0.5), window=3) == "keep"
    assert said(*long_ago, *lately, evaluated(7, 0.5), window=6) == "alert"


def test_only_what_is_young_enough_counts():
    entries = [*STEADY, evaluated(28, 0.5), evaluated(29, 0.5)]

    assert said(*entries, window_days=60) == "alert"
    assert said(*entries, window_days=5) == "wait"


def test_evaluations_of_other_tasks_models_or_roles_are_other_series():
    entries = [
        evaluated(1, 0.8),
        evaluated(2, 0.8, tasks_hash="u"),
        evaluated(3, 0.8, model="other"),
        evaluated(4, 0.8, role="math"),
        evaluated(5, 0.7),
    ]
    found = series_of(entries, None, None)

    assert [len(one.points) for one in found] == [2, 1, 1, 1]
    assert series_of(entries, "macro_f1", None) == []
    assert [figure.value for _, figure in series_of(entries, None, "baseline")[0].points] == [
        0.1
    ] * 2
