from hypothesis import given
from hypothesis import strategies as st

from srlr.text.dedup import NEAR, jaccard, normalise, shingles
from srlr.text.leaks import CONTAINED, Guard

REVIEW = "The lens is sharp and bright, and the battery lasts for days of hard use in the cold."


def test_a_text_gives_itself_away_however_it_is_written():
    guard = Guard([REVIEW, "Wow!", ":-)"])

    assert guard.gives_away(REVIEW.upper() + "!!")
    assert guard.gives_away("wow")
    assert guard.gives_away(":-)")
    assert not guard.gives_away("Some other text.")


def test_a_near_copy_gives_it_away_and_a_third_of_it_does_not():
    guard = Guard([REVIEW])

    assert guard.gives_away(REVIEW + " Indeed.")  # 17 of 18 pairs
    assert not guard.gives_away("The lens is sharp and bright.")


def test_a_page_that_holds_a_text_gives_it_away_but_not_a_short_one():
    guard = Guard([REVIEW, "great phone"])

    assert guard.gives_away(f"# Reviews\n\n1. {REVIEW}\n\n" + "and much more about it " * 20)
    assert not guard.repeats(f"1. {REVIEW} " + "and much more about it " * 20)
    assert not guard.gives_away("What makes a great phone is not its price, we think.")


def test_the_same_pairs_in_another_order_are_not_the_text():
    guard = Guard(["a b c d e f"])
    jumbled = "d e f x a b y b c z c d " + "and other words that make it long enough to differ"

    assert not guard.gives_away(jumbled)


def test_nothing_gives_nothing_away():
    assert not Guard([]).gives_away(REVIEW)
    assert not Guard([REVIEW]).gives_away("")


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_it_agrees_with_comparing_the_two(one, other):
    held, shown = " ".join(one), " ".join(other)
    inside = len(one) >= CONTAINED and f" {normalise(held)} " in f" {normalise(shown)} "
    near = jaccard(shingles(held), shingles(shown)) >= NEAR

    assert Guard([held]).gives_away(shown) == (near or inside)
