"""The trees are those of the design; which branch is taken, why, and whose weights count."""

import pytest
from pydantic import ValidationError

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.profile import Branch
from srlr.models.trees import advise

SELECT = compose([], environ={}).settings.select


def advice(role, tier, *words):
    asked = compose([f"role={role}", f"tier={tier}", *words], environ={}).settings
    return advise(asked.role, asked.tier, asked.select)


def branches(family):
    return [
        (one.parameters_min_b, one.parameters_max_b, one.weights) for one in SELECT.trees[family]
    ]


def test_the_trees_are_the_documented_ones():
    assert branches("real_time") == [
        (3, 8, {"latency": 0.5, "accuracy": 0.3, "cost": 0.2}),
        (7, 13, {"latency": 0.3, "accuracy": 0.4, "cost": 0.3}),
        (50, None, {"accuracy": 0.6, "cost": 0.2, "latency": 0.2}),
    ]
    assert branches("expert_analysis") == [(50, None, {"accuracy": 0.5, "tools": 0.3, "cost": 0.2})]
    assert branches("content_generation") == [
        (100, None, {"quality": 0.6, "creativity": 0.3, "cost": 0.1}),
        (7, 13, {"quality": 0.4, "cost": 0.4, "latency": 0.2}),
    ]
    assert branches("classification") == [
        (3, 8, {"latency": 0.4, "accuracy": 0.4, "cost": 0.2}),
        (7, 13, {"accuracy": 0.5, "f1": 0.3, "cost": 0.2}),
    ]
    assert SELECT.trees["expert_analysis"][0].tools
    assert SELECT.trees["expert_analysis"][0].asynchronous
    assert SELECT.trees["content_generation"][0].mixture
    assert SELECT.weights == {"cost": 0.3, "performance": 0.7}


@pytest.mark.parametrize(
    ("role", "tier", "words", "place", "bounds", "applied"),
    [
        ("dialogue", "gold", [], 0, (3, 8), True),  # the tier's 16 ms are the lower bound
        ("dialogue", "silver", [], 1, (7, 13), True),  # the role's 100 ms
        ("dialogue", "silver", ["role.requirements.latency_max_ms=16"], 0, (7, 8), True),
        ("dialogue", "silver", ["role.requirements.latency_max_ms=251"], 1, (7, 13), True),
        ("dialogue", "bronze", [], 2, (100, 1000), True),  # nobody waits
        ("sentiment", "gold", [], 0, (3, 8), True),
        ("sentiment", "silver", [], 0, (7, 8), True),
        ("sentiment", "bronze", [], 1, (100, 1000), False),
        ("storyteller", "bronze", [], 0, (100, 1000), True),
        ("codegen", "silver", [], 1, (7, 13), True),
        ("security_review", "gold", [], 0, (3, 8), False),
        ("security_review", "bronze", [], 0, (100, 1000), True),
    ],
)
def test_the_first_branch_that_holds_is_taken(role, tier, words, place, bounds, applied):
    found = advice(role, tier, *words)
    tree = SELECT.trees[compose([f"role={role}"], environ={}).settings.role.family]

    assert found.branch == tree[place]
    assert (found.parameters_b, found.applied) == (bounds, applied)
    assert len(found.path) == place + 1
    assert found.path[-1].endswith(": taken")


def test_the_path_says_the_figures():
    assert advice("dialogue", "silver").path == (
        "1: latency bound 100 ms, at most 16 wanted: not taken",
        "2: latency bound 100 ms, at most 250 wanted: taken",
    )
    assert advice("sentiment", "bronze").path == (
        "1: response asynchronous, real_time wanted: not taken",
        "2: whatever is asked: taken",
    )
    assert advice("storyteller", "gold").path == ("1: quality maximum, maximum wanted: taken",)


def test_a_roles_own_weights_win_over_the_tree_and_the_tree_over_the_fall_back():
    own, by_tree = advice("sentiment", "gold"), advice("dialogue", "gold")
    neither = advice("dialogue", "gold", "~select.trees.real_time")

    assert own.weights_from == "role.weights"
    assert own.weights == {"latency": 0.4, "accuracy": 0.4, "cost": 0.2}
    assert by_tree.weights_from == "select.trees.real_time[0]"
    assert by_tree.weights == {"latency": 0.5, "accuracy": 0.3, "cost": 0.2}
    assert neither.weights_from == "select.weights"
    assert neither.weights == {"cost": 0.3, "performance": 0.7}
    assert (neither.branch, neither.applied, neither.path) == (None, False, ())


def test_a_tree_without_an_end_is_refused():
    words = ["select.trees.real_time=[{when: {quality: maximum}, weights: {cost: 1}}]"]
    with pytest.raises(ConfigError, match="real_time: its last branch has no `when`"):
        compose(words, environ={})


@pytest.mark.parametrize("weights", [{"cost": 0}, {"cost": -1}, {"cost": float("nan")}])
def test_a_branch_with_weights_that_weigh_nothing_is_refused(weights):
    with pytest.raises(ValidationError):
        Branch(weights=weights)
