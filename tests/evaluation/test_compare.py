import time

import numpy as np
import pytest

from srlr.core.errors import ConfigError
from srlr.evaluation import compare
from srlr.evaluation.compare import (
    Resampling,
    align,
    independent,
    interval,
    mcnemar,
    paired,
    pooled_paired,
)
from srlr.evaluation.outcomes import Schema, outcomes

AB = Schema("label", ("a", "b"), "confidence")
HOW = Resampling(seed=1, samples=2000)


@pytest.fixture
def of(attempts):
    """The rows of one model."""
    return lambda model: [row for row in attempts if row["model"] == model]


def answers(new_attempt, pattern, start=0):
    """One row a character: '+' is right, '-' is wrong."""
    return [
        new_attempt(str(n), "a", "a" if sign == "+" else "b")
        for n, sign in enumerate(pattern, start)
    ]


def test_two_thousand_resamples_of_400_items_take_less_than_two_seconds(of, schema):
    start = time.perf_counter()
    interval(of("srl"), "macro_f1", schema, HOW)
    took = time.perf_counter() - start

    assert took < 2.0


def test_the_interval_of_accuracy_is_that_of_scipy(of, schema):
    from scipy.stats import bootstrap

    rows = of("rlvr")
    ours = interval(rows, "accuracy", schema, HOW)
    theirs = bootstrap(
        (outcomes(rows, schema).correct,),
        np.mean,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(0),
    ).confidence_interval

    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_the_interval_of_macro_f1_is_that_of_resampled_rows(of, schema):
    """The matrix product against the plain way: draw rows, call the metric."""
    from srlr.evaluation.metrics import macro_f1

    rows = of("srl")
    draw = np.random.default_rng(5)
    plain = [
        macro_f1([rows[i] for i in draw.integers(0, len(rows), len(rows))], schema)
        for _ in range(400)
    ]
    ours = interval(rows, "macro_f1", schema, HOW)

    assert ours.value == macro_f1(rows, schema)
    assert (ours.low, ours.high) == pytest.approx(
        tuple(np.quantile(plain, [0.025, 0.975])), abs=0.012
    )


def test_the_same_seed_gives_the_same_interval_in_any_chunks(of, schema, monkeypatch):
    whole = interval(of("srl"), "macro_f1", schema, HOW)
    monkeypatch.setattr(compare, "CHUNK", 400 * 300)

    assert interval(of("srl"), "macro_f1", schema, HOW) == whole
    assert interval(of("srl"), "macro_f1", schema, Resampling(2, 2000)) != whole


def test_an_undefined_figure_has_no_interval(of, schema):
    assert interval(of("vader"), "ece", schema, HOW) is None
    assert independent(of("vader"), of("srl"), "ece", schema, HOW) is None


def test_a_wider_level_gives_a_wider_interval(of, schema):
    narrow = interval(of("srl"), "accuracy", schema, Resampling(1, 2000, 0.8))
    wide = interval(of("srl"), "accuracy", schema, Resampling(1, 2000, 0.99))

    assert wide.low < narrow.low < narrow.high < wide.high


def test_equal_answers_differ_by_exactly_nothing(of, schema):
    rows = of("srl")
    gap = paired(rows, list(reversed(rows)), "macro_f1", schema, HOW)

    assert (gap.value, gap.low, gap.high, gap.p) == (0.0, 0.0, 0.0, 1.0)


def test_a_paired_interval_is_narrower_than_an_unpaired_one(of, schema):
    gap = paired(of("srl"), of("rlvr"), "accuracy", schema, HOW)
    loose = independent(of("srl"), of("rlvr"), "accuracy", schema, HOW)

    assert gap.value == pytest.approx(loose.value)
    assert gap.value == pytest.approx(gap.second - gap.first)
    assert gap.high - gap.low < loose.high - loose.low


def test_the_permutation_p_is_that_of_scipy(new_attempt):
    from scipy.stats import permutation_test

    first = answers(new_attempt, "+-" * 12 + "--------")
    second = answers(new_attempt, "++" * 12 + "--+---+-")
    theirs = permutation_test(
        (outcomes(second, AB).correct, outcomes(first, AB).correct),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=5000,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    some = paired(
        first, answers(new_attempt, "++" * 3 + "+-" * 9 + "-----+--"), "accuracy", AB, HOW
    )

    assert paired(first, second, "accuracy", AB, HOW).p == pytest.approx(theirs.pvalue, abs=0.002)
    assert some.p == pytest.approx(2 / 2**4, abs=0.02)  # four flips, all one way


@pytest.mark.parametrize(
    ("first", "second", "fixed", "broken"),
    [("----", "++++", 4, 0), ("-+-+-", "+-+++", 3, 1), ("+-", "+-", 0, 0), ("-+", "+-", 1, 1)],
)
def test_mcnemar_is_a_binomial_test_of_the_flips(new_attempt, first, second, fixed, broken):
    from scipy.stats import binomtest

    flips = mcnemar(answers(new_attempt, first), answers(new_attempt, second), AB)
    n = fixed + broken

    assert (flips.fixed, flips.broken) == (fixed, broken)
    assert flips.p == pytest.approx(binomtest(fixed, n, 0.5).pvalue if n else 1.0)


def test_mcnemar_of_thousands_of_flips_is_a_number(new_attempt):
    flips = mcnemar(answers(new_attempt, "-" * 3000), answers(new_attempt, "+" * 3000), AB)

    assert 0.0 <= flips.p < 1e-300


def test_pooling_one_run_thrice_is_no_more_certain_than_once(of, schema):
    once = paired(of("srl"), of("rlvr"), "accuracy", schema, HOW)
    thrice = pooled_paired([(of("srl"), of("rlvr"))] * 3, "accuracy", schema, HOW)

    assert (thrice.value, thrice.low, thrice.high) == pytest.approx(
        (once.value, once.low, once.high)
    )
    assert thrice.p == once.p
    assert thrice.runs == (once.value,) * 3


def test_pooling_runs_of_other_tasks_is_more_certain(of, schema, new_attempt):
    def renamed(rows, mark):
        return [{**row, "task": f"{mark}-{row['task']}"} for row in rows]

    once = paired(of("srl"), of("rlvr"), "accuracy", schema, HOW)
    runs = [(renamed(of("srl"), mark), renamed(of("rlvr"), mark)) for mark in "xyz"]
    pooled = pooled_paired(runs, "accuracy", schema, HOW)

    assert pooled.high - pooled.low < 0.75 * (once.high - once.low)


def test_a_pooled_difference_is_the_mean_over_runs(new_attempt):
    runs = [
        (answers(new_attempt, "----"), answers(new_attempt, "++--")),
        (answers(new_attempt, "----", 2), answers(new_attempt, "----", 2)),
    ]
    gap = pooled_paired(runs, "accuracy", AB, HOW)

    assert gap.value == 0.25
    assert gap.runs == (0.5, 0.0)


def test_models_asked_different_tasks_are_not_compared(new_attempt):
    with pytest.raises(ConfigError, match="not asked the same tasks: 2 are in only one") as error:
        align(answers(new_attempt, "++"), answers(new_attempt, "++", 1))

    assert "evaluate" in error.value.hint


def test_a_task_answered_twice_is_named(new_attempt):
    rows = answers(new_attempt, "+++")

    with pytest.raises(ConfigError, match="task '1' was answered twice"):
        align([*rows, rows[1]], rows)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda rows: pooled_paired([], "accuracy", AB), "no runs to pool"),
        (lambda rows: interval([], "accuracy", AB), "no attempts"),
        (lambda rows: interval(rows, "latency_p95_s", AB), "has no interval"),
        (lambda rows: paired(rows, rows, "nonsense", AB), "no metric 'nonsense'"),
        (lambda rows: Resampling(samples=0), "make no interval"),
        (lambda rows: Resampling(level=1.0), "make no interval"),
        (
            lambda rows: paired(
                [{**r, "answer": None} for r in rows], rows, "ece", AB, Resampling(0, 10)
            ),
            "undefined for one of the models",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(new_attempt, call, what):
    with pytest.raises(ConfigError, match=what):
        call(answers(new_attempt, "+-"))
