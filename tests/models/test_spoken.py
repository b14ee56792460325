"""Pieces of an answer that are whole."""

import pytest
import tiny

from srlr.models.spoken import Spoken


@pytest.fixture(scope="module")
def words(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def told(words, tokens, stops=(), before=()):
    """The parts, the last of them with what was held back."""
    spoken, parts = Spoken(words, stops, before), []
    for token in tokens:
        part = spoken.add(token)
        if part is not None:
            parts.append(part)
            if part.ended:
                return parts
    return [*parts, spoken.rest()]


@pytest.mark.parametrize("text", ["plain words", "Ñandú 🎉😀 ok", "日本語", "\n\n  two spaces"])
def test_every_part_but_the_last_is_whole_and_together_they_are_all(words, text):
    tokens = words.encode(text)
    parts = told(words, tokens)

    assert "".join(part.text for part in parts) == text
    assert [token for part in parts for token in part.tokens] == tokens
    assert not any("\ufffd" in part.text for part in parts)


@pytest.mark.parametrize("cut", range(1, 12))
def test_who_goes_on_after_a_part_says_the_rest(words, cut):
    tokens = words.encode("Ñandú 🎉😀 and then some")
    parts = told(words, tokens)[:cut]
    before = [token for part in parts for token in part.tokens]
    rest = told(words, tokens[len(before) :], before=before)

    assert "".join(part.text for part in (*parts, *rest)) == "Ñandú 🎉😀 and then some"


@pytest.mark.parametrize(
    ("text", "stops", "left"),
    [
        ("one two three", ("two",), "one "),
        ("one two three", ("e t",), "on"),  # inside words
        ("one\n\ntwo", ("\n\n",), "one"),
        ("one\ntwo", ("\n\n",), "one\ntwo"),  # began like it, and was told after all
        ("a END b", ("END", " EN"), "a"),  # the one that is whole first
        ("tw", ("two",), "tw"),
    ],
)
def test_a_stop_text_and_what_may_become_one_are_not_told(words, text, stops, left):
    parts = told(words, words.encode(text), stops)

    assert "".join(part.text for part in parts) == left
    assert parts[-1].ended == (left != text)


def test_a_stop_text_has_the_fewest_tokens_that_make_it_whole(words):
    tokens = words.encode("so END")
    parts = told(words, [*tokens, *words.encode(" and more")], ("END",))

    assert [token for part in parts for token in part.tokens] == tokens


def test_a_stop_token_is_told_without_text(words):
    tokens = [*words.encode("good"), words.stop_token]
    parts = told(words, tokens)

    assert [token for part in parts for token in part.tokens] == tokens
    assert (parts[-1].text, parts[-1].ended) == ("", True)


def test_half_a_letter_at_the_end_is_told_as_such(words):
    tokens = words.encode("ok 🎉")[:-1]

    assert "".join(part.text for part in told(words, tokens)) == words.decode(tokens)
