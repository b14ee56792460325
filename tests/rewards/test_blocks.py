import random
from difflib import SequenceMatcher

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.rewards import blocks
from srlr.rewards.blocks import common, matched


def by_difflib(a, b):
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def listed(runs):
    return sorted(zip(runs.i.tolist(), runs.j.tolist(), runs.size.tolist(), strict=True))


def test_common_runs_by_hand():
    """Four letters at least: "abcd" at 1 and 2, "cdef" twice in the second text."""
    runs = common("-abcd+cdefg", "..abcd,cdef;cdef!")

    assert runs.q == 4
    assert listed(runs) == [(1, 2, 4), (6, 7, 4), (6, 12, 4)]


def test_a_run_that_is_longer_is_one_run():
    assert listed(common("xabcdefgy", "abcdefg")) == [(1, 0, 7)]


def test_texts_with_nothing_in_common_have_no_runs():
    assert listed(common("a" * 9, "b" * 9)) == []


def test_texts_that_agree_nearly_everywhere_are_left_to_the_other_matcher():
    """One letter only: every place agrees with every other at any q."""
    assert common("a" * 300, "a" * 300) is None
    assert matched("a" * 300, "a" * 300) == 300


def test_a_part_has_the_runs_that_reach_into_it():
    """Of a run of 8 at (2, 0), the part from 5 on has 5 items."""
    runs = common("..abcdefgh", "abcdefgh")
    part = runs.within(slice(5, 10), slice(0, 8))

    assert listed(part) == [(5, 3, 5)]
    assert listed(runs.within(slice(7, 10), slice(0, 8))) == []  # 3 are fewer than q


def test_of_runs_that_are_alike_the_first_comes_first():
    runs = blocks.Runs(*(np.array(column) for column in ([7, 3, 3], [0, 9, 4], [5, 5, 5])), 4)

    assert runs.longest() == (3, 4, 5)


@pytest.mark.parametrize("letters", ["ab", "abcdefgh ", "abcdefghijklmnopqrstuvwxyz äß€𝄞"])
@given(data=st.data(), small=st.sampled_from([0, 16, 200]), most=st.sampled_from([10, 10_000]))
def test_the_blocks_are_difflibs(letters, data, small, most):
    """Whatever is left to the other matcher, and however short the runs are."""
    a = data.draw(st.text(letters, max_size=80))
    b = data.draw(st.text(letters, max_size=80) | st.just(a[20:] + a[:20]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "SMALL", small)
        patched.setattr(blocks, "RUNS", most)

        assert matched(a, b) == by_difflib(a, b)


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.integers(0, 3), max_size=60))
def test_items_may_be_anything(a, b):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "SMALL", 0)

        assert matched(a, b) == by_difflib(a, b)


def test_long_texts_are_matched_as_difflib_matches_them():
    draw = random.Random(3)
    words = ["the", "of", "cost", "price", "apples", "minus", "times", "number", "left", "sum"]
    for change in (0.05, 0.3, 1.0):
        expert = [draw.choice(words) for _ in range(220)]
        said = [draw.choice(words) if draw.random() < change else word for word in expert]
        a, b = " ".join(said), " ".join(expert)

        assert matched(a, b) == by_difflib(a, b)
