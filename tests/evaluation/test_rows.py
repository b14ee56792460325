import csv
import json

import pytest

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.evaluation import rows
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("label", ("a", "b"))


@pytest.fixture
def table(new_attempt):
    """Answers whose texts would be formulas, and one that could not be read."""
    given = [
        new_attempt("1", "a", "a", prompt='=HYPERLINK("http://x")', text="-2+3", meta={"n": [1]}),
        new_attempt("2", "a", "b", prompt='+1, "or"\nnot', text="@cmd", model="rlvr"),
        new_attempt("3", "b", None, prompt="Grüße 你好\x00", latency_s=None),
    ]
    return rows.of_attempts("r", given, SCHEMA)


def test_an_attempt_is_a_row_with_what_was_said_and_what_is_right(table):
    assert " ".join(table[0]) == (
        "run model task prompt text said gold right valid latency_s tokens answer gold_answer meta"
    )
    assert [(one["said"], one["gold"], one["right"]) for one in table] == [
        ("a", "a", True),
        ("b", "a", False),
        (None, "b", False),
    ]
    assert json.loads(table[0]["meta"]) == {"n": [1]}


def test_csv_opens_in_a_spreadsheet_and_runs_nothing(table, tmp_path):
    path = tmp_path / "table.csv"
    rows.write(table, path, "csv")
    raw = path.read_bytes()
    read = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))

    assert raw.startswith(b"\xef\xbb\xbf")  # else Excel reads another encoding
    assert b"\x00" not in raw
    assert [one["prompt"] for one in read] == [
        '\'=HYPERLINK("http://x")',
        '\'+1, "or"\nnot',
        "Grüße 你好\ufffd",
    ]
    assert (read[0]["text"], read[1]["text"]) == ("'-2+3", "'@cmd")
    assert (read[0]["right"], read[2]["said"], read[2]["latency_s"]) == ("true", "", "")
    assert not [one for line in read for one in line.values() if one.startswith(rows._COMMAND)]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "－1"])
def test_what_begins_as_a_formula_becomes_text(text):
    assert rows._safe(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1, 0.5, "1-2", "a=b", " =1", ""])
def test_numbers_and_other_texts_stay(value):
    assert rows._safe(value) == value


def test_json_lines_keep_every_character(table, tmp_path):
    rows.write(table, tmp_path / "t.jsonl", "jsonl")

    assert [json.loads(one) for one in (tmp_path / "t.jsonl").read_text().splitlines()] == table


def test_parquet_holds_the_same_table_with_answers_as_texts(table, new_attempt, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    number = rows.of_attempts("r", [new_attempt("4", "a", 3, text="3")], SCHEMA)
    rows.write([*table, *number], tmp_path / "t.parquet", "parquet")
    read = parquet.read_table(tmp_path / "t.parquet").to_pylist()

    assert number[0]["said"] == 3
    assert read == [*table, {**number[0], "said": "3"}]
    assert [one.name for one in tmp_path.iterdir()] == ["t.parquet"]


def test_parquet_without_its_package_says_which(table, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingArtifact, match="pyarrow") as caught:
        rows.write(table, tmp_path / "t.parquet", "parquet")

    assert "csv" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_trajectory_is_a_row_with_an_action_a_line():
    steps = [{"action": "add: 1 + 1 = 2", "reasoning": "r", "reward": 0.8}, {"action": "answer: 2"}]
    one = {
        "id": "7",
        "problem": "1 + 1?",
        "steps": steps,
        "expected_outcome": {"answer": 2},
        "author": "expert",
        "score": 1.0,
        "issues": ["a", "b"],
    }
    (row,) = rows.of_trajectories("r", [one])

    assert row["steps"] == "add: 1 + 1 = 2\nanswer: 2"
    assert (row["issues"], row["citations"], row["meta"]) == ("a\nb", "", "{}")
    assert json.loads(row["all_steps"]) == steps


def test_nothing_is_no_table():
    with pytest.raises(ConfigError, match="no trajectories"):
        rows.of_trajectories("r", [])
    with pytest.raises(ConfigError):
        rows.of_attempts("r", [], SCHEMA)
