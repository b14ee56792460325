"""Guardrails change what is served and nothing that is trained."""

from srlr.core.compose import compose
from srlr.core.runs import config_hash


def hash_with(*words):
    settings = compose(["role=support", *words], environ={}).settings
    return config_hash(settings.model_dump(mode="json"))


def test_guardrails_do_not_make_another_experiment():
    same = hash_with()

    assert hash_with("guard.level=strict") == same
    assert hash_with("role.guard.material=true") == same
    assert hash_with("role.label=other") != same


def test_every_role_has_its_guardrails_checked():
    for role in ("codegen", "moderation", "security_review", "sentiment", "dialogue"):
        settings = compose([f"role={role}"], environ={}).settings

        assert settings.role.guard.input or settings.role.guard.output
