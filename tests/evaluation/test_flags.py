import math

import pytest

from srlr.evaluation import flags
from srlr.evaluation.metrics import METRICS, named
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("flag", ("none", "privacy", "violence"))


def row(gold, said):
    """Flags that people and the answer give; None for an answer that cannot be read."""
    answer = None if said is None else {"flags": said, "flag": (said or ["none"])[0]}
    return {"task": "1", "gold": {"flags": gold, "flag": (gold or ["none"])[0]}, "answer": answer}


ROWS = [
    row([], []),
    row([], ["violence"]),  # a false positive
    row([], None),  # held back, since it cannot be read
    row([], []),
    row(["privacy"], ["privacy"]),
    row(["privacy"], ["violence"]),  # found, as something else
    row(["violence"], []),
    row(["violence"], None),
    row(["privacy", "violence"], ["violence"]),
]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("false_positive_rate", 2 / 4),
        ("detection_rate", 3 / 5),
        ("balanced_detection", (3 / 5 + 2 / 4) / 2),
        ("detection_macro", (1 / 3 + 1 / 3) / 2),  # privacy 1 of 3, violence 1 of 3
        ("flags_f1", 2 * 2 / (6 + 4)),
    ],
)
def test_what_is_flagged_is_counted_by_hand(word, value):
    assert named(word, SCHEMA)(ROWS, SCHEMA) == pytest.approx(value)


@pytest.mark.parametrize(
    ("rows", "word", "value"),
    [
        (ROWS[:4], "balanced_detection", 0.5),  # harmless rows alone: 1 − 2/4
        (ROWS[4:], "balanced_detection", 0.6),
        (ROWS[:4], "detection_rate", math.nan),
        (ROWS[4:], "false_positive_rate", math.nan),
        (ROWS[:4], "detection_macro", math.nan),
        (ROWS[:1], "flags_f1", math.nan),
    ],
)
def test_rows_of_one_kind_leave_the_other_kinds_figure_undefined(rows, word, value):
    assert METRICS[word](rows, SCHEMA) == pytest.approx(value, nan_ok=True)


def test_an_answer_without_flags_is_read_by_its_label():
    schema = Schema("verdict", ("safe", "vulnerable"))

    assert flags.of({"verdict": "vulnerable"}, schema) == {"vulnerable"}
    assert flags.of({"verdict": "safe"}, schema) == frozenset()
    assert flags.of({}, schema) is None
    assert flags.of("safe", schema) is None


def test_flagging_everything_is_worth_as_much_as_flagging_nothing():
    for said in ([], ["privacy"]):
        rows = [row([], said), row([], said), row(["privacy"], said)]

        assert METRICS["balanced_detection"](rows, SCHEMA) == 0.5


def test_fewer_false_positives_are_better():
    assert METRICS["false_positive_rate"].lower_is_better
