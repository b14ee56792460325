import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.errors import ConfigError
from srlr.evaluation import metrics
from srlr.evaluation.metrics import METRICS, calibration, confusion, named, per_class
from srlr.evaluation.outcomes import Schema, outcomes

AB = Schema("label", ("a", "b"), "confidence")


@pytest.fixture
def four(new_attempt):
    """a→a, a→b, b→b, b→nothing."""
    return [
        new_attempt("1", "a", "a", confidence=0.9),
        new_attempt("2", "a", "b", confidence=0.6),
        new_attempt("3", "b", "b", confidence=1.0),
        new_attempt("4", "b", None),
    ]


def test_an_unreadable_answer_is_wrong_and_a_miss_for_its_class(four):
    # F1(a) = 2·1/(2+1), F1(b) = 2·1/(2+2)
    assert metrics.accuracy(four, AB) == 0.5
    assert metrics.macro_f1(four, AB) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert metrics.validity(four, AB) == 0.75
    assert confusion(four, AB) == [[1, 1, 0], [0, 1, 1]]


def test_per_class_scores_are_those_worked_out_by_hand(four):
    a, b = per_class(four, AB)

    assert a == {"label": "a", "precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert b == {"label": "b", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}


def test_calibration_skips_rows_without_confidence_and_says_how_many(four):
    # gaps: |0.9 + 1.0 − 2| in the last bin, |0.6 − 0| in the seventh; three rows
    found = calibration(four, AB)

    assert found["without"] == 0.25
    assert found["ece"] == pytest.approx((0.1 + 0.6) / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.0) / 3)
    assert [(b["low"], b["rows"], b["accuracy"]) for b in found["bins"]] == [
        (0.6, 1, 0.0),
        (0.9, 2, 1.0),
    ]


@pytest.mark.parametrize("confidence", [math.nan, None, "high", True, 1.7, -0.1, math.inf])
def test_a_confidence_that_is_no_number_in_0_to_1_counts_as_none(new_attempt, confidence):
    found = calibration([new_attempt("1", "a", "a", confidence=confidence)], AB)

    assert found == {"ece": None, "brier": None, "without": 1.0, "bins": []}


def test_one_class_only_scores_over_the_classes_that_occur(new_attempt):
    rows = [new_attempt("1", "a", "a"), new_attempt("2", "a", "a")]

    assert metrics.macro_f1(rows, AB) == 1.0
    assert per_class(rows, AB)[1] == {
        "label": "b",
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
    }


@pytest.mark.parametrize("said", ["c", ["a"], {"a": 1}, 3, None])
def test_an_answer_the_role_has_no_label_for_is_invalid(new_attempt, said):
    rows = [new_attempt("1", "a", "a", answer={"label": said})]

    assert confusion(rows, AB) == [[0, 0, 1], [0, 0, 0]]
    assert metrics.accuracy(rows, AB) == 0.0


def test_no_attempts_are_an_error_with_a_way_out():
    with pytest.raises(ConfigError, match="no attempts to score") as error:
        metrics.accuracy([], AB)

    assert "role.data" in error.value.hint


@pytest.mark.parametrize("gold", [{"label": "c"}, {}])
def test_a_gold_label_the_role_does_not_know_names_its_task(new_attempt, gold):
    with pytest.raises(ConfigError, match="task '7' has the gold label"):
        metrics.accuracy([{**new_attempt("7", "a", "a"), "gold": gold}], AB)


def test_a_role_without_labels_still_has_accuracy(new_attempt):
    rows = [
        {**new_attempt("1", 42, None), "answer": {"label": 42}},
        {**new_attempt("2", [1, 2], None), "answer": {"label": [1]}},
    ]

    assert metrics.accuracy(rows, Schema("label")) == 0.5


def test_latency_and_tokens_skip_rows_that_lack_them(new_attempt):
    rows = [new_attempt(str(n), "a", "a", latency_s=float(n), tokens=n) for n in range(1, 5)]
    rows.append(new_attempt("5", "a", "a", latency_s=None, tokens=None))

    assert METRICS["latency_mean_s"](rows, AB) == 2.5
    assert METRICS["latency_p50_s"](rows, AB) == 2.5
    assert METRICS["latency_p95_s"](rows, AB) == pytest.approx(3.85)
    assert METRICS["tokens_mean"](rows, AB) == 2.5
    assert math.isnan(METRICS["latency_p50_s"](rows[-1:], AB))


@pytest.mark.parametrize(
    ("word", "schema", "what", "hint"),
    [
        ("macrof1", AB, "no metric 'macrof1'", "'macro_f1'"),
        ("zzz", AB, "no metric 'zzz'", "choose one of accuracy"),
        ("macro_f1", Schema("label"), "needs a fixed set of labels", "role.labels"),
        ("ece", Schema("label", ("a", "b")), "needs a confidence", "role.confidence"),
    ],
)
def test_a_metric_that_cannot_be_meant_is_refused_with_the_nearest(word, schema, what, hint):
    with pytest.raises(ConfigError, match=what) as error:
        named(word, schema)

    assert hint in error.value.hint


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "c", None])), min_size=1)
)
def test_scores_are_those_of_scikit_learn(new_attempt, pairs):
    from sklearn.metrics import accuracy_score, f1_score

    rows = [new_attempt(str(n), gold, said) for n, (gold, said) in enumerate(pairs)]
    schema = Schema("label", ("a", "b", "c"))
    gold, said = [g for g, _ in pairs], [s or "invalid" for _, s in pairs]
    seen = sorted({*gold, *said} - {"invalid"})

    assert metrics.accuracy(rows, schema) == pytest.approx(accuracy_score(gold, said))
    assert metrics.macro_f1(rows, schema) == pytest.approx(
        f1_score(gold, said, labels=seen, average="macro", zero_division=0)
    )


def test_brier_is_that_of_scikit_learn(attempts, schema):
    from sklearn.metrics import brier_score_loss

    rows = [row for row in attempts if row["model"] == "rlvr"]
    o = outcomes(rows, schema)

    assert metrics.brier(rows, schema) == pytest.approx(brier_score_loss(o.correct, o.confidence))


def test_ece_is_the_weighted_gap_of_the_bins(attempts, schema):
    rows = [row for row in attempts if row["model"] == "srl"]
    found = calibration(rows, schema)
    gaps = [b["rows"] * abs(b["accuracy"] - b["confidence"]) for b in found["bins"]]

    assert found["ece"] == pytest.approx(np.sum(gaps) / len(rows))
