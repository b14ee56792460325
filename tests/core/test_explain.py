"""What `srlr config explain` knows about a key."""

import pytest

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.explain import explain


@pytest.fixture(scope="module")
def composed():
    return compose(["model=smollm2-135m-instruct", "srl.epochs=3"], environ={})


def test_a_value_comes_with_its_default_and_who_set_it(composed):
    said = explain("srl.epochs", composed)

    assert (said["value"], said["default"], said["takes"]) == (3, 5, "a number > 0")
    assert said["set_by"] == "command line: srl.epochs=3"


def test_a_remark_in_our_own_file_is_the_meaning_where_the_settings_have_none(composed):
    assert explain("srl.max_kl", composed)["meaning"] == "the target of the adaptive KL weight"
    assert "meaning" not in explain("srl.weight_decay", composed)


def test_a_group_has_options_and_keys(composed):
    said = explain("rlvr", composed)

    assert said["options"] == ["dpo", "grpo", "none", "ppo"]
    assert "rlvr.clip_epsilon" in said["keys"]
    assert explain("recipe", composed)["options"] == [
        *("ablation_math", "ablation_sentiment", "codegen"),
        *("sentiment_in_domain", "sentiment_quick"),
    ]


def test_a_node_of_several_kinds_speaks_of_the_one_that_is_chosen(composed):
    assert explain("srl", composed)["meaning"].startswith("SRL from the expert's steps")
    assert explain("srl.lora.rank", composed)["value"] == 16
    assert "value" not in explain("rlvr.beta", composed)
    assert explain("rlvr.beta", composed)["set_by"] == "nobody: it is a key of another rlvr"


def test_a_mapping_and_an_entry_of_it_are_keys_too(composed):
    assert explain("role.rewards", composed)["set_by"] == "its parts"
    assert explain("role.rewards.label", composed)["value"] == 1.0


@pytest.mark.parametrize(("key", "meant"), [("tyer", "'tier'"), ("srl.epoch", "'srl.epochs'")])
def test_what_is_no_key_brings_the_nearest(composed, key, meant):
    with pytest.raises(ConfigError) as caught:
        explain(key, composed)

    assert meant in caught.value.hint


def test_nothing_alike_points_to_the_whole(composed):
    with pytest.raises(ConfigError) as caught:
        explain("qqqqqqq", composed)

    assert "srlr config show" in caught.value.hint
