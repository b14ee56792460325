import pytest

from srlr.core.errors import MissingArtifact
from srlr.roles import polarity


def count(text):
    return polarity.counted(polarity.hits(polarity.tokens(text)))


def test_the_lexicon_has_signed_words_and_none_that_says_nothing():
    words = polarity.lexicon()

    assert words["love"] == 3.2
    assert all(-4 <= valence <= 4 and valence != 0 for valence in words.values())


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(polarity, "find_spec", lambda name: None)
    polarity.lexicon.cache_clear()
    try:
        with pytest.raises(MissingArtifact) as caught:
            polarity.lexicon()
    finally:
        polarity.lexicon.cache_clear()

    assert caught.value.hint == "pip install 'srlr[train]'"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("great,but slow", ["great", "but", "slow"]),
        ("It's :-) really", ["It's", ":-)", "really"]),
        ("well-made", ["well", "made"]),
        ("don't", ["don't"]),
        ("...", []),
    ],
)
def test_tokens_are_words_and_known_emoticons(text, found):
    assert polarity.tokens(text) == found


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love it", "positive"),  # +3.2
        ("I hate it", "negative"),  # -2.7
        ("a table", "neutral"),
        ("love hate hate", "negative"),  # 3.2 - 5.4
    ],
)
def test_the_count_has_the_sign_of_the_sum(text, label):
    assert count(text) == label


def test_the_strongest_words_come_once_and_in_text_order():
    text = "good love good hate terrible fine"  # 1.9 3.2 1.9 -2.7 -2.1 0.8
    found = polarity.hits(polarity.tokens(text))

    assert polarity.strongest(found, 3) == (("love", "+3"), ("hate", "-3"), ("terrible", "-2"))
    assert polarity.strongest(found, 9)[0] == ("good", "+2")
    assert len(polarity.strongest(found, 9)) == 5


@pytest.mark.parametrize(
    ("kind", "text", "result", "there"),
    [
        ("negation", "I do not love the lens", "negative", True),
        ("negation", "I do not love the lens", "neutral", True),
        ("negation", "there are no problems", "positive", True),
        ("negation", "I love it, and the box which came with it is not red", "negative", False),
        ("negation", "it does not play", "positive", False),  # turns +1.4 down, never up
        ("negation", "it won't eject a disc", "negative", True),  # nothing to turn: it fails
        ("negation", "I love the lens", "negative", False),
        ("contrast", "good lens, however the battery failed", "negative", True),
        ("contrast", "a good lens but a good price", "negative", False),
        ("contrast", "good lens", "negative", False),
        ("contrast", "good in the sun but bad at night", "neutral", True),
        ("intensity", "a fine box", "neutral", True),  # +0.8 only
        ("intensity", "somewhat lovely", "neutral", True),  # +2.8, softened
        ("intensity", "I love and adore it", "neutral", False),
        ("intensity", "good and nice but SO VERY AWFUL", "negative", True),
        ("intensity", "good and nice but awful", "negative", False),
        ("sarcasm", "great, it died after a day!", "negative", True),
        ("sarcasm", "great lens", "negative", False),
        ("sarcasm", "great, it died!", "neutral", False),
        ("implicit", "it died after a day", "neutral", False),
        ("implicit", "cons:", "negative", True),
        ("implicit", "a fine box", "negative", True),
        ("implicit", "I love and adore it", "negative", False),
    ],
)
def test_an_override_needs_its_evidence_in_the_text(kind, text, result, there):
    assert bool(polarity.evidence(kind, text, result)) == there


def test_every_kind_has_a_rule():
    assert set(polarity._RULES) == set(polarity.KINDS)


@pytest.mark.parametrize(
    ("text", "label", "kinds"),
    [
        ("Great, it fell apart!", "negative", ("sarcasm",)),
        ("Great, it fell apart!", "positive", ()),
        ("A good lens and an awful case.", "neutral", ("mixed",)),
        ("A lens.", "neutral", ()),
    ],
)
def test_edge_cases_are_sarcasm_and_mixed_feelings(text, label, kinds):
    assert polarity.edge_cases(text, label) == kinds
