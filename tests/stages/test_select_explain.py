"""Why not that model: excluded with figures, outranked by how much and in what, or misspelt."""

import functools

import pytest

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.hardware import Machine
from srlr.models import catalog
from srlr.stages.select_explain import explain

LAPTOP = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")
BIG = Machine("cuda", "big", 8, 200.0, 190.0, 1000.0, "bfloat16", bandwidth_gb_s=600.0)


@pytest.fixture(autouse=True)
def _hub(monkeypatch):
    monkeypatch.setattr(catalog, "out_of_reach", lambda *_: {})


@functools.cache
def asked(*words):
    return compose(words, environ={}).settings


def test_the_chosen_one_is_said_to_be_it():
    found = explain(asked(), BIG, "llama-3.2-3b-instruct")

    assert (found.verdict, found.why) == ("selected", ("it is the choice, by score",))
    assert explain(asked(), LAPTOP, "smollm2-135m-instruct").why[0].endswith("by stand-in")


def test_an_excluded_one_says_the_constraint_with_figures():
    found = explain(asked(), BIG, "qwen2.5-3b-instruct")

    assert found.verdict == "excluded"
    assert found.why[0].startswith("licence: qwen-research, accepted are apache-2.0")
    assert found.why[-1].startswith("its score would be ")
    assert found.selected == "llama-3.2-3b-instruct"


def test_an_outranked_one_says_by_how_much_and_in_what():
    found = explain(asked(), BIG, "phi-3.5-mini-instruct")
    gaps = dict(found.gaps)

    # latency: (3.82 - 3.21) * 2 / 600 * 1000 ms of 32, weighing 0.4; IFEval 0.774 and 0.592
    assert found.verdict == "outranked"
    assert gaps["accuracy"] == pytest.approx(0.4 * (0.774 - 0.592), abs=1e-6)
    assert gaps["latency"] == pytest.approx(0.4 * 0.61 * 2 / 600 * 1000 / 32, abs=1e-3)
    assert found.selected_score - found.score == pytest.approx(sum(gaps.values()))
    assert "behind: it loses 0.073 in accuracy, 0.025 in latency" in found.why[0]
    assert found.as_dict()["gaps"]["accuracy"] == 0.0728


def test_one_that_the_tier_does_not_name_says_so():
    found = explain(asked("tier.candidates=[llama-3.2-3b-instruct]"), BIG, "phi-3.5-mini-instruct")

    assert found.verdict == "not a candidate"
    assert found.why[0] == "tier gold does not name it in tier.candidates"
    assert "no more than" in found.why[1]


def test_against_the_users_own_choice_there_is_no_ranking():
    found = explain(asked("model=qwen2.5-7b-instruct"), BIG, "llama-3.2-3b-instruct")

    assert found.why == ("the user chose qwen2.5-7b-instruct: model=qwen2.5-7b-instruct",)
    assert explain(asked("model=qwen2.5-7b-instruct"), BIG, "qwen2.5-7b-instruct").verdict == (
        "selected"
    )


def test_where_nothing_fits_the_question_is_answered_all_the_same():
    found = explain(asked("tier.stand_in=null"), LAPTOP, "phi-3.5-mini-instruct")

    assert (found.verdict, found.selected) == ("excluded", None)
    assert found.why[0].startswith("memory: ")
    assert "no base model fits role 'sentiment'" in found.why[-1]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("phi-3.5-mini-instrct", "'phi-3.5-mini-instruct'"), ("zzz", "there is deepseek-v3.1")],
)
def test_a_misspelt_one_gets_the_nearest(name, hint):
    with pytest.raises(ConfigError) as caught:
        explain(asked(), LAPTOP, name)

    assert hint in caught.value.hint
