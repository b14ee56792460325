from types import SimpleNamespace

import pytest

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.roles.making import telling


def settings(*words):
    return compose(words, environ={}).settings


@pytest.fixture(scope="module")
def plain():
    return settings()


def test_every_role_has_a_row_that_says_whether_it_can_be_trained(plain):
    rows = {row["name"]: row for row in telling.listed(plain)}

    assert rows["math"]["trainable"]
    assert rows["math"]["family"] == "expert_analysis"
    assert rows["math"]["data"] == "generated"
    assert rows["math"]["yaml"] == "conf/role/math.yaml"
    assert not rows["storyteller"]["trainable"]
    assert rows["storyteller"]["about"].startswith("Continues a story")


def test_roles_of_ones_own_are_in_the_list_also_where_their_yaml_is_broken(tmp_path):
    (tmp_path / "mine.yaml").write_text("family: classification\ndescription: Mine.\n")
    (tmp_path / "mine.py").write_text("")
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "list.yaml").write_text("[]")
    (tmp_path / "bare.py").write_text("")
    own = SimpleNamespace(config_dir=None, role_path=str(tmp_path))
    rows = {row["name"]: row for row in telling.listed(own)}

    assert rows["mine"]["trainable"]
    assert rows["mine"]["about"] == "Mine."
    assert rows["broken"]["family"] == rows["list"]["family"] == ""
    assert "bare" not in rows


def test_a_role_is_told_with_its_schema_rewards_and_page(plain):
    facts = telling.told(plain)  # sentiment is the default

    assert facts["schema"][:2] == [
        {"field": "text", "type": "str", "needed": True},
        {
            "field": "sentiment",
            "type": "Literal['positive', 'neutral', 'negative']",
            "needed": True,
        },
    ]
    assert facts["rewards"][0] == {
        "reward": "label",
        "weight": 1.0,
        "about": "1 for the human label, else 0.",
    }
    assert facts["module"].endswith("srlr/roles/sentiment.py")
    assert facts["main_metric"] == "macro_f1"
    assert facts["docs"] == ""


def test_a_profile_is_told_without_what_only_a_module_knows(plain):
    role = plain.role.model_copy(update={"name": "storyteller"})
    facts = telling.told(plain.model_copy(update={"role": role}))

    assert not facts["trainable"]
    assert (facts["module"], facts["schema"], facts["rewards"]) == ("", [], [])


def test_a_role_without_a_schema_has_no_fields_and_its_page_is_named(plain, tmp_path):
    assert telling._fields(SimpleNamespace(Schema=3)) == []
    assert telling._page("math").endswith("docs/math.md")


def test_a_module_that_lacks_functions_is_refused_with_their_names(plain, tmp_path):
    (tmp_path / "half.py").write_text("def parse(text): ...\n")
    role = plain.role.model_copy(update={"name": "half"})
    own = plain.model_copy(update={"role": role, "role_path": str(tmp_path)})

    with pytest.raises(ConfigError, match="lacks baseline_messages, completion, expert"):
        telling.told(own)
