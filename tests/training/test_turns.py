from hypothesis import given
from hypothesis import strategies as st

from srlr.training.forward import Row
from srlr.training.parallel import World
from srlr.training.turns import Turn, turns

ROWS = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def of(sizes, world, most=60):
    return list(turns([Row([7] * size, [[1, 2]]) for size in sizes], most, None, world))


@given(ROWS, st.integers(1, 4))
def test_every_row_is_read_once_and_teaches(sizes, size):
    found = [turn for rank in range(size) for turn in of(sizes, World(rank, size))]

    assert not any(turn.idle for turn in found)
    assert sorted(place for turn in found for place in turn.places) == list(range(len(sizes)))


@given(ROWS, st.integers(1, 4))
def test_where_weights_are_cut_all_take_as_many_turns_and_teach_the_same(sizes, size):
    plain = [of(sizes, World(rank, size)) for rank in range(size)]
    cut = [of(sizes, World(rank, size, sharded=True)) for rank in range(size)]

    assert len({len(each) for each in cut}) == 1
    assert [[turn for turn in each if not turn.idle] for each in cut] == plain


def test_who_has_nothing_to_read_reads_the_shortest_and_learns_nothing():
    assert of([9, 3], World(2, 3, sharded=True)) == [Turn([1], idle=True)]
