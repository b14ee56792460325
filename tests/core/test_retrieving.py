import pytest
from pydantic import ValidationError

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.retrieving import Retriever, Source


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "rules"}, "one of path, url and runs, not none"),
        ({"kind": "rules", "path": "a", "url": "http://x"}, "not path and url"),
        ({"kind": "knowledge", "runs": "runs"}, "runs holds examples: kind=examples"),
        ({"kind": "rules", "url": "ftp://x"}, "should match pattern"),
        ({"kind": "rules", "url": "http://me:pw@x/y"}, "no user and password here"),
        ({"kind": "rules", "path": "a", "weight": 0}, "greater than 0"),
        ({"kind": "words", "path": "a"}, "'rules', 'knowledge' or 'examples'"),
    ],
)
def test_a_source_is_one_place_of_a_kind(said, why):
    with pytest.raises(ValidationError, match=why):
        Source(**said)


def test_a_source_needs_a_plain_name():
    with pytest.raises(ValidationError, match="should match pattern"):
        Retriever(sources={"My manual": {"kind": "rules", "path": "a"}})


def test_sources_are_said_on_the_command_line():
    words = ["generate.retriever.sources.manual={kind: knowledge, path: ./docs, limit: 2}"]
    found = compose(words, environ={}).settings.generate.retriever

    assert found.sources == {"manual": Source(kind="knowledge", path="./docs", limit=2)}
    assert found.model_copy(update={"sources": {}}) == Retriever()


def test_a_wrong_word_in_a_source_is_told_with_its_key():
    with pytest.raises(ConfigError, match=r"generate\.retriever\.sources\.manual\.kind"):
        compose(["generate.retriever.sources.manual={kind: wiki, path: x}"], environ={})
