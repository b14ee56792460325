import pytest

from srlr.collaboration import writers
from srlr.core.types import Step, Task, Trajectory
from srlr.core.verifying import SourceWeights


def made(author, task="1", score=1.0, action="a b c", **meta):
    return Trajectory(Task(task, "p", {}), (Step(action),), {}, author, score, meta=meta)


def test_a_sources_quality_weighs_score_acceptance_and_variety():
    accepted = [made("x", score=0.8), made("x", "2", 1.0, "d e f")]
    (one,) = writers.ranked(accepted, [made("x"), made("x")], SourceWeights())

    assert (one.written, one.accepted, one.score, one.variety) == (4, 2, 0.9, 1.0)
    assert one.quality == pytest.approx(0.5 * 0.9 + 0.3 * 0.5 + 0.2 * 1.0)


def test_sources_are_named_by_their_meta_before_their_author():
    ranked = writers.ranked([made("x", source="wiki")], [made("y")], SourceWeights())

    assert [one.name for one in ranked] == ["wiki", "y"]
    assert ranked[1].quality == 0.0


def test_weights_of_0_make_all_alike():
    weights = SourceWeights(score=0, accepted=0, variety=0)

    assert [s.quality for s in writers.ranked([made("x"), made("y")], [], weights)] == [0, 0]


def test_only_the_best_sources_are_merged_and_one_trajectory_a_task():
    accepted = [
        made("bad", "0"),
        made("good", "1", 0.8),
        made("fair", "1", 0.9),
        made("fair", "2", 0.9),
        made("good", "2", 0.9),
        made("good", "3"),
    ]
    good, fair = (writers.Source(name, 1, 1, 1, 1, 1) for name in ("good", "fair"))
    kept = writers.merged(accepted, [good, fair])

    assert [(one.task.id, one.author) for one in kept] == [
        ("1", "fair"),  # the higher score
        ("2", "good"),  # the better source
        ("3", "good"),
    ]
