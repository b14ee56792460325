import numpy as np
import pytest

from srlr.core.errors import ConfigError
from srlr.evaluation.compare import Resampling
from srlr.evaluation.generalising import apart, by_distance, changed, contamination
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("label", ("a", "b"))
HOW = Resampling(0, 200)
TEXT = "the quick brown fox jumps over the lazy dog and then it sleeps all day"


def rows(said, start=0):
    return [
        {"task": f"t{n}", "prompt": "p", "answer": one and {"label": one}, "gold": {"label": "a"}}
        for n, one in enumerate(said, start)
    ]


def test_changed_tasks_are_held_against_the_same_unchanged():
    """8 of 10 right before; two of these fall, one answer goes missing of the wrong ones."""
    before = rows("aaaaaaaabb")
    after = rows([*"aaaaaabbb", None])
    found = changed("typos", before, after, SCHEMA, HOW)

    assert (found.before, found.after, found.tasks) == (0.8, 0.6, 10)
    assert found.gap.value == pytest.approx(-0.2)
    assert found.gap.low <= -0.2 <= found.gap.high
    assert found.changed == pytest.approx(0.3)


def test_where_the_right_answer_may_change_only_the_change_is_told():
    found = changed("negation", rows("aab"), rows("bab"), SCHEMA, HOW)

    assert (found.before, found.after, found.gap) == (None, None, None)
    assert found.changed == pytest.approx(1 / 3)
    assert "may have changed" in found.note


def test_changed_tasks_must_be_the_same_tasks():
    with pytest.raises(ConfigError, match="not asked the same tasks"):
        changed("typos", rows("ab"), rows("a"), SCHEMA, HOW)


def test_other_tasks_are_held_against_those_of_the_test():
    found = apart("unseen", rows("aaab"), rows("ab", 9), SCHEMA, HOW)

    assert (found.before, found.after, found.tasks) == (0.75, 0.5, 2)
    assert found.gap.value == -0.25
    with pytest.raises(ConfigError, match="no attempts"):
        apart("unseen", rows("ab"), [], SCHEMA, HOW)


def test_the_far_third_is_held_against_the_near_third():
    """Cosines to the one training task: 1, 1, 0.5, 0.5, 0, 0; right where they are near."""
    half = [0.5, 3**0.5 / 2]
    vectors = np.array([[1, 0], [1, 0], half, half, [0, 1], [0, 1]])
    found = by_distance(rows("aaabbb"), vectors, np.array([[1.0, 0.0]]), SCHEMA, HOW)

    assert (found.before, found.after, found.tasks) == (1.0, 0.0, 2)
    assert by_distance(rows("aab"), vectors[:3], vectors, SCHEMA, HOW) is None
    assert by_distance(rows("aaabbb"), vectors, np.zeros((0, 2)), SCHEMA, HOW) is None


def test_copies_near_copies_and_shared_ngrams_are_counted_once_each():
    tasks = {
        "same": TEXT.upper() + "!",
        "near": TEXT.replace("day", "day long"),
        "inside": f"we say that {TEXT} or so",
        "own": "something else that nobody has written down before in this set of ours",
        "short": "the quick brown",
    }
    found = contamination(tasks, [TEXT, "unrelated words"], near=0.8)

    assert (found.tasks, found.exact, found.near, found.ngrams) == (5, 1, 1, 1)
    assert found.share == pytest.approx(3 / 5)
    assert found.examples == ("same", "near", "inside")


def test_nothing_trained_on_is_nothing_seen():
    assert contamination({"a": TEXT}, []).share == 0
    with pytest.raises(ConfigError, match="no tasks to compare"):
        contamination({}, [TEXT])
