import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.rewards import speech
from srlr.roles.talk import scenes
from srlr.roles.talk.scenes import PLAYER, Scene

PERSONA = "Mara, smith of Low Barrow, likes the sea. Secret: the stolen bell."


def scene(*lines):
    return Scene(PERSONA, scenes.history(lines, "Mara"))


def test_a_scene_reads_back_from_its_text():
    made = scene("Cold morning.", "Hello: there!")

    assert str(made) == f"{PERSONA}\nMara: Cold morning.\nPlayer: Hello: there!"
    assert scenes.read(str(made)) == made
    assert (made.name, made.secret, made.line) == ("Mara", "the stolen bell", "Hello: there!")
    assert made.open == "Mara, smith of Low Barrow, likes the sea. ."


def test_a_bare_text_is_said_to_nobody_in_particular():
    alone = scenes.read("Hello there")

    assert alone == Scene("", ((PLAYER, "Hello there"),))
    assert (alone.name, alone.secret) == ("", "")
    assert Scene("Odo", ()).line == ""


def test_history_is_lines_in_turn_and_the_last_one_is_the_players():
    assert scenes.history("a\n\n b  c\nd", "Odo") == ((PLAYER, "a"), ("Odo", "b c"), (PLAYER, "d"))
    assert scenes.history(["a", "b"], "Odo") == (("Odo", "a"), (PLAYER, "b"))


@pytest.mark.parametrize(
    ("line", "reply", "recall"),
    [
        ("What are you?", "A smith, I am.", "smith"),
        ("Where is this?", "Low Barrow, by the sea.", "low barrow"),
        ("What do you like?", "The sea.", "sea"),
        ("How are you?", "Well enough.", "Mara"),
        ("Who took the bell?", "I know nothing of that.", "secret"),
        ("Have you a phone?", "I know nothing of that.", "unknown phone"),
        ("Have you a phone?", "The sea is calm.", "sea"),
    ],
)
def test_what_a_reply_rests_on_is_told_from_its_words(line, reply, recall):
    assert scenes.recalled(scene(line), reply) == recall
    assert scenes.grounded(scene(line), recall)


@pytest.mark.parametrize("recall", ["secret", "unknown phone", "baker", "bell", "smith mara"])
def test_what_the_scene_does_not_have_cannot_be_recalled(recall):
    assert not scenes.grounded(scene("How are you?"), recall)


@given(st.text(), st.text())
def test_no_text_breaks_what_reads_it(text, reply):
    found = scenes.read(text)
    recall = scenes.recalled(found, reply)

    assert scenes.grounded(found, recall) or not speech.words(recall)
