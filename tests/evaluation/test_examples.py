import pytest

from srlr.evaluation.examples import LIMIT, LONGEST, changed, counted
from srlr.evaluation.outcomes import Schema

AB = Schema("label", ("a", "b"))


@pytest.fixture
def models(new_attempt):
    """The baseline says b to all twenty; SRL says a to all; the last five are b."""
    gold = ["a"] * 15 + ["b"] * 5
    return {
        "baseline": [new_attempt(f"t{n}", g, "b") for n, g in enumerate(gold)],
        "srl": [new_attempt(f"t{n}", g, "a") for n, g in enumerate(gold)],
    }


def test_fixed_and_broken_are_counted_and_a_few_are_drawn(models):
    found = changed(models, "srl", AB, seed=1)

    assert counted(models, "srl", AB) == {"fixed": 15, "broken": 5}
    assert [e.kind for e in found] == ["fixed"] * LIMIT + ["broken"] * 5
    assert found[0].answers == {"baseline": "b", "srl": "a"}


def test_the_seed_decides_which_are_drawn(models):
    assert changed(models, "srl", AB, seed=1) == changed(models, "srl", AB, seed=1)
    assert changed(models, "srl", AB, seed=1) != changed(models, "srl", AB, seed=2)


def test_no_answer_is_said_and_long_texts_are_cut(new_attempt):
    models = {
        "baseline": [new_attempt("t", "a", None, text="z" * 5000, prompt="p" * 5000)],
        "srl": [new_attempt("t", "a", "a")],
    }
    (found,) = changed(models, "srl", AB, seed=0)

    assert found.answers["baseline"] == "no answer"
    assert len(found.texts["baseline"]) == len(found.prompt) == LONGEST
    assert found.prompt.endswith("…")


def test_without_two_models_nothing_changed(models):
    assert changed({"srl": models["srl"]}, "srl", AB, seed=0) == ()
    assert counted({"baseline": models["baseline"]}, "baseline", AB) == {}
