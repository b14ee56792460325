import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.training import pairs


def answer(name, total, outcome=None):
    """One that is known by its only token."""
    right = total if outcome is None else outcome
    return {"text": name, "tokens": [ord(name)], "total": total, "outcome": right}


def names(made):
    return [better["text"] + worse["text"] for better, worse in made]


@pytest.mark.parametrize(
    ("answers", "at_most", "made"),
    [
        ([("a", 0.2), ("b", 0.9), ("c", 0.5)], 1, ["ba"]),
        ([("a", 0.2), ("b", 0.9), ("c", 0.5), ("d", 0.7)], 9, ["ba", "dc"]),
        ([("a", 0.2), ("b", 0.9), ("c", 0.5)], 9, ["ba"]),  # c is left alone
        ([("a", 0.5), ("b", 0.5)], 9, []),  # all equal
        ([("a", 1.0), ("b", 1.0), ("c", 0.0), ("d", 0.0)], 9, ["ad", "bc"]),  # ties keep order
        ([("a", 0.9, 1.0), ("b", 0.1, 1.0)], 9, []),  # both right: shaping alone is no pair
        ([("a", 0.9, 0.0), ("b", 0.1, 1.0)], 9, []),  # the better by total is the wrong one
        ([("a", 0.9, 1.0), ("b", 0.0, 1.0), ("c", 0.3, 0.0)], 9, ["ac"]),  # c is the worst wrong
        ([("a", 0.9), ("a", 0.1)], 9, []),  # the same tokens, whatever they were worth
        ([("a", 0.9), ("b", 0.1), ("a", 0.9), ("b", 0.1)], 9, ["ab"]),
        ([("a", math.nan), ("b", 0.1), ("c", 0.9)], 9, ["cb"]),
        ([("a", math.inf), ("b", 0.1)], 9, []),
        ([("a", 0.9, math.nan), ("b", 0.1)], 9, []),
        ([("a", -1.0), ("b", 0.0)], 9, ["ba"]),  # malformed below wrong
        ([("a", 0.10001), ("b", 0.1)], 9, []),  # spread below 1e-4
        ([("a", 0.9)], 9, []),
        ([], 9, []),
    ],
)
def test_the_best_goes_with_the_worst_whose_outcome_is_lower(answers, at_most, made):
    assert names(pairs.make([answer(*one) for one in answers], at_most, 1e-4)) == made


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1), st.sampled_from([0.0, 0.5, 1.0]))),
    st.integers(1, 4),
)
def test_no_answer_is_in_two_pairs_and_every_pair_goes_down(rows, at_most):
    answers = [
        {"text": str(token), "tokens": [token], "total": total, "outcome": outcome}
        for token, total, outcome in rows
    ]
    made = pairs.make(answers, at_most, 1e-4)
    said = [one["text"] for pair in made for one in pair]

    assert len(set(said)) == len(said)
    assert len(made) <= at_most
    for better, worse in made:
        assert better["total"] > worse["total"]
        assert better["outcome"] > worse["outcome"] + 1e-4


def drawn(asked):
    def draw(chosen):
        asked.append(list(chosen))
        return [{"prompt": index, "reward": 0.0, "pairs": []} for index in chosen]

    return draw


def test_lines_are_written_as_they_are_drawn(tmp_path):
    asked, path = [], tmp_path / "rlvr" / "pairs.jsonl"
    lengths = [len(lines) for lines in pairs.collect(path, 5, 2, drawn(asked))]

    assert asked == [[0, 1], [2, 3], [4]]
    assert lengths == [0, 2, 4, 5]
    assert [json.loads(line)["prompt"] for line in path.read_text().splitlines()] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("there", "rest"), [(2, [[2, 3], [4]]), (4, [[4]]), (5, [])])
def test_what_is_in_the_file_is_not_drawn_again(tmp_path, there, rest):
    path, asked = tmp_path / "pairs.jsonl", []
    steps = pairs.collect(path, 5, 2, drawn([]))
    while len(next(steps)) < there:
        pass
    *_, last = pairs.collect(path, 5, 2, drawn(asked))

    assert asked == rest
    assert [line["prompt"] for line in last] == [0, 1, 2, 3, 4]
