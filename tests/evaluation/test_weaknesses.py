import pytest

from srlr.evaluation.compare import Resampling
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.weaknesses import find, slices

AB = Schema("label", ("a", "b"))
HOW = Resampling(0, 500)


@pytest.fixture
def rows(new_attempt):
    """100 rows; the 30 with a negation are wrong half of the time, all others right."""
    return [
        new_attempt(
            str(n),
            "a",
            "b" if n < 30 and n % 2 else "a",
            meta={"negation": n < 30, "id": f"row {n}", "tags": ["x", "y"] if n % 3 else []},
        )
        for n in range(100)
    ]


def test_the_planted_weakness_is_found_first_and_is_clear(rows):
    worst = find(rows, AB, HOW).slices[0]

    assert (worst.key, worst.value, worst.rows) == ("negation", "yes", 30)
    assert (worst.score, worst.rest, worst.gap) == (0.5, 1.0, -0.5)
    assert worst.low < -0.5 < worst.high < 0
    assert worst.clear


def test_what_is_better_than_the_rest_is_no_weakness(rows):
    assert all(found.gap < 0 for found in find(rows, AB, HOW).slices)
    assert find(rows, AB, HOW, limit=0).slices == ()


def test_ids_are_no_slices_and_lists_count_for_each_member(rows):
    keys = slices(rows, 20).keys()

    assert keys == {("negation", "yes"), ("negation", "no"), ("tags", "x"), ("tags", "y")}


def test_a_slice_needs_enough_rows_on_both_sides(rows):
    assert ("negation", "yes") not in slices(rows, 31)
    assert ("negation", "no") not in slices(rows, 31)


def test_numbers_are_cut_into_thirds_and_nan_is_in_none(new_attempt):
    numbers = [*range(90), float("nan")]
    rows = [new_attempt(str(n), "a", "a", meta={"rating": v}) for n, v in enumerate(numbers)]
    found = slices(rows, 20)

    assert [len(places) for places in found.values()] == [30, 30, 30]
    assert next(iter(found)) == ("rating", "up to 29.7")


def test_the_length_of_prompts_is_always_looked_at(new_attempt):
    rows = [new_attempt(str(n), "a", "a", prompt="word " * n) for n in range(1, 91)]

    assert ("prompt length", "over 60.3 words") in slices(rows, 20)


def test_a_key_of_nothing_but_nan_is_no_slice(new_attempt):
    meta = [{"rating": float("nan")} for _ in range(60)]
    rows = [new_attempt(str(n), "a", "a", meta=m) for n, m in enumerate(meta)]

    assert slices(rows, 20) == {}


def test_rows_without_a_key_are_outside_its_slices(new_attempt):
    rows = [
        new_attempt(str(n), "a", "a", meta={"group": None} if n < 25 else {}) for n in range(50)
    ]

    assert slices(rows, 20)["group", "none"] == frozenset(range(25))
