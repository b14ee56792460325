import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.collaboration.teachers import reading

OUTCOME = {
    "label": {"type": "string", "enum": ["warm", "cold"]},
    "sure": {"type": "number", "minimum": 0.0, "maximum": 1.0},
}


def one(name="1", label="warm", sure=0.5, rewards=(0.5, 0.5), **more):
    steps = [{"action": f"do {n}", "reasoning": "r", "reward": r} for n, r in enumerate(rewards)]
    return {
        "id": name,
        "steps": steps,
        "expected_outcome": {"label": label, "sure": sure},
        **more,
    }


def said(*rows):
    return json.dumps({"trajectories": rows})


def test_a_whole_answer_is_read_as_it_is():
    found = reading.read(said(one("1"), one("2", "cold")), ["1", "2"], OUTCOME)

    assert found.wrong == {}
    assert found.found["2"].outcome == {"label": "cold", "sure": 0.5}
    assert [step.reward for step in found.found["1"].steps] == [0.5, 0.5]
    assert found.found["1"].repaired == ()


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("Sure!\n```json\n" + said(one()) + "\n```", ("words around the JSON",)),
        (said(one()).replace("]}", "],}").replace("}]", "},]"), ("commas",)),
        (json.dumps([one()]), ()),
        (json.dumps(one()), ()),
        (said(one(id=1)), ()),
        (said(one(id="first")), ()),  # there is one problem and one trajectory
        (said(one(rewards=(2, 6))), ("rewards",)),
        (said(one(rewards=(0, 0))), ("rewards",)),
        (said(one(rewards=(None, 1))), ("rewards",)),
        (said(one(label=" Warm")), ("outcome",)),
        (said(one(sure="0.5")), ("outcome",)),
        (said(one()).replace('"do 0"', '"do\n0"'), ()),  # a line's end inside a text
    ],
)
def test_what_changes_no_word_is_repaired(text, repaired):
    found = reading.read(text, ["1"], OUTCOME)

    assert found.wrong == {}
    assert found.found["1"].outcome == {"label": "warm", "sure": 0.5}
    assert sum(step.reward for step in found.found["1"].steps) == pytest.approx(1, abs=1e-12)
    assert found.found["1"].repaired == repaired


def test_rewards_are_scaled_in_proportion_or_made_alike():
    def rewards(*given):
        read = reading.read(said(one(rewards=given)), ["1"], OUTCOME).found["1"]
        return [step.reward for step in read.steps]

    assert rewards(2, 6) == [0.25, 0.75]
    assert rewards(0, 0) == [0.5, 0.5]
    assert rewards(None, 0.2, 0.2, 0.2) == [0.25] * 4


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (one(rewards=()), "steps is no list, or an empty one"),
        (one(steps="none"), "steps is no list, or an empty one"),
        (one(steps=[{"action": " "}]), "step 1 has no action"),
        (one(steps=["walk"]), "step 1 has no action"),
        (one(rewards=(0.5, -0.5)), "step 2: reward -0.5 is not from 0 to 1"),
        (one(rewards=("half", 1)), "step 1: reward is no number"),
        (one(rewards=(True,)), "step 1: reward is no number"),
        (one(label="mauve"), "expected_outcome.label is none of warm, cold"),
        (one(label=3), "expected_outcome.label is no string"),
        (one(sure="very"), "expected_outcome.sure is no number"),
        (one(sure=85), "expected_outcome.sure 85 is beyond 1.0"),
        (one(expected_outcome=None), "expected_outcome is no object"),
        (one(expected_outcome={"label": "warm"}), "expected_outcome has no 'sure'"),
    ],
)
def test_what_does_not_fit_is_told(row, why):
    found = reading.read(said(row), ["1"], OUTCOME)

    assert found.found == {}
    assert found.wrong["1"] == why


def test_an_id_that_comes_twice_is_asked_for_again_and_a_missing_one_too():
    found = reading.read(said(one("1"), one("2"), one("1", "cold")), ["1", "2", "3"], OUTCOME)

    assert set(found.found) == {"2"}
    assert found.wrong == {"1": "its id came twice", "3": "it is missing"}


def test_an_id_that_nobody_asked_for_is_none():
    found = reading.read(said(one("1"), one("9")), ["1", "2"], OUTCOME)

    assert set(found.found) == {"1"}
    assert found.wrong == {"": "id '9' is none of 1, 2", "2": "it is missing"}


def test_of_an_answer_that_breaks_off_the_whole_ones_are_kept():
    text = said(one("1"), one("2"), one("3"))
    found = reading.read(text[: text.index('"3"') + 20], ["1", "2", "3"], OUTCOME)

    assert set(found.found) == {"1", "2"}
    assert found.found["1"].repaired == ("cut",)
    assert found.wrong == {"3": "it is missing"}


@pytest.mark.parametrize("text", ["", "   ", "I cannot do that.", "{", "[[[[", '{"a": 1}', "[1]"])
def test_what_is_no_answer_is_told(text):
    found = reading.read(text, ["1", "2"], OUTCOME)

    assert found.found == {}
    assert found.wrong


@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    for answer in (text, '{"trajectories": [' + text):
        found = reading.read(answer, ["1"], OUTCOME)

        assert set(found.found) <= {"1"}
        assert found.found or found.wrong


@given(st.integers(0, 400))
def test_an_answer_cut_anywhere_never_gives_what_was_not_said(cut):
    whole = said(one("1"), one("2", "cold"))
    found = reading.read(whole[:cut], ["1", "2"], OUTCOME).found

    assert all(read.outcome["label"] == ("warm", "cold")[int(n) - 1] for n, read in found.items())


def test_the_schema_names_ids_and_fields():
    schema = reading.schema(["1", "2"], OUTCOME)
    row = schema["properties"]["trajectories"]["items"]

    assert row["properties"]["id"]["enum"] == ["1", "2"]
    assert row["properties"]["expected_outcome"]["required"] == ["label", "sure"]
