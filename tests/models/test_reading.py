import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.models import reading
from srlr.models.reading import nesting, part, reading_order, shared_prefix

rows_and_tokens = st.integers(1, 6).flatmap(
    lambda rows: st.lists(
        st.tuples(st.integers(0, rows - 1), st.integers(0, 3)), min_size=1, max_size=12
    )
)


@given(rows_and_tokens)
def test_samples_stay_together_as_long_as_they_say_the_same(now):
    rows, said = zip(*now, strict=True)
    sources, new, placed = part(rows, said)

    assert [(sources[row], new[row]) for row in placed] == now
    assert len(sources) == len(set(now)) == len(set(placed))
    moved = {row for row, source in enumerate(sources) if row != source}
    assert not moved & {sources[row] for row in moved}  # nothing is overwritten before it is read
    stay = {row for row in rows if row < len(sources)}
    assert stay == set(range(len(sources))) - moved


def test_parting_by_hand():
    """Row 0 parts in two, row 1 has ended, row 2 goes on, row 3 from the end fills the gap of 1."""
    assert part([0, 0, 2, 3], [7, 8, 7, 7]) == ([0, 0, 2, 3], [7, 8, 7, 7], [0, 1, 2, 3])
    assert part([0, 0, 2, 3], [7, 7, 7, 7]) == ([0, 3, 2], [7, 7, 7], [0, 0, 2, 1])


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([[1, 2, 3]], 2),  # a prompt keeps one token of its own
        ([[1, 2, 3], [1, 2, 3]], 2),
        ([[1, 2, 3], [1, 2]], 1),
        ([[1, 2, 3], [1]], 0),
        ([[1, 2, 3], [4, 2, 3]], 0),
        ([[1, 2, 9, 9], [1, 2, 3, 9], [1, 2, 5, 9, 9]], 2),
    ],
)
def test_the_shared_prefix_is_what_all_prompts_begin_with(prompts, shared):
    assert shared_prefix(prompts) == shared


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6), min_size=1, max_size=6))
def test_the_shared_prefix_is_common_and_cannot_be_longer(prompts):
    shared = shared_prefix(prompts)
    heads = [{tuple(prompt[:size]) for prompt in prompts} for size in (shared, shared + 1)]

    assert len(heads[0]) == 1
    assert shared == min(map(len, prompts)) - 1 or len(heads[1]) > 1


@pytest.mark.parametrize(
    ("prompts", "hosts"),
    [
        ([[1, 2], [1, 3]], [0, 1]),
        ([[1], [1, 2], [1, 2, 3]], [2, 2, 2]),
        ([[1, 2, 3], [1], [4], [1, 2]], [0, 0, 2, 0]),
        ([[1], [1, 3], [1, 2]], [2, 1, 2]),  # in one of two, not in both
        ([[1, 2], [1, 2], [1]], [1, 1, 1]),
    ],
)
def test_a_prompt_is_read_in_one_that_begins_with_it(prompts, hosts):
    assert nesting(prompts) == hosts


beginnings = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=5), min_size=1, max_size=8)


@given(beginnings)
def test_all_that_is_read_are_prompts_that_no_other_begins_with(prompts):
    hosts = nesting(prompts)

    for prompt, host in zip(prompts, hosts, strict=True):
        assert prompts[host][: len(prompt)] == prompt
        assert hosts[host] == host
    whole = [prompts[host] for host in sorted(set(hosts))]
    assert all(other is own or other[: len(own)] != own for own in whole for other in whole)


@given(beginnings)
def test_prompts_that_are_read_together_are_neighbours_and_lengths_ascend(prompts):
    order = reading_order(prompts)
    hosts = [nesting(prompts)[p] for p in order]
    seen = list(dict.fromkeys(hosts))

    assert sorted(order) == list(range(len(prompts)))
    assert hosts == sorted(hosts, key=seen.index)
    assert [len(prompts[host]) for host in seen] == sorted(len(prompts[host]) for host in seen)
    if len(seen) == len(prompts):
        assert order == sorted(range(len(prompts)), key=lambda p: len(prompts[p]))


@pytest.mark.parametrize(
    ("lengths", "together"),
    [
        ([10], [(0, 1)]),
        ([10, 13], [(0, 2)]),  # 1.3 times the shortest is just together
        ([10, 14], [(0, 1), (1, 2)]),
        ([10, 11, 13, 14, 18, 19], [(0, 3), (3, 5), (5, 6)]),  # 1.3 · 14 = 18.2
        ([1, 1, 2], [(0, 2), (2, 3)]),
    ],
)
def test_prompts_of_similar_length_are_read_together(lengths, together):
    assert [(run.start, run.stop) for run in reading.runs(lengths)] == together


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20).map(sorted))
def test_every_prompt_is_read_once_and_padded_by_little(lengths):
    runs = [lengths[run] for run in reading.runs(lengths)]

    assert [length for run in runs for length in run] == lengths
    assert all(run[-1] <= reading.PADDED_AT_MOST * run[0] for run in runs)
