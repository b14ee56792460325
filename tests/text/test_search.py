import math

import numpy as np
import pytest

from srlr.text import search
from srlr.text.hashed import SIZE, Hashed
from srlr.text.index import Index
from srlr.text.search import Both
from srlr.text.vectors import Exact, Vectors

TEXTS = ["How do I return a phone?", "Shipping takes three days.", "Phones are dear."]


class Rows:
    """What vectors would find."""

    def __init__(self, *found):
        self.found = list(found)

    def nearest(self, query, k, exclude=()):
        return [one for one in self.found if one[0] not in exclude][:k]


def test_the_score_is_the_mean_of_both_shares():
    """Two texts of one word each: "b" scores ln 2 of at most 2.2 ln 2; "x" is in none of 2 and
    weighs ln(1 + 2.5 / 0.5), which no text can have.
    """
    both = Both(Index(["a", "b"]), Rows((0, 0.9), (1, 0.4)))
    words = math.log(2) / (2.2 * (math.log(2) + math.log(6)))

    assert both.nearest("b x", 3) == [
        (0, pytest.approx(0.9 / 2)),
        (1, pytest.approx((words + 0.4) / 2)),
    ]


def test_what_one_ranking_did_not_reach_counts_as_its_last(monkeypatch):
    monkeypatch.setattr(search, "DEPTH", 2)
    both = Both(Index(["z", "z", "b"]), Rows((0, 0.8), (1, 0.6)))

    # "b" scores its idf of at most 2.2 times that; its cosine may be as large as the last one told.
    assert both.nearest("b", 2) == [
        (2, pytest.approx((1 / 2.2 + 0.6) / 2)),
        (0, pytest.approx(0.8 / 2)),
    ]


def test_both_rankings_have_a_say_and_what_is_left_out_stays_out():
    both = Both(Index(TEXTS), Exact(TEXTS, Vectors(Hashed(), None)))

    assert [one for one, _ in both.nearest("return phone", 2)] == [0, 2]
    assert [one for one, _ in both.nearest("return phone", 2, exclude=[0])] == [2]
    assert both.nearest("", 3) == []


def test_hashed_rows_have_length_one_and_share_parts_of_words():
    rows = Hashed().embed(["phones", "phone", "shipping", "...", ""])

    assert rows.shape == (5, SIZE)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert rows[0] @ rows[1] > 0.4 > abs(rows[0] @ rows[2])


def test_hashed_rows_of_no_texts_are_none():
    assert Hashed().embed([]).shape == (0, SIZE)
