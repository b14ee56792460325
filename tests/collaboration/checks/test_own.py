from types import SimpleNamespace

import pytest

from srlr.collaboration.checks import own
from srlr.core.errors import ConfigError
from srlr.core.types import Task, Trajectory, Verdict

ONE = Trajectory(Task("1", "p", {}), (), {}, "x")


def judged(said):
    return own.criteria(ONE, SimpleNamespace(criteria=lambda trajectory: said))


def test_a_role_without_criteria_cannot_judge_by_them():
    assert own.criteria(ONE, SimpleNamespace()) is None
    assert judged(None) is None
    assert judged([None, None]) is None


def test_one_verdict_or_several_are_multiplied():
    assert judged(Verdict(1.0)) == Verdict(1.0)
    assert judged([Verdict(0.5, ("dull",)), None, Verdict(0.5)]) == Verdict(
        0.25, ("criteria: dull", "criteria: scored 0.5")
    )


@pytest.mark.parametrize(
    ("said", "what"), [(True, "returned bool"), ([0.5], "returned float"), (Verdict(2), "score 2")]
)
def test_anything_else_is_refused_with_its_type(said, what):
    with pytest.raises(ConfigError, match=what):
        judged(said)
