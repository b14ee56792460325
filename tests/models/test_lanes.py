"""Rows that come and go."""

import pytest
import tiny
import torch

from srlr.models import lanes
from srlr.models.lanes import Feed, common
from srlr.models.lanes_apart import LanesApart


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def model(tiny_model_folder, request):
    return tiny.load(tiny_model_folder, request.param)


def rows(model):
    return [model.encode(text) for text in tiny.SENTENCES]


def read(held, lane, tokens):
    kept = held.begin(lane, tokens)
    return held.go_on([Feed(lane, tokens[kept:])])[0]


def test_logits_are_those_of_the_network(tiny_model_folder):
    model = tiny.load(tiny_model_folder)
    row = rows(model)[0]
    with torch.inference_mode():
        plain = model.model(torch.tensor([row])).logits[0, -1]

    for held in (lanes.of(model, 2), LanesApart(model, 2)):
        torch.testing.assert_close(read(held, 1, row), plain, atol=1e-4, rtol=1e-4)


def test_a_token_depends_on_nobody_who_shares_its_step(model):
    """Bit for bit: alone; with others that are read, and said, in the same steps."""
    first, *others = rows(model)
    alone = read(lanes.of(model, 1), 0, first)
    held = lanes.of(model, 5)
    for lane, row in enumerate(others, start=1):
        held.begin(lane, row)
    held.begin(0, first)
    held.go_on([Feed(lane, row[:3]) for lane, row in enumerate(others, start=1)])
    half = len(first) // 2
    held.go_on([Feed(0, first[:half]), Feed(1, others[0][3:4]), Feed(2, others[1][3:9])])
    for place in range(half, len(first) - 1):
        held.go_on([Feed(0, first[place : place + 1])])
    last = held.go_on([Feed(3, others[2][3:]), Feed(0, first[-1:]), Feed(4, others[3][3:4])])

    assert torch.equal(last[1], alone)
    assert lanes.exact(lanes.of(model, 4), tiny.VOCABULARY)


def test_what_a_lane_holds_is_taken_over_and_not_read_again(model):
    system = model.encode("The label is positive. ")
    one, other = (system + model.encode(text) for text in ("It was good.", "I was bored."))
    held = lanes.of(model, 2)
    read(held, 0, one)
    model.tally.take()
    shared = read(held, 1, other)

    assert model.tally.take().forward == len(other) - common(one, other)
    assert torch.equal(shared, read(lanes.of(model, 1), 0, other))
    assert torch.equal(read(held, 0, one), read(lanes.of(model, 1), 0, one))


def test_a_prompt_that_is_held_whole_is_read_from_its_last_token(model):
    row = rows(model)[0]
    held = lanes.of(model, 1)
    first = read(held, 0, row)

    assert held.begin(0, row) == len(row) - 1
    assert torch.equal(held.go_on([Feed(0, row[-1:])])[0], first)


def test_a_new_row_begins_where_most_of_it_is_and_else_where_nobody_was_longest(model):
    one, other, third, *_ = rows(model)
    held = lanes.of(model, 3)
    for lane, row in enumerate((one, other)):
        read(held, lane, row)

    assert held.free((), [*other, 5]) == 1
    assert held.free((1,), third) == 2
    assert held.free((2,), third) == 0


def test_the_room_grows_and_rows_stay_what_they_are(model):
    long = [(31 * place) % 300 + 3 for place in range(lanes.GROWS_BY + 40)]
    held, short = lanes.of(model, 2), rows(model)[0]
    read(held, 0, short[:-1])
    grown = read(held, 1, long)

    assert torch.equal(held.go_on([Feed(0, short[-1:])])[0], read(lanes.of(model, 1), 0, short))
    assert torch.equal(grown, read(lanes.of(model, 1), 0, long))


def test_rows_apart_take_over_only_what_is_their_own_beginning(model):
    row = rows(model)[0]
    held = LanesApart(model, 2)
    read(held, 0, row[:5])

    assert held.free((), row) == 0
    assert (held.begin(0, row), held.begin(1, row)) == (5, 0)
    held.go_on([Feed(0, row[5:])])
    assert held.begin(0, [*row[:5], 7, 7]) == 0
