import math

import pytest

from srlr.core.errors import ConfigError
from srlr.evaluation import flags, tables
from srlr.evaluation.compare import Resampling
from srlr.evaluation.metrics import METRICS, falls, named
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
    ("word", "value"),
    [
        ("detection_rate_privacy", 1 / 3),
        ("detection_rate_violence", 1 / 3),
        ("false_positive_rate_privacy", 2 / 6),  # of 6 rows without it, two cannot be read
        ("false_positive_rate_violence", 3 / 6),  # one harmless, one of privacy, one unread
    ],
)
def test_every_category_has_its_own_figures_by_hand(word, value):
    assert named(word, SCHEMA)(ROWS, SCHEMA) == pytest.approx(value)


def test_less_is_better_of_false_positives_whatever_their_category():
    assert falls("false_positive_rate_privacy")
    assert falls("false_positive_rate")
    assert not falls("detection_rate_privacy")
    assert not falls("avg_at_k")


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (("none", "privacy", "violence"), "detection_rate_none"),
        (("safe", "vulnerable"), "detection_rate_vulnerable"),  # it is detection_rate
        (("a", "b", "c"), "detection_rate_a"),  # nothing says that there is nothing
        (("none", "privacy", "violence"), "detection_rate_privcy"),
    ],
)
def test_only_categories_of_a_role_that_flags_have_figures(labels, word):
    with pytest.raises(ConfigError, match="there is no metric") as caught:
        named(word, Schema("flag", labels))

    assert "detection_rate" in caught.value.hint


def test_a_table_has_every_category_with_intervals():
    rows = [{**one, "task": str(n)} for n, one in enumerate(ROWS * 4)]
    found = tables.categories_of({"srl": rows}, SCHEMA, Resampling(0, 200))["srl"]

    assert [(one.category, one.rows) for one in found] == [("privacy", 12), ("violence", 12)]
    assert found[0].detected.value == pytest.approx(1 / 3)
    assert found[0].detected.low < 1 / 3 < found[0].detected.high
    assert found[1].false_positives.value == pytest.approx(1 / 2)
    assert tables.categories_of({"srl": rows}, Schema("flag", ("a", "b")), Resampling()) == {}


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
