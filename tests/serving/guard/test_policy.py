"""Levels, roles and what they may say."""

import pytest
from pydantic import ValidationError

from srlr.core.errors import ConfigError
from srlr.core.guarding import LOGGED, Guard, RoleGuard
from srlr.serving.guard.policy import INPUT, OUTPUT, policy
from srlr.serving.guard.rules import OWASP, RULES
from srlr.serving.guard.verdict import ACTIONS


def test_every_rule_has_an_action_on_each_of_its_sides():
    for rule in RULES.values():
        for side in rule.sides:
            assert rule.concern in (INPUT if side == "input" else OUTPUT)
        assert not rule.owasp or rule.owasp in OWASP


@pytest.mark.parametrize("table", [INPUT, OUTPUT])
def test_no_level_does_more_than_a_stricter_one(table):
    for row in table.values():
        ranks = [ACTIONS.index(action) for action in row]

        assert ranks == sorted(ranks, reverse=True)


def test_a_role_says_what_is_otherwise():
    asked = policy(Guard(level="strict"), RoleGuard(input={"toxicity": "allow"}))

    assert asked.action("toxicity", "input") == "allow"
    assert asked.action("toxicity", "output") == "replace"


@pytest.mark.parametrize("concern", sorted(LOGGED))
def test_alignment_is_never_a_reason_to_refuse(concern):
    with pytest.raises(ValidationError, match="never a reason"):
        RoleGuard(output={concern: "block"})


def test_a_rule_that_does_not_exist_is_named_with_the_nearest():
    with pytest.raises(ConfigError) as error:
        policy(Guard(allow=("injection.overide",)))

    assert error.value.hint == "did you mean injection.override?"
