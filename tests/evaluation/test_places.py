import math

import pytest

from srlr.evaluation.compare import interval
from srlr.evaluation.metrics import METRICS
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("verdict", ("safe", "vulnerable"))


def row(gold, said):
    """Findings as (cwe, line); None for an answer that cannot be read."""
    sides = [
        None if side is None else {
            "findings": [{"cwe": cwe, "line": line, "severity": "low"} for cwe, line in side],
            "verdict": "vulnerable" if side else "safe",
        }
        for side in (gold, said)
    ]  # fmt: skip
    return {"task": "1", "gold": sides[0], "answer": sides[1]}


ROWS = [
    row([(89, 3)], [(89, 3)]),
    row([(89, 3)], [(78, 3)]),  # the right line, another weakness
    row([(89, 3)], [(89, 2)]),
    row([(89, 3), (20, 5)], [(89, 3), (89, 3)]),  # said twice
    row([(20, 1)], None),
    row([], [(20, 1)]),
    row([], []),
]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("finding_precision", 2 / 6),
        ("finding_recall", 2 / 6),
        ("finding_f1", 2 * 2 / 12),
        ("line_accuracy", 3 / 6),
        ("false_positive_rate", 1 / 2),
        ("detection_rate", 4 / 5),
    ],
)
def test_findings_are_counted_by_hand(word, value):
    assert METRICS[word](ROWS, SCHEMA) == pytest.approx(value)


def test_nothing_to_find_and_nothing_said_is_undefined():
    assert math.isnan(METRICS["finding_f1"](ROWS[-1:], SCHEMA))
    assert interval(ROWS[-1:], "finding_precision", SCHEMA) is None


@pytest.mark.parametrize("answer", [{"findings": "none"}, {"findings": [1, {}]}, "safe", {}])
def test_what_is_no_list_of_findings_finds_nothing(answer):
    one = {**ROWS[0], "answer": answer}

    assert METRICS["finding_recall"]([one], SCHEMA) == 0


def test_figures_have_intervals():
    found = interval(ROWS, "finding_f1", SCHEMA)

    assert found.low < found.value < found.high
