import math
import random

import numpy as np
import pytest
from scipy import stats

from srlr.core.errors import ConfigError
from srlr.evaluation import pairwise
from srlr.evaluation.compare import Resampling, interval, mcnemar, paired
from srlr.evaluation.effects import holm
from srlr.evaluation.outcomes import Schema

HOW = Resampling(1, 4000)


def test_every_two_models_are_held_against_each_other(report):
    both = [(one.model, one.against) for one in report.pairwise]
    known = {(one.model, one.against): one.metrics["macro_f1"] for one in report.tests}

    assert len(both) == 10
    assert ("rlvr", "baseline") in both
    assert ("tfidf", "vader") in both
    assert all(
        one.gap == known[one.model, one.against]
        for one in report.pairwise
        if (one.model, one.against) in known
    )
    assert [one.p_holm for one in report.pairwise] == holm([one.gap.p for one in report.pairwise])


def test_what_one_of_two_has_no_figure_for_has_no_gap(attempts, schema):
    rows = {m: [r for r in attempts if r["model"] == m] for m in ("srl", "rlvr", "vader")}
    found = pairwise.every_two(rows, schema, Resampling(0, 50), "brier")

    assert [(one.gap is None, one.p_holm is None) for one in found] == [
        (False, False),
        (True, True),
        (True, True),
    ]
    assert found[0].p_holm == found[0].gap.p


def test_seconds_and_tokens_are_numpys_percentiles(report, attempts):
    mine = [row for row in attempts if row["model"] == "rlvr"]
    seconds = [row["latency_s"] for row in mine]
    found = report.service["rlvr"]

    assert found.timed == 400
    assert found.latency_s["p99"] == pytest.approx(np.percentile(seconds, 99))
    assert found.tokens["p95"] == pytest.approx(np.percentile([r["tokens"] for r in mine], 95))
    assert found.cost_per_1000_usd is None
    assert report.service["vader"].tokens["p50"] is None


def test_an_answer_that_nobody_timed_has_no_seconds_and_no_cost(new_attempt, schema):
    row = new_attempt("1", "positive", "positive", latency_s=math.nan, tokens=None)
    found = pairwise.service([row], schema, 1.0, writes=True)

    assert found.timed == 0
    assert set(found.latency_s.values()) == set(found.tokens.values()) == {None}
    assert found.cost_per_1000_usd is None


# -- against scipy, on random data -----------------------------------------------------------------

SCHEMA = Schema("label", ("a", "b"))


def answered(right):
    return [
        {"task": str(n), "prompt": "", "answer": {"label": "ab"[not one]}, "gold": {"label": "a"}}
        for n, one in enumerate(right)
    ]


def drawn(seed, size, share):
    draw = random.Random(seed)
    return [draw.random() < share for _ in range(size)]


@pytest.mark.parametrize("seed", range(6))
def test_mcnemars_p_is_scipys_binomial_test(seed):
    one, two = drawn(seed, 60, 0.5), drawn(seed + 99, 60, 0.6)
    flips = mcnemar(answered(one), answered(two), SCHEMA)
    expected = stats.binomtest(flips.fixed, flips.fixed + flips.broken, 0.5).pvalue

    assert flips.p == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_the_paired_p_is_scipys_permutation_test(seed):
    one, two = drawn(seed, 40, 0.5), drawn(seed + 99, 40, 0.7)
    gap = paired(answered(one), answered(two), "accuracy", SCHEMA, HOW)
    known = stats.permutation_test(
        (np.array(two, float), np.array(one, float)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=4000,
        rng=np.random.default_rng(seed),
    )

    assert gap.p == pytest.approx(known.pvalue, abs=0.03)


def test_the_interval_of_a_share_is_scipys_bootstrap():
    right = drawn(4, 80, 0.7)
    mine = interval(answered(right), "accuracy", SCHEMA, HOW)
    known = stats.bootstrap(
        (np.array(right, float),),
        np.mean,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval

    assert (mine.low, mine.high) == pytest.approx((known.low, known.high), abs=0.02)


def test_models_that_were_asked_different_tasks_are_refused():
    with pytest.raises(ConfigError, match="not asked the same tasks"):
        pairwise.every_two(
            {"baseline": answered([True]), "srl": answered([True, True])}, SCHEMA, HOW, "accuracy"
        )
