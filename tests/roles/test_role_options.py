import pytest

from srlr.core.errors import ConfigError
from srlr.roles import role_options
from srlr.roles.moderation import Options


def test_what_is_said_lies_over_the_defaults():
    assert role_options.read(Options, {"miss_cost": 0.5}) == Options(miss_cost=0.5)


@pytest.mark.parametrize(
    ("said", "key"),
    [({"mis_cost": 1}, "mis_cost"), ({"miss_cost": 2}, "miss_cost")],
)
def test_an_unknown_key_or_a_value_out_of_range_is_named_with_the_keys_there_are(said, key):
    with pytest.raises(ConfigError) as caught:
        role_options.read(Options, said)

    assert caught.value.what.startswith(f"role.options.{key}: ")
    assert caught.value.hint == "the keys are false_positive_cost, miss_cost, answer_chars"
