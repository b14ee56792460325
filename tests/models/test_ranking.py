"""Ranking is a pure function against fixed anchors: what may not change it does not, and better is
never worse."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.errors import ConfigError
from srlr.models.ranking import CRITERIA, Candidate, Demands, breaches, rank, sensitivity, shares

DEMANDS = Demands(
    parameters_min_b=3,
    parameters_max_b=8,
    memory_gb=60,
    context_min_tokens=512,
    licences=("mit",),
    latency_max_ms=16,
    cost_max_usd=1,
)
GOOD = Candidate("good", 3.5, 4096, "mit", 50, 8, 0.5, {"ifeval": 0.6, "mmlu_redux": 0.5})

maybe = st.none() | st.floats(0, 40, allow_nan=False)
candidates = st.lists(
    st.builds(
        lambda name, latency, cost, quality: replace(
            GOOD,
            name=name,
            latency_ms=latency,
            cost_usd=cost,
            claims={} if quality is None else {"ifeval": quality},
        ),
        st.text("abcdef", min_size=1, max_size=3),
        maybe,
        maybe,
        st.none() | st.floats(0, 1),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.name,
)
weights = st.dictionaries(st.sampled_from(CRITERIA), st.floats(0.1, 10), min_size=1, max_size=4)


def names(ranked):
    return [one.name for one in ranked]


def test_a_score_is_the_weighted_sum_of_criteria_between_their_anchors():
    one = rank([GOOD], {"latency": 2, "accuracy": 1, "cost": 1}, DEMANDS)[0]

    # latency 1 - 8/(2*16) = 0.75, ifeval 0.6, cost 1 - 0.5/1 = 0.5
    assert one.score == pytest.approx(0.5 * 0.75 + 0.25 * 0.6 + 0.25 * 0.5)


def test_what_is_unknown_is_neutral_and_what_nobody_claims_counts_nothing():
    bare = replace(GOOD, latency_ms=None, cost_usd=None, claims={})
    one = rank([bare], {"latency": 1, "cost": 1, "accuracy": 1}, DEMANDS)[0]

    assert [c.score for c in one.criteria] == [0.0, 0.5, 0.5]  # accuracy, cost, latency
    assert "no source claims ifeval" in one.criteria[0].note


@given(candidates, candidates, weights)
def test_adding_a_candidate_never_changes_the_others_order(some, more, parts):
    both = {one.name: one for one in [*more, *some]}
    alone = names(rank(some, parts, DEMANDS))
    kept = [name for name in names(rank(list(both.values()), parts, DEMANDS)) if name in alone]

    assert kept == alone


@given(candidates, weights, st.randoms())
def test_the_order_of_candidates_does_not_matter(some, parts, random):
    mixed = list(some)
    random.shuffle(mixed)

    assert rank(mixed, parts, DEMANDS) == rank(some, parts, DEMANDS)


@given(candidates, weights, st.sampled_from([0.25, 2, 8, 1024]))
def test_scaling_all_weights_changes_nothing(some, parts, by):
    scaled = {name: weight * by for name, weight in parts.items()}

    assert names(rank(some, scaled, DEMANDS)) == names(rank(some, parts, DEMANDS))


@given(candidates, weights, st.data())
def test_improving_a_fact_never_lowers_the_rank(some, parts, data):
    index = data.draw(st.integers(0, len(some) - 1))
    one = some[index]
    better = replace(
        one,
        latency_ms=one.latency_ms and one.latency_ms * data.draw(st.floats(0, 1)),
        cost_usd=one.cost_usd and one.cost_usd * data.draw(st.floats(0, 1)),
        claims={"ifeval": data.draw(st.floats(one.claims.get("ifeval", 0.0), 1))},
    )
    before = names(rank(some, parts, DEMANDS)).index(one.name)
    after = names(rank([*some[:index], better, *some[index + 1 :]], parts, DEMANDS)).index(one.name)

    assert after <= before


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({}, None),
        ({"parameters_b": 2.9}, "parameters"),
        ({"parameters_b": None}, "parameters"),
        ({"memory_gb": 61}, "memory"),
        ({"latency_ms": 16.1}, "latency"),
        ({"cost_usd": 1.01}, "cost"),
        ({"context_tokens": 511}, "context"),
        ({"context_tokens": None}, "context"),
        ({"licence": "apache-2.0"}, "licence"),
        ({"licence": None}, "licence"),
        ({"for_pay": True}, "for_pay"),
        ({"unobtainable": "offline"}, "weights"),
        ({"latency_ms": None, "cost_usd": None}, None),
    ],
)
def test_each_constraint_excludes_by_itself(change, constraint):
    found = [breach.constraint for breach in breaches(replace(GOOD, **change), DEMANDS)]

    assert found == ([constraint] if constraint else [])


def test_without_a_list_of_licences_only_non_commercial_ones_are_refused():
    open_minded = replace(DEMANDS, licences=())

    assert not breaches(replace(GOOD, licence="llama3.2"), open_minded)
    assert breaches(replace(GOOD, licence="qwen-research"), open_minded)


def test_sensitivity_says_where_the_winner_changes():
    fast = replace(GOOD, name="fast", latency_ms=0, claims={"ifeval": 0.2})
    wise = replace(GOOD, name="wise", latency_ms=32, claims={"ifeval": 0.8})
    ranges = sensitivity(rank([fast, wise], {"latency": 3, "accuracy": 1}, DEMANDS))

    # fast: 1 x + 0.2 (1 - x), wise: 0 x + 0.8 (1 - x); equal at x = 0.6 / 1.6 = 0.375
    by_name = {one.criterion: one for one in ranges}
    assert by_name["latency"].low == pytest.approx(0.375)
    assert by_name["latency"].high == 1.0
    assert by_name["latency"].then == ("wise",)
    assert by_name["accuracy"].high == pytest.approx(0.625)


@given(candidates, weights)
def test_the_weight_in_force_lies_within_its_range(some, parts):
    for one in sensitivity(rank(some, parts, DEMANDS)):
        assert one.low - 1e-9 <= one.weight <= one.high + 1e-9


@pytest.mark.parametrize(
    ("parts", "said"),
    [({"latenzy": 1}, "'latency'"), ({"latency": 0}, "every weight is 0"), ({}, "every weight")],
)
def test_weights_that_weigh_nothing_are_refused(parts, said):
    with pytest.raises(ConfigError) as caught:
        shares(parts)

    assert said in str(caught.value)
