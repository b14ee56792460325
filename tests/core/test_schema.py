"""The schema as people ask about it: what a key takes, what was meant, what it means."""

import pytest

from srlr.core import schema


@pytest.mark.parametrize(
    ("key", "takes"),
    [
        ("seed", "a whole number ≥ 0 or null"),
        ("srl.max_steps", "a whole number ≥ 1 or null"),
        ("select.memory_share", "a number ≥ 0 and ≤ 1"),
        ("tier.asynchronous", "one of true, false"),
        ("tier.candidates", "a list"),
        ("role.requirements", "a mapping"),
        ("role.weights", "a mapping"),
        ("role.weights.latency", "a number"),
        ("role.name", "text"),
        ("hardware.quantisation_bits", "one of 4, 8, 16, 32 or null"),
    ],
)
def test_what_a_key_takes_is_said_in_words(key, takes):
    field = schema.field(key)

    assert field is not None
    assert schema.allowed(field) == takes


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("slr.epochs", "srl.epochs"),
        ("srl.epoch", "srl.epochs"),
        ("learning_rate", "srl.learning_rate"),
        ("evaluat.track.max_drp", "evaluate.track.max_drop"),
        ("memory_share", "select.memory_share"),
        ("qqqqqq", None),
    ],
)
def test_the_nearest_key_mends_from_the_left_and_finds_leaves_by_name(said, meant):
    assert schema.nearest_key(said) == meant


@pytest.mark.parametrize("key", ["", "nothing", "srl.nothing", "srl.epochs.x", "srl..epochs"])
def test_what_is_no_key_is_no_field(key):
    assert schema.field(key) is None


def test_meanings_come_from_the_settings_source():
    patience = schema.field("srl.patience")
    tier = schema.field("tier")

    assert patience is not None
    assert schema.meaning(patience).startswith("Evaluations without a new best")
    assert tier is not None
    assert schema.meaning(tier) == "HOW FAST, and so how big."
