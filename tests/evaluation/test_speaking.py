import math

import pytest

from srlr.evaluation.metrics import METRICS
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("intent", ("greet", "tell"))


def said(*replies, name="Mara"):
    return [
        {
            "task": str(n),
            "prompt": "",
            "text": "",
            "answer": None if reply is None else {"intent": "tell", "reply": reply},
            "gold": {"intent": "tell", "name": name, "max_words": 4, "world": "old"},
        }
        for n, reply in enumerate(replies)
    ]


def figure(word, rows):
    return METRICS[word](rows, SCHEMA)


def test_constraint_pass_is_the_share_of_replies_that_keep_every_rule():
    rows = said("I am a smith.", "I am an old, tired smith.", "My phone!", None)

    assert figure("constraint_pass", rows) == 1 / 4


def test_distinct_n_is_different_runs_over_all_runs():
    rows = said("go on", "go on now", "go", None)

    assert figure("distinct_1", rows) == 3 / 6  # go, on, now; go on go on now go
    assert figure("distinct_2", rows) == pytest.approx(2 / 3)  # go on, on now; go on twice
    assert math.isnan(figure("distinct_2", said("go", None)))


def test_repetition_is_a_mean_over_replies():
    assert figure("repetition", said("go on and go on", "a b c", None)) == pytest.approx(1 / 8)
    assert METRICS["repetition"].lower_is_better


def test_an_answer_without_a_reply_is_none():
    (row,) = said("x")
    row["answer"] = {"intent": "tell"}

    assert figure("constraint_pass", [row]) == 0.0
