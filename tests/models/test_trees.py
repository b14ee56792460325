"""The trees are those of the design; which branch is taken, why, and whose weights count."""

import pytest
from pydantic import ValidationError

from srlr.core.compose import compose, config_root
from srlr.core.errors import ConfigError
from srlr.core.profile import Branch, RoleProfile, Trees
from srlr.core.settings import Tier
from srlr.core.tree import read_file
from srlr.models import trees
from srlr.models.trees import advise, read

BASE = compose([], environ={}).settings
TREES = read()
CONF = config_root() / "conf"


def advice(role, tier, found=TREES, **needs):
    """Without Hydra, which would take most of the time of these tests."""
    profile = RoleProfile.model_validate(read_file(CONF / f"role/{role}.yaml"))
    needs = profile.requirements.model_copy(update=needs)
    profile = profile.model_copy(update={"requirements": needs})
    asked = Tier.model_validate(read_file(CONF / f"tier/{tier}.yaml"))
    return advise(profile, asked, BASE.select, found)


def branches(family):
    return [(one.parameters_min_b, one.parameters_max_b, one.weights) for one in TREES.root[family]]


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
    assert TREES.root["expert_analysis"][0].tools
    assert TREES.root["expert_analysis"][0].asynchronous
    assert TREES.root["content_generation"][0].mixture
    assert BASE.select.weights == {"cost": 0.3, "performance": 0.7}


@pytest.mark.parametrize(
    ("role", "tier", "needs", "place", "bounds", "applied"),
    [
        ("dialogue", "gold", {}, 0, (3, 8), True),  # the tier's 16 ms are the lower bound
        ("dialogue", "silver", {}, 1, (7, 13), True),  # the role's 100 ms
        ("dialogue", "silver", {"latency_max_ms": 16}, 0, (7, 8), True),
        ("dialogue", "silver", {"latency_max_ms": 251}, 1, (7, 13), True),
        ("dialogue", "bronze", {}, 2, (100, 1000), True),  # nobody waits
        ("sentiment", "gold", {}, 0, (3, 8), True),
        ("sentiment", "silver", {}, 0, (7, 8), True),
        ("sentiment", "bronze", {}, 1, (100, 1000), False),
        ("storyteller", "bronze", {}, 0, (100, 1000), True),
        ("codegen", "silver", {}, 1, (7, 13), True),
        ("security_review", "gold", {}, 0, (3, 8), False),
        ("security_review", "bronze", {}, 0, (100, 1000), True),
    ],
)
def test_the_first_branch_that_holds_is_taken(role, tier, needs, place, bounds, applied):
    found = advice(role, tier, **needs)
    tree = TREES.root[read_file(CONF / f"role/{role}.yaml")["family"]]

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
    neither = advice("dialogue", "gold", Trees({}))

    assert own.weights_from == "role.weights"
    assert own.weights == {"latency": 0.4, "accuracy": 0.4, "cost": 0.2}
    assert by_tree.weights_from == "trees.real_time[0]"
    assert by_tree.weights == {"latency": 0.5, "accuracy": 0.3, "cost": 0.2}
    assert neither.weights_from == "select.weights"
    assert neither.weights == {"cost": 0.3, "performance": 0.7}
    assert (neither.branch, neither.applied, neither.path) == (None, False, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("real_time: [{when: {quality: maximum}, weights: {cost: 1}}]", "real_time: its last"),
        ("real_time: []", "real_time: its last branch has no `when`"),
        ("chatter: [{weights: {cost: 1}}]", "chatter"),
        ("real_time: [{weights: {cost: -1}}]", "real_time.0.weights.cost: input should be"),
        ("real_time: [{wights: {cost: 1}}]", "real_time.0.wights: extra"),
    ],
)
def test_a_file_of_ones_own_that_is_wrong_is_named_with_the_fault(tmp_path, text, said):
    (tmp_path / "trees.yaml").write_text(text + "\n")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path)

    assert caught.value.what.startswith(f"{tmp_path}/trees.yaml is wrong:")
    assert said in caught.value.what


def test_trees_of_ones_own_replace_ours(tmp_path):
    (tmp_path / "trees.yaml").write_text("real_time: [{weights: {cost: 1}}]\n")
    found = advice("dialogue", "gold", read(tmp_path))

    assert (found.weights, found.parameters_b) == ({"cost": 1}, (3, 8))


def test_without_a_file_there_are_no_trees(monkeypatch):
    monkeypatch.setattr(trees, "find", lambda places, name: None)

    assert trees.read().root == {}


@pytest.mark.parametrize("weights", [{"cost": 0}, {"cost": -1}, {"cost": float("nan")}])
def test_a_branch_with_weights_that_weigh_nothing_is_refused(weights):
    with pytest.raises(ValidationError):
        Branch(weights=weights)
