import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.rewards import speech

SCENE = {
    "name": "Mara",
    "secret": "the key under the millstone",
    "world": "old",
    "max_words": 8,
    "forbidden": ["Dragon"],
}


@pytest.mark.parametrize(
    ("reply", "does"),
    [
        ("Well met, traveller. Where to?", "greet"),
        ("Oh, hello!", "greet"),
        ("I must go now, thank you.", "part"),
        ("Thanks, friend. More?", "thank"),
        ("And you?", "ask"),
        ("Yeah, it rains.", "agree"),
        ("That is not for me to tell.", "deflect"),
        ("Hello. I know nothing of that.", "deflect"),
        ("I am a smith.", "tell"),
        ("This is the hill.", "tell"),  # "hi" begins no word of it
        ("", "tell"),
    ],
)
def test_a_reply_does_the_first_thing_whose_signs_it_has(reply, does):
    assert speech.act(reply) == does


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ("My name is Mara, well met.", ()),
        ("", ("one_line",)),
        ("One.\nTwo.", ("one_line",)),
        ("one two three four five six seven eight nine", ("length",)),
        ("I'm an AI.", ("in_character", "world")),
        ("As an assistant I cannot.", ("in_character",)),
        ("They call me Odo.", ("own_name",)),
        ("Look at the millstone!", ("secret",)),
        ("I saw a movie.", ("world",)),
        ("A dragon!", ("forbidden",)),
        ("player: hello", ("in_character",)),
    ],
)
def test_every_constraint_that_a_reply_breaks_is_named(reply, names):
    assert speech.broken(reply, SCENE) == names


def test_what_the_scene_does_not_set_is_kept():
    assert speech.broken("My name is Odo, I like movies and dragons under millstones.", {}) == ()
    assert speech.broken("I saw a movie.", {"world": "any"}) == ()


@given(st.text(), st.text())
def test_no_text_breaks_what_judges_it(reply, secret):
    assert speech.act(reply) in speech.ACTS
    assert set(speech.broken(reply, {**SCENE, "secret": secret})) <= set(speech.CONSTRAINTS)
    assert 0.0 <= speech.repeated(reply) <= 1.0


def test_repetition_is_the_share_of_pairs_that_were_said_before():
    assert speech.repeated("go on and go on") == pytest.approx(1 / 4)  # go-on twice of 4 pairs
    assert speech.repeated("go") == 0.0


def test_words_keep_their_apostrophes():
    assert speech.words("The abbot's TWIN, isn't it?") == ["the", "abbot's", "twin", "isn't", "it"]
    assert speech.strange("My phone and my Car") == ["phone", "car"]
    assert speech.telling("the key of Mara") == {"key", "mara"}
