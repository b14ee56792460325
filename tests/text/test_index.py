import math

import pytest

from srlr.text.index import Index


def test_the_text_with_the_rarer_shared_word_comes_first():
    index = Index(["the dull thing", "the lens", "the other", "a lens cap"])

    assert [position for position, _ in index.nearest("lens cap", 4)] == [3, 1]


def test_the_score_is_bm25():
    """Two texts of one word each: |d| = mean |d|, tf = 1; a hit is worth ln(1 + 1.5 / 1.5)."""
    assert Index(["a", "b"]).nearest("b", 1) == [(1, pytest.approx(math.log(2)))]


def test_excluded_texts_and_texts_without_shared_words_are_not_returned():
    index = Index(["red wine", "red car", "blue sky"])

    assert [p for p, _ in index.nearest("red", 3, exclude=[0])] == [1]
    assert index.nearest("purple", 3) == []


def test_an_empty_index_finds_nothing():
    assert Index([]).nearest("anything", 3) == []
