import pytest
from shelves import source

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.types import Task

RULES = r"""
rules:
  - {id: polite, text: Be polite.}
  - id: returns
    text: Returns are free within 30 days.
    when: {pattern: "(?i)\\breturns?\\b"}
  - id: shop
    text: The shop is open daily.
    when: {slices: {domain: shop, year: [2025, 2026]}}
  - {id: short, text: Be short.}
"""


def rules(tmp_path, content=RULES, **said):
    path = tmp_path / "rules.yaml"
    path.write_text(content)
    return source("rules", path=str(path), **said)


def found(place, prompt, **meta):
    return [(one.text, one.citation) for one in place.find(Task("1", prompt, {}, meta))]


def test_rules_apply_by_pattern_and_slice_and_the_special_come_first(tmp_path):
    place = rules(tmp_path)
    always = [("Be polite.", "mine: rule polite"), ("Be short.", "mine: rule short")]
    returns = ("Returns are free within 30 days.", "mine: rule returns")
    shop = ("The shop is open daily.", "mine: rule shop")

    assert found(place, "Hello") == always
    assert found(place, "A RETURN, please") == [returns, *always]
    assert found(place, "I return", domain="shop", year=2026) == [returns, shop, *always]
    assert found(place, "Hello", domain="shop", year=2024) == always
    assert place.facts() == {"kind": "rules", "texts": 4, "held_out": 0}


def test_a_task_gets_as_many_as_the_limit_and_none_that_is_held_out(tmp_path):
    place = rules(tmp_path, limit=1, held_out=["be POLITE"])

    assert found(place, "Hello") == [("Be short.", "mine: rule short")]
    assert place.facts()["held_out"] == 1


def test_a_list_by_itself_is_read(tmp_path):
    assert found(rules(tmp_path, "- {id: a, text: Be kind.}"), "x") == [
        ("Be kind.", "mine: rule a")
    ]


def test_everything_wrong_is_told_at_once(tmp_path):
    content = """
rules:
  - {id: a, text: One., when: {pattern: "(unclosed"}}
  - {id: b}
  - {id: c, text: Three., unless: {}}
  - just words
  - {id: d, text: Four., when: {slices: all}}
  - {id: e, text: Five.}
  - {id: e, text: Six.}
"""
    with pytest.raises(ConfigError) as error:
        rules(tmp_path, content)

    said = error.value.what
    assert "rules.yaml' is wrong" in said
    assert "rule 1: when.pattern: '(unclosed' is not a regular expression: missing )" in said
    assert "rule 2: text: Field required" in said
    assert "rule 3: unless: Extra inputs are not permitted" in said
    assert "rule 4: it: Input should be a valid dictionary" in said
    assert "rule 5: when.slices: Input should be a valid dictionary" in said
    assert "two rules have the id 'e'" in said
    assert error.value.hint == "correct the file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no rules"),
        ("rules: []", "has no rules"),
        ("words", "has no rules"),
        ("rules: [unclosed", "is not YAML that can be read"),
        ("<html><body>no</body></html>", "has no rules"),
    ],
)
def test_a_file_without_rules_is_refused(tmp_path, content, said):
    with pytest.raises(ConfigError, match=said) as error:
        rules(tmp_path, content)

    assert "docs/retriever.md" in error.value.hint


def test_a_file_that_is_binary_or_not_there_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\0")

    with pytest.raises(ConfigError, match="is not YAML that can be read"):
        source("rules", path=str(tmp_path / "a.yaml"))
    with pytest.raises(MissingArtifact, match="is not there") as error:
        source("rules", path=str(tmp_path / "b.yaml"))
    assert error.value.hint == "correct generate.retriever.sources.mine.path"
