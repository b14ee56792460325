import numpy as np
import pytest

from srlr.text.hashed import SIZE, Hashed
from srlr.text.index import Index
from srlr.text.search import Fused, fused
from srlr.text.vectors import Exact, Vectors

TEXTS = ["How do I return a phone?", "Shipping takes three days.", "Phones are dear."]


def test_ranks_are_fused():
    """1/61 + 1/62 for the two that are first and second, 1/63 for the one found once."""
    assert fused([[5, 2], [2, 5, 9]]) == [
        (2, pytest.approx(1 / 62 + 1 / 61)),
        (5, pytest.approx(1 / 61 + 1 / 62)),
        (9, pytest.approx(1 / 63)),
    ]


def test_both_rankings_have_a_say_and_what_is_left_out_stays_out():
    both = Fused([Index(TEXTS), Exact(TEXTS, Vectors(Hashed(), None))])

    assert [one for one, _ in both.nearest("return phone", 2)] == [0, 2]
    assert [one for one, _ in both.nearest("return phone", 2, exclude=[0])] == [2]
    assert both.nearest("xyzzy", 0) == []


def test_hashed_rows_have_length_one_and_share_parts_of_words():
    rows = Hashed().embed(["phones", "phone", "shipping", "...", ""])

    assert rows.shape == (5, SIZE)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert rows[0] @ rows[1] > 0.4 > abs(rows[0] @ rows[2])


def test_hashed_rows_of_no_texts_are_none():
    assert Hashed().embed([]).shape == (0, SIZE)
