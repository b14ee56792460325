import random

import pytest

from srlr.text import dedup, minhash

WORDS = [f"w{n}" for n in range(400)]


def texts(count, seed=1):
    """Random texts; every third is an earlier one with a word changed or added."""
    rng = random.Random(seed)
    made = [" ".join(rng.choices(WORDS, k=rng.randint(25, 45))) for _ in range(count)]
    for place in range(2, count, 3):
        words = made[rng.randrange(place)].split()
        words[rng.randrange(len(words))] = rng.choice(WORDS)
        made[place] = " ".join([*words, "too"] if rng.random() < 0.5 else words)
    return made


@pytest.mark.parametrize("threshold", [0.9, 0.8])
def test_it_finds_what_the_exact_search_finds(threshold):
    made = texts(600)

    assert (
        minhash.duplicates(made, threshold=threshold).keys()
        == dedup.duplicates(made, threshold=threshold).keys()
    )
    held_out, train = made[:100], made[100:]
    found = minhash.repeats(train, held_out, threshold)
    assert found == dedup.repeats(train, held_out, threshold)
    assert found


def test_texts_without_words_or_of_one_word_are_handled():
    assert minhash.duplicates(["wow", "", "Wow!", ""]) == {2: "wow"}
    assert minhash.duplicates([]) == {}
    assert minhash.duplicates(["", ""]) == {}


def test_what_is_only_held_out_twice_is_not_reported():
    assert minhash.repeats(["new words"], ["old", "old"]) == {}
    assert minhash.repeats(["!!", "new"], ["?", "!!"]) == {0: dedup.Match("!!", 1.0)}
    assert minhash.repeats(["new words"], []) == minhash.repeats([], ["old"]) == {}


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
def test_bands_miss_a_pair_at_the_threshold_hardly_ever(threshold):
    count, rows = minhash.bands(threshold)

    assert count * rows <= minhash.HASHES
    assert (1 - threshold**rows) ** count <= minhash.MISSED


def test_a_hopeless_threshold_compares_by_single_rows():
    assert minhash.bands(0.01) == (minhash.HASHES, 1)


def test_signatures_estimate_the_similarity():
    one = " ".join(WORDS[:101])
    other = " ".join(WORDS[20:121])  # 80 of 120 pairs: 0.67
    first, second = minhash.signatures([one, other], hashes=1024)

    assert (first == second).mean() == pytest.approx(2 / 3, abs=0.06)
