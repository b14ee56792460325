import pytest
from pydantic import ValidationError

from srlr.core.ablation import Ablation


def test_every_arm_has_as_many_trials():
    with pytest.raises(ValidationError, match="not a 1, b 2"):
        Ablation(arms={"a": {"trials": [["x=1"]]}, "b": {"trials": [["x=1"], ["x=2"]]}})


def test_what_is_compared_against_is_an_arm():
    with pytest.raises(ValidationError, match="there is no arm 'base'"):
        Ablation(arms={"a": {}}, against=["base"])


def test_words_are_for_stages_that_learn():
    with pytest.raises(ValidationError, match="'generate' is not srl or rlvr"):
        Ablation(each={"generate": ["x=1"]})


def test_an_arm_needs_a_trial_and_a_seed_is_needed():
    with pytest.raises(ValidationError):
        Ablation(arms={"a": {"trials": []}})
    with pytest.raises(ValidationError):
        Ablation(seeds=[])
