"""Every YAML under conf/ and every recipe composes; every card's facts have a source; groups and
files agree."""

from pathlib import Path

import pytest

from srlr.core.compose import available, compose, config_root
from srlr.core.layers import GROUPS
from srlr.core.settings import ModelCard, Settings
from srlr.models import catalog

OPTIONS = [(group, option) for group, names in available().items() for option in names]
CARDS = catalog.cards()


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes(group, option):
    settings = compose([f"{group}={option}"], environ={}).settings

    assert isinstance(settings, Settings)
    if group in ("role", "tier", "hardware", "model"):
        assert getattr(settings, group).name == option


def test_every_yaml_is_an_option_of_a_group():
    conf = config_root() / "conf"
    files = {path.relative_to(conf) for path in conf.rglob("*.yaml")}
    known = {Path(group, f"{option}.yaml") for group, option in OPTIONS}
    others = {one for one in files - known if one.parts[0] != "assets"}

    assert others == {Path("config.yaml"), Path("trees.yaml")}


def test_every_group_but_recipe_is_a_node_and_has_a_default():
    for group in GROUPS[:-1]:
        assert group in Settings.model_fields


def test_every_recipe_opens_with_its_command():
    for path in sorted((config_root() / "recipes").glob("*.yaml")):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]

        assert first.startswith("# ")
        assert f"recipe={path.stem}" in first


@pytest.mark.parametrize("name", sorted(CARDS))
def test_every_card_says_where_its_weights_are_and_what_it_may_be_used_for(name):
    card = CARDS[name]

    assert isinstance(card, ModelCard)
    assert card.source
    assert {"parameters_b", "context_tokens", "licence"} <= set(card.facts)
    for fact in card.facts.values():
        assert fact.source.startswith("https://")


def test_tiers_name_cards_that_exist_and_fit_them():
    for option in available()["tier"]:
        tier = compose([f"tier={option}"], environ={}).settings.tier

        assert tier.stand_in in CARDS
        for name in tier.candidates:
            size = CARDS[name].facts["parameters_b"].value

            assert tier.parameters_min_b <= size
            assert size <= tier.parameters_max_b + 0.1
