import sys
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.types import Step
from srlr.rewards.similarity import MALFORMED, Similarity

few_letters = st.text(alphabet="ab c\u00e9", max_size=60)
some_texts = few_letters | st.text(max_size=60)
MODES = ("char", "word", "token", "lcs")


def code_points(text):
    return [ord(letter) for letter in text]


def how(mode, **options):
    return Similarity(mode, encode=code_points if mode == "token" else None, **options)


@pytest.mark.parametrize(
    ("mode", "said", "expert", "ratio"),
    [
        ("char", "abcd", "abcd", 1.0),  # M = 4, T = 8
        ("char", "abcd", "abxd", 0.75),  # M = 3 (ab, d), T = 8
        ("char", "abcd", "wxyz", 0.0),  # M = 0
        ("char", "ab", "abcdef", 0.5),  # M = 2, T = 8
        ("char", "tide", "diet", 0.25),  # i, t, d and e tie: M = 1 (t, the first of said)
        ("char", "diet", "tide", 0.5),  # M = 2 (d, then e)
        ("char", "axbxcxde", "deabc", 4 / 13),  # M = 2 (de), T = 13
        ("lcs", "axbxcxde", "deabc", 6 / 13),  # M = 3 (a, b, c)
        ("lcs", "abcd", "abxd", 0.75),
        ("word", "add two and three", "add  two\nto three", 0.75),  # M = 3, T = 8
        ("word", "cat", "cats", 0.0),  # words are alike whole or not at all
        ("token", "abcd", "abxd", 0.75),
        ("char", "\U0001f34e\u00e9 3", "\U0001f34e\u00e9 4", 0.75),  # an apple is one character
        ("char", "\u00e9", "e\u0301", 0.0),  # letters are compared as they are written
    ],
)
def test_ratio_is_twice_the_match_over_the_total(mode, said, expert, ratio):
    assert how(mode).ratio(said, expert) == pytest.approx(ratio)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("said", "expert", "ratio"), [("", "", 1.0), ("", "ab", 0.0), ("ab", "", 0.0)]
)
def test_nothing_is_like_nothing_only(mode, said, expert, ratio):
    assert how(mode).ratio(said, expert) == ratio


@given(some_texts, some_texts)
def test_characters_are_matched_as_difflib_matches_them_without_junk(said, expert):
    peer = SequenceMatcher(None, said, expert, autojunk=False)

    assert how("char").ratio(said, expert) == peer.ratio()


@given(some_texts, some_texts)
def test_words_are_matched_as_difflib_matches_them_without_junk(said, expert):
    peer = SequenceMatcher(None, said.split(), expert.split(), autojunk=False)

    assert how("word").ratio(said, expert) == peer.ratio()


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.integers(0, 3), max_size=60))
def test_tokens_are_matched_as_difflib_matches_them_without_junk(said, expert):
    peer = SequenceMatcher(None, said, expert, autojunk=False)
    found = how("token").ratio("".join(map(chr, said)), "".join(map(chr, expert)))

    assert found == peer.ratio()


def test_long_texts_are_matched_as_difflib_matches_them_without_junk():
    """1,080 and 1,026 characters: below the length at which texts are compared in pieces."""
    said = "three times nine is twenty seven, minus six is twenty " * 20
    expert = "three times nine is twenty seven and minus six gives 21 :" * 18
    peer = SequenceMatcher(None, said, expert, autojunk=False)

    assert how("char").ratio(said, expert) == peer.ratio()


def test_without_the_fast_matcher_difflib_gives_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "cydifflib", None)

    # M = 9 (half of with its space, then t), T = 24
    assert how("char").ratio("half of tide", "half of diet") == 0.75


@pytest.mark.parametrize("mode", ["char", "word"])
def test_long_actions_keep_their_signal(mode):
    """difflib's junk heuristic starts at 200 items and would score these pairs near zero."""
    expert = "subtract the cost of the apples from the money that was left " * 18
    said = expert.replace("apples", "pears")
    items = str.split if mode == "word" else str

    assert SequenceMatcher(None, items(said), items(expert)).ratio() < 0.1
    assert how(mode).ratio(said, expert) > 0.9


@pytest.mark.parametrize("mode", MODES)
@given(said=some_texts, expert=some_texts, max_chars=st.integers(1, 80))
def test_a_ratio_is_a_share_and_equal_texts_are_alike_at_any_length(mode, said, expert, max_chars):
    capped = how(mode, max_chars=max_chars)

    assert 0.0 <= capped.ratio(said, expert) <= 1.0
    assert capped.ratio(said, said) == 1.0


@pytest.mark.parametrize("mode", MODES)
@given(said=some_texts, expert=some_texts)
def test_symmetric_is_the_mean_of_both_orders(mode, said, expert):
    plain = how(mode)
    mean = (plain.ratio(said, expert) + plain.ratio(expert, said)) / 2
    both = how(mode, symmetric=True)

    assert both.ratio(said, expert) == pytest.approx(mean)
    assert both.ratio(said, expert) == both.ratio(expert, said)


@given(some_texts, some_texts, st.integers(1, 80))
def test_the_longest_common_subsequence_is_never_less_than_the_blocks(said, expert, max_chars):
    blocks = how("char", max_chars=max_chars).ratio(said, expert)

    assert how("lcs", max_chars=max_chars).ratio(said, expert) >= blocks


@pytest.mark.parametrize(
    ("said", "expert", "ratio"),
    [
        ("abcd", "abxd", 0.75),  # within the cap
        ("abcdabxd", "abcdabcd", 14 / 16),  # pieces abcd and abxd: M = 4 + 3
        ("abcd" + 12 * "z", "abcd", 8 / 20),  # the tail counts, though it is not compared
        ("zzzz" + "abcd", "abcd", 0.0),  # only the first piece has a counterpart
        ("abcd", "abcdefgh", 8 / 12),
    ],
)
def test_a_longer_action_is_compared_piece_by_piece(said, expert, ratio):
    assert how("char", max_chars=4).ratio(said, expert) == pytest.approx(ratio)


def test_a_step_is_worth_the_ratio_of_its_action_whatever_the_reasoning():
    reward = how("char").step_reward(Step("abcd", "because"), Step("abxd"))

    assert reward.value == 0.75
    assert reward.why == "75% of the two actions match"


@pytest.mark.parametrize("said", [None, Step(""), Step(" \n", "much thought")])
def test_a_step_without_an_action_is_malformed(said):
    assert how("char").step_reward(said, Step("abcd")) == MALFORMED
    assert MALFORMED.value == -1.0


def test_a_comparison_is_made_once():
    texts = []

    def encode(text):
        texts.append(text)
        return code_points(text)

    tokens = Similarity("token", encode=encode)
    first = tokens.ratio("abcd", "abxd")

    assert tokens.ratio("abcd", "abxd") == first
    assert Similarity("token", encode=encode).ratio("abcd", "abxd") == first
    assert texts == ["abcd", "abxd"]


def test_what_differs_in_options_is_not_remembered_together():
    assert how("char").ratio("tide", "diet") == 0.25
    assert how("char", symmetric=True).ratio("tide", "diet") == 0.375


def test_tokens_need_a_function_that_makes_them():
    with pytest.raises(ValueError, match="encode"):
        Similarity("token")
