import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlr.evaluation.perturb import _WAYS, perturbed


@pytest.mark.parametrize(
    ("way", "text", "changed"),
    [
        ("paraphrase", "I don't know, it's fine.", "I do not know, it's fine."),
        ("paraphrase", "It is fine.", "It's fine."),
        ("paraphrase", "Can't you see?", "Cannot you see?"),
        ("paraphrase", "Nothing to say.", None),
        ("order", "One here. Two there! Three?", "Three? Two there! One here."),
        ("order", "Only one.", None),
        ("case", "The BBC said", "the bbc said"),
        ("case", "quiet", None),
        ("negation", "It is not good.", "It is good."),
        ("negation", "It isn't good.", "It is good."),
        ("negation", "This was good.", "This was not good."),
        ("negation", "Good.", None),
        ("typos", "a an the", None),
        ("typos", "", None),
    ],
)
def test_a_text_is_changed_by_rule_or_not_at_all(way, text, changed):
    assert perturbed(text, way, 0) == changed


def test_a_typo_is_one_slip_in_every_seventh_word():
    text = "nothing whatever happened yesterday around these quiet buildings"
    found = perturbed(text, "typos", 1)
    moved = [a for a, b in zip(text.split(), found.split(), strict=True) if a != b]

    assert len(moved) == 1
    assert abs(len(found) - len(text)) <= 1
    assert found == perturbed(text, "typos", 1)
    assert len({perturbed(text, "typos", seed) for seed in range(12)}) > 3


def test_a_slip_swaps_loses_or_doubles_a_letter():
    found = {perturbed("seldom", "typos", seed) for seed in range(60)} - {None}
    letters = {len(one) for one in found}

    assert letters == {5, 6, 7}
    assert "sledom" in found


@settings(max_examples=30)
@given(st.text(max_size=60), st.sampled_from(sorted(_WAYS)))
def test_any_text_is_changed_or_left_and_never_broken(text, way):
    found = perturbed(text, way, random.Random(0).randrange(9))

    assert found is None or found != text
