import string

import pytest

from srlr.roles.word_problems import TEMPLATES

WORDS = {"who", "other", "items", "more"}


def test_names_are_unique_and_every_split_has_templates_of_one_to_three_steps_at_least():
    assert len({one.name for one in TEMPLATES}) == len(TEMPLATES)
    for split in ("train", "dev", "test"):
        assert {1, 2, 3} <= {len(one.steps) for one in TEMPLATES if one.split == split}


def test_no_wording_is_in_two_templates():
    wordings = [wording for one in TEMPLATES for wording in one.wordings]

    assert len(set(wordings)) == len(wordings)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_every_wording_names_every_number_and_nothing_unknown(template):
    for wording in template.wordings:
        fields = {name for _, name, _, _ in string.Formatter().parse(wording) if name}

        assert fields - WORDS == set(template.numbers)
        assert not any(character.isdigit() for character in wording)
        assert wording.endswith("?")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_calculations_use_every_number_and_every_result_but_the_last(template):
    used = {word for step in template.steps for word in step.split()[::2]}

    assert used == set(template.numbers) | set("stuv"[: len(template.steps) - 1])
