import pytest

from srlr.core.errors import ConfigError
from srlr.roles.making import naming


def test_a_plain_name_is_good(tmp_path):
    assert naming.check("tickets_2", ["math"], tmp_path) is None


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("My Tickets!", "cannot be a role's name", "srlr roles new my_tickets"),
        ("", "cannot be a role's name", "srlr roles new tickets"),
        ("2nd", "cannot be a role's name", "srlr roles new tickets"),
        ("../x", "cannot be a role's name", "srlr roles new x"),
        ("x" * 41, "cannot be a role's name", "srlr roles new x"),
        ("class", "a word of Python's own", "srlr roles new my_class"),
        ("match", "a word of Python's own", "srlr roles new my_match"),
        ("sentiment", "there is a role 'sentiment' already", "srlr roles new my_sentiment"),
        ("random", "an installed module's name", "srlr roles new my_random"),
        ("yaml", "an installed module's name", "srlr roles new my_yaml"),
    ],
)
def test_a_name_that_cannot_be_used_gets_another(tmp_path, name, what, hint):
    with pytest.raises(ConfigError) as caught:
        naming.check(name, ["sentiment"], tmp_path)
    assert what in caught.value.what
    assert caught.value.hint.startswith(hint)


def test_a_role_that_is_in_its_folder_already_does_not_hide_itself(tmp_path, monkeypatch):
    (tmp_path / "parcels.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    naming.check("parcels", [], tmp_path)

    with pytest.raises(ConfigError, match="an installed module's name"):
        naming.check("parcels", [], tmp_path / "elsewhere")
