import random

from hypothesis import given
from hypothesis import strategies as st

from srlr.text import dedup

WORDS = "the lens is sharp and its battery lasts for days of hard use in cold rain or heat".split()  # noqa: SIM905


def test_case_signs_and_spaces_do_not_make_another_text():
    assert dedup.normalise("Great  PHONE!!") == dedup.normalise("great phone") == "great phone"


def test_a_text_without_words_keeps_its_signs():
    assert dedup.normalise(" :-)  ;( ") == ":-) ;("


def test_shingles_are_neighbouring_pairs_and_a_single_word_is_itself():
    assert dedup.shingles("a b c") == {"a b", "b c"}
    assert dedup.shingles("Wow!") == {"wow"}


def test_jaccard_is_shared_over_all():
    assert dedup.jaccard(frozenset("abc"), frozenset("bcd")) == 0.5  # {b, c} of {a, b, c, d}
    assert dedup.jaccard(frozenset(), frozenset("a")) == 0.0


def test_unique_keeps_the_first_of_each_text():
    assert dedup.unique(["A b", "c", "a B!", "c?"]) == [0, 1]


def test_a_near_copy_is_found_within_and_across():
    long = " ".join(WORDS)  # 17 pairs
    near = long + " indeed"  # 17 of 18 pairs are shared: 0.94
    far = long.replace("battery", "screen")  # 15 of 19: 0.79

    assert dedup.duplicates([long, near, far]) == {1: long}
    assert dedup.repeats([near], [long, far]) == {0: dedup.Match(long, 17 / 18)}


def test_texts_that_are_only_held_out_twice_are_not_reported():
    assert dedup.repeats(["new words"], ["old", "old"]) == {}


@given(st.integers(0, 10_000))
def test_prefix_filtering_finds_what_comparing_all_pairs_finds(seed):
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(WORDS[:5], k=rng.randint(1, 7))) for _ in range(12)]
    found = dedup.duplicates(texts, threshold=0.6)
    kept = [i for i in range(12) if i not in found]

    for i in range(12):
        twins = [
            j
            for j in kept
            if j < i and dedup.jaccard(dedup.shingles(texts[i]), dedup.shingles(texts[j])) >= 0.6
        ]
        assert (i in found) == bool(twins)


def test_repeats_name_the_one_most_alike():
    long = " ".join(WORDS)
    near, same = long + " indeed", long.upper() + "!"
    found = dedup.repeats([long, "other words", same], ["x", near, long])

    assert found == {0: dedup.Match(long, 1.0), 2: dedup.Match(long, 1.0)}
    assert dedup.repeats([long], [near]) == {0: dedup.Match(near, 17 / 18)}
    assert dedup.repeats([long], []) == {}


@given(st.integers(0, 10_000))
def test_repeats_are_what_comparing_all_pairs_finds(seed):
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(WORDS[:5], k=rng.randint(1, 7))) for _ in range(12)]
    mine, theirs = texts[:6], texts[6:]
    found = dedup.repeats(mine, theirs, threshold=0.6)

    for place, text in enumerate(mine):
        alike = [dedup.jaccard(dedup.shingles(text), dedup.shingles(one)) for one in theirs]
        assert (place in found) == (max(alike) >= 0.6)
        if place in found:
            assert found[place].similarity == max(alike)
