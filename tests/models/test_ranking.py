"""Ranking is a pure function against fixed anchors: what may not change it does not, and better is
never worse."""

from dataclasses import fields, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.errors import ConfigError
from srlr.models.candidate import Candidate, Demands, Observed
from srlr.models.criteria import CRITERIA, FAMILIES, WORDS
from srlr.models.ranking import rank, shares

DEMANDS = Demands(
    parameters_min_b=3,
    parameters_max_b=8,
    memory_gb=60,
    context_min_tokens=512,
    licences=("mit",),
    latency_max_ms=16,
    cost_max_usd=1,
    requests_per_s=4,
    request_max_usd=0.01,
    training_max_usd=75,
    monthly_max_usd=500,
    benchmarks=("mmlu_redux", "gsm8k"),
)
GOOD = Candidate(
    "good",
    parameters_b=3.5,
    context_tokens=4096,
    licence="mit",
    memory_gb=50,
    latency_ms=8,
    cost_usd=0.5,
    claims={"ifeval": 0.6, "mmlu_redux": 0.5},
)

LESS_IS_BETTER = {
    "parameters_b": 8,
    "memory_gb": 60,
    "serving_gb": 60,
    "container_gb": 60,
    "latency_ms": 40,
    "cost_usd": 3,
    "request_usd": 0.02,
    "training_usd": 100,
    "monthly_usd": 900,
    "break_even_months": 40,
    "age_months": 60,
}
"""Field -> the largest value that is drawn."""
MORE_IS_BETTER = {"context_tokens": 9000, "requests_per_s": 20, "facts_stated": 1}
CLAIMS = {
    **dict.fromkeys(("accuracy", "f1", "creativity", "mmlu_redux", "gsm8k", "tool_calling"), 1),
    "hub_downloads_per_month": 2e6,
}
LISTS = {
    "modalities": ("text", "image", "audio", "video"),
    "tuning_methods": ("full", "lora", "qlora"),
    "libraries": ("transformers", "vllm", "llama.cpp"),
}
NO_CRITERION = {"name", "licence", "languages", "for_pay", "unobtainable", "active_b"}
"""Fields that constraints look at, and no score rests on."""
NESTED = {"claims", "observed"}

maybe = {
    field: st.none() | st.floats(0, most, allow_nan=False)
    for field, most in (LESS_IS_BETTER | MORE_IS_BETTER).items()
}
claims = st.fixed_dictionaries(
    {}, optional={name: st.floats(0, most) for name, most in CLAIMS.items()}
)
lists = {
    field: st.lists(st.sampled_from(words), unique=True).map(tuple)
    for field, words in LISTS.items()
}
SHARES = {"accuracy": 1, "f1": 1}
SEEN = {
    field.name: (LESS_IS_BETTER | MORE_IS_BETTER | SHARES)[field.name] for field in fields(Observed)
}
"""What can be measured, and the largest value that is drawn."""
seen = st.builds(
    Observed, **{field: st.none() | st.floats(0, most) for field, most in SEEN.items()}
)
models = st.builds(
    Candidate,
    name=st.text("abcdef", min_size=1, max_size=3),
    claims=claims,
    observed=st.none() | seen,
    **maybe,
    **lists,
)
candidates = st.lists(models, min_size=1, max_size=5, unique_by=lambda one: one.name)
weights = st.dictionaries(st.sampled_from(WORDS), st.floats(0.1, 10), min_size=1, max_size=5)


def names(ranked):
    return [one.name for one in ranked]


def test_a_score_is_the_weighted_sum_of_criteria_between_their_anchors():
    one = rank([GOOD], {"latency": 2, "accuracy": 1, "cost": 1}, DEMANDS)[0]

    # latency 1 - 8/(2*16) = 0.75, ifeval 0.6, cost 1 - 0.5/1 = 0.5
    assert one.score == pytest.approx(0.5 * 0.75 + 0.25 * 0.6 + 0.25 * 0.5)
    assert {c.name: c.weight for c in one.weighed} == {
        "accuracy": 0.25,
        "latency": 0.5,
        "cost": 0.25,
    }


def test_every_fact_of_a_candidate_is_ordered_or_only_constrains():
    said = LESS_IS_BETTER.keys() | MORE_IS_BETTER.keys() | LISTS.keys() | NO_CRITERION

    assert said | NESTED == {field.name for field in fields(Candidate)}


@given(candidates, candidates, weights)
def test_adding_a_candidate_never_changes_the_others_order(some, more, parts):
    both = {one.name: one for one in [*more, *some]}
    alone = names(rank(some, parts, DEMANDS))
    kept = [name for name in names(rank(list(both.values()), parts, DEMANDS)) if name in alone]

    assert kept == alone


@given(candidates, weights, st.randoms())
def test_the_order_of_candidates_and_of_weights_does_not_matter(some, parts, random):
    mixed, order = list(some), list(parts.items())
    random.shuffle(mixed)
    random.shuffle(order)

    assert names(rank(mixed, dict(order), DEMANDS)) == names(rank(some, parts, DEMANDS))


@given(candidates, weights, st.sampled_from([0.25, 2, 8, 1024]))
def test_scaling_all_weights_changes_nothing(some, parts, by):
    scaled = {name: weight * by for name, weight in parts.items()}

    assert rank(some, scaled, DEMANDS) == rank(some, parts, DEMANDS)


@given(candidates, weights, st.data())
def test_improving_any_one_fact_never_lowers_the_rank(some, parts, data):
    index = data.draw(st.integers(0, len(some) - 1))
    one = some[index]
    better = data.draw(improved(one))
    before = names(rank(some, parts, DEMANDS)).index(one.name)
    after = names(rank([*some[:index], better, *some[index + 1 :]], parts, DEMANDS)).index(one.name)

    assert after <= before


@st.composite
def improved(draw, one):
    """`one` with one fact better; a claim that nobody made is made, a longer list is claimed."""
    if one.observed is not None and draw(st.booleans()):
        return replace(one, observed=draw(better_seen(one.observed)))
    field = draw(st.sampled_from([*LESS_IS_BETTER, *MORE_IS_BETTER, *LISTS, *CLAIMS]))
    if field in CLAIMS:
        value = draw(st.floats(one.claims.get(field, 0.0), CLAIMS[field]))
        return replace(one, claims={**one.claims, field: value})
    now = getattr(one, field)
    if field in LISTS:
        return replace(one, **{field: (*now, *(w for w in LISTS[field] if w not in now))})
    if now is None:  # what cannot be computed here is known to nobody here
        return one
    low, high = (0, now) if field in LESS_IS_BETTER else (now, MORE_IS_BETTER[field])
    return replace(one, **{field: draw(st.floats(low, high))})


@st.composite
def better_seen(draw, seen):
    """One measured figure better; what was not measured stays so: measuring is no improvement."""
    field = draw(st.sampled_from(list(SEEN)))
    now = getattr(seen, field)
    if now is None:
        return seen
    low, high = (0, now) if field in LESS_IS_BETTER else (now, SEEN[field])
    return replace(seen, **{field: draw(st.floats(low, high))})


@given(candidates, weights)
def test_an_independent_library_gives_the_same_scores_and_order(some, parts):
    import numpy
    from pymcdm.methods import SPOTIS, WSM

    ranked = rank(some, parts, DEMANDS)
    matrix = numpy.array([[c.score for c in one.weighed] for one in ranked])
    shared = numpy.array([c.weight for c in ranked[0].weighed])
    gains = numpy.ones(len(shared))
    sums = WSM(lambda column, cost=False: column)(matrix, shared, gains, validation=False)
    # distance to the best of all, by the anchors: 1 minus the weighted sum
    ideal = numpy.array([[0.0, 1.0]] * len(shared))
    distances = SPOTIS(ideal)(matrix, shared, gains, validation=False)

    assert sums == pytest.approx([one.score for one in ranked])
    assert 1 - distances == pytest.approx([one.score for one in ranked])
    assert all(a >= b - 1e-9 for a, b in pairwise(sums))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"latenzy": 1}, "'latency'"),
        ({"zzzzzz": 1}, "there is accuracy"),
        ({"latency": 0}, "every weight is 0"),
        ({}, "every weight"),
        ({"latency": -1, "cost": 2}, "not a weight: latency: -1"),
        ({"latency": float("nan")}, "not a weight: latency: nan"),
        ({"latency": float("inf")}, "not a weight: latency: inf"),
    ],
)
def test_weights_that_weigh_nothing_are_refused(parts, said):
    with pytest.raises(ConfigError) as caught:
        shares(parts, "role.weights")

    assert said in str(caught.value)
    assert caught.value.what.startswith("role.weights: ")


def test_a_familys_weight_is_shared_among_its_criteria_evenly():
    found = shares({"cost": 0.3, "performance": 0.7})

    assert found["cost"] == 0.3
    assert {n: w for n, w in found.items() if w and n != "cost"} == pytest.approx(
        dict.fromkeys(("accuracy", "quality", "latency", "throughput"), 0.175)
    )
    assert shares({"operational": 2})["maturity"] == 0.25


def test_there_are_five_families_and_no_criterion_is_in_two():
    assert set(FAMILIES) == {"performance", "resource_fit", "cost", "operational", "capabilities"}
    assert len(CRITERIA) == sum(map(len, FAMILIES.values()))
