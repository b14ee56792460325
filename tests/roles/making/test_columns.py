import json

import pytest

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.roles.making import columns


def table(path, *rows):
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_columns_are_known_by_their_names(tmp_path):
    rows = [f"{n},long words of no use {n},the parcel {n} is late,{'ab'[n % 2]}" for n in range(4)]
    found = columns.read(table(tmp_path / "t.csv", "n,notes,Body,Category", *rows))

    assert (found.text, found.label, found.labels) == ("Body", "Category", ("a", "b"))
    assert found.rows[1] == {
        "n": "1",
        "notes": "long words of no use 1",
        "Body": "the parcel 1 is late",
        "Category": "b",
    }


def test_without_known_names_the_longest_texts_and_the_fewest_values_are_taken(tmp_path):
    rows = [f"{n},to be or not {n},a {n},{'xy'[n % 2]},{'pqr'[n % 3]}" for n in range(12)]
    found = columns.read(table(tmp_path / "t.csv", "a,b,c,d,e", *rows))

    assert (found.text, found.label) == ("b", "d")


def test_columns_that_are_named_are_taken(tmp_path):
    rows = [f"one {n},two {n} words,{n % 2},{n % 3}" for n in range(12)]
    path = table(tmp_path / "t.csv", "text,other,label,class", *rows)

    assert columns.read(path, "other", "class").text == "other"
    assert columns.read(path, "other", "class").labels == ("0", "1", "2")
    assert columns.read(path, label="class").text == "text"
    assert columns.read(path, text="other").label == "label"


def test_lines_of_json_are_a_table_too(tmp_path):
    rows = [{"text": f"it is {n}", "label": n % 2, "more": None} for n in range(4)]
    found = columns.read(table(tmp_path / "t.jsonl", *map(json.dumps, rows)))

    assert found.labels == ("0", "1")
    assert found.longest == 2000


def test_a_long_text_raises_what_the_role_allows(tmp_path):
    rows = [f"{'long ' * 500}{n},{n % 2}" for n in range(4)]

    assert columns.read(table(tmp_path / "t.csv", "text,label", *rows)).longest == 2501


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ((), "has no rows"),
        (("text,label",), "has no rows"),
        (("text;label", "a b;x", "a c;y"), "separated by ';'"),
        (("text,label", "a b,x,more", "a c,y"), "1 more cells than the header has"),
        (("text,label", '"a b,x'), "not CSV"),
        (("text,label", "a b,x", "a c,x"), "no column looks like labels"),
        (("n,label", *("1,x", "2,y") * 2), "no column looks like texts"),
        (("text,label", *("a b,x", "a c,y") * 2, ",x", "a d,"), "2 problems"),
        (("text,label", *("a b,x", "a c,X") * 2), "'X' and 'x' are one label"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, rows, what):
    with pytest.raises(ConfigError, match=what):
        columns.read(table(tmp_path / "t.csv", *rows))


@pytest.mark.parametrize(
    ("text", "label", "what", "hint"),
    [
        ("txt", None, "has no column 'txt': it has text, label, rare", "--text text"),
        (None, "zzz", "has no column 'zzz'", "--label with one of these"),
        ("label", "label", "cannot be text and label at once", "name two columns"),
        (None, "text", "60 different values", "--label COLUMN"),
        (None, "same", "one label only, 'one'", "--label COLUMN"),
        (None, "rare", "is no label: one line", "shorten it"),
    ],
)
def test_a_column_that_cannot_be_meant_says_why(tmp_path, text, label, what, hint):
    rows = [f"it is {n},{'xy'[n % 2]},{'long' * 20},one" for n in range(60)]
    rows[0] = rows[0].replace("long" * 20, "short")
    path = table(tmp_path / "t.csv", "text,label,rare,same", *rows)

    with pytest.raises(ConfigError) as caught:
        columns.read(path, text, label)
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_many_bad_rows_are_counted(tmp_path):
    rows = ["a b,x", "a c,y"] * 30 + ["a d,"] * 30

    with pytest.raises(ConfigError, match=r"30 problems\n(.*\n)+  … and 10 more"):
        columns.read(table(tmp_path / "t.csv", "text,label", *rows))


def test_a_file_that_is_not_there_or_not_a_table_is_told(tmp_path):
    with pytest.raises(MissingArtifact, match="no file"):
        columns.read(tmp_path / "none.csv")
    with pytest.raises(ConfigError, match=r"'\.xlsx' is not read"):
        columns.read(table(tmp_path / "t.xlsx", "x"))
