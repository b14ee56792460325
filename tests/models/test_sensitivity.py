"""How sure the winner is of the weights: intervals by hand, shares of random weightings by area."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.models.candidate import Candidate, Demands
from srlr.models.ranking import rank
from srlr.models.sensitivity import DRAWS, ranges, wins

DEMANDS = Demands(0, 8, 60, 512, latency_max_ms=16)
WEIGHTS = {"latency": 3, "accuracy": 1}


def model(name, latency_ms, ifeval):
    return Candidate(name, latency_ms=latency_ms, claims={"ifeval": ifeval})


def test_it_says_where_the_winner_changes():
    found = ranges(rank([model("fast", 0, 0.2), model("wise", 32, 0.8)], WEIGHTS, DEMANDS))

    # fast: 1 x + 0.2 (1 - x), wise: 0 x + 0.8 (1 - x); equal at x = 0.6 / 1.6 = 0.375
    by = {one.criterion: one for one in found}
    assert by["latency"].low == pytest.approx(0.375)
    assert by["latency"].high == 1.0
    assert by["latency"].then == ("wise",)
    assert by["accuracy"].high == pytest.approx(0.625)


def test_a_winner_that_is_best_in_everything_stays_whatever_the_weights():
    ranked = rank([model("best", 0, 0.9), model("worst", 32, 0.1)], WEIGHTS, DEMANDS)

    assert [(one.low, one.high, one.then) for one in ranges(ranked)] == [(0.0, 1.0, ())] * 2
    assert wins(ranked) == {"best": 1.0, "worst": 0.0}


def test_random_weights_win_as_often_as_their_share_of_all_weights():
    ranked = rank([model("fast", 0, 0.2), model("wise", 32, 0.8)], WEIGHTS, DEMANDS)
    found = wins(ranked)

    # the weight of latency is uniform on [0, 1], and fast wins above 0.375
    assert found["fast"] == pytest.approx(0.625, abs=0.03)
    assert sum(found.values()) == 1.0
    assert wins(ranked) == found
    assert wins(ranked, seed=1) != found


def test_equal_models_are_decided_as_in_the_ranking():
    ranked = rank([model("b", 8, 0.5), model("a", 8, 0.5)], WEIGHTS, DEMANDS)

    assert ranked[0].name == "a"
    assert wins(ranked) == {"a": 1.0, "b": 0.0}


def test_a_single_criterion_cannot_move_from_all_of_the_weight():
    ranked = rank([model("a", 8, 0.5), model("b", 9, 0.5)], {"latency": 1}, DEMANDS)

    assert [one.criterion for one in ranges(ranked)] == ["latency"]


def test_nobody_to_rank_has_nothing_to_say():
    assert ranges([]) == []
    assert wins([]) == {}


@given(
    st.lists(
        st.tuples(st.floats(0, 32), st.floats(0, 1)), min_size=2, max_size=4, unique_by=lambda t: t
    ),
    st.floats(0.05, 0.95),
)
def test_inside_the_interval_the_winner_stays_and_outside_another_wins(facts, weight):
    some = [model(f"m{place}", *fact) for place, fact in enumerate(facts)]

    def winner(x):
        return rank(some, {"latency": x, "accuracy": 1 - x}, DEMANDS)[0]

    ranked = rank(some, {"latency": weight, "accuracy": 1 - weight}, DEMANDS)
    one = next(r for r in ranges(ranked) if r.criterion == "latency")
    middle = (one.low + one.high) / 2
    best = winner(middle)

    assert best.score == pytest.approx(
        next(
            r.score
            for r in rank(some, {"latency": middle, "accuracy": 1 - middle}, DEMANDS)
            if r.name == ranked[0].name
        ),
        abs=1e-9,
    )
    if one.high < 0.99:
        assert winner(one.high + 0.01).name != ranked[0].name or one.high - one.low < 1e-9


def test_the_number_of_draws_bounds_the_error():
    # a share's standard deviation is at most 0.5 / sqrt(draws)
    assert 2 * 0.5 / DRAWS**0.5 < 0.025
