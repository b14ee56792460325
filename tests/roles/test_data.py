import json
import logging
import sys
import types

import pytest
from pydantic import BaseModel, Field

from srlr import assets
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.profile import RoleProfile
from srlr.core.types import Task
from srlr.roles import data, rows, sentiment


class Plain(BaseModel):
    """A text without a label."""

    text: str = Field(min_length=1)


def row(text="It broke.", label="negative", **more):
    return {"text": text, "sentiment": label, **more}


def written(path, values):
    path.write_text("".join(json.dumps(v) + "\n" for v in values), encoding="utf-8")
    return str(path)


def read(spec, limit=2000):
    return data.read(str(spec), sentiment.Schema, limit)


def problems_of(spec, limit=2000):
    with pytest.raises(ConfigError) as caught:
        read(spec, limit)
    return caught.value.what


def test_rows_become_tasks_with_their_own_columns_in_meta(tmp_path):
    spec = written(
        tmp_path / "a.jsonl",
        [row(id="x", group="g", split="dev", confidence=0.7, shop="north", metadata={"stars": 2})],
    )
    (task,) = read(spec).tasks

    assert task.id == "x"
    assert task.prompt == "It broke."
    assert task.answer == {"sentiment": "negative", "confidence": 0.7}
    assert task.meta == {"group": "g", "split": "dev", "shop": "north", "stars": 2}


def test_csv_and_jsonl_give_the_same_tasks(tmp_path):
    spec = written(tmp_path / "a.jsonl", [row(confidence=0.5), row("Fine, really", "positive")])
    table = tmp_path / "a.csv"
    table.write_bytes(
        b"\xef\xbb\xbftext,sentiment,confidence\r\n"
        b'It broke.,negative,0.5\r\n"Fine, really",positive,\r\n'
    )

    assert read(spec).tasks == read(table).tasks


def test_one_label_by_one_person_is_certain(tmp_path):
    (task,) = read(written(tmp_path / "a.jsonl", [row()])).tasks

    assert task.answer["confidence"] == 1.0


def test_splits_are_eighty_ten_ten_stable_and_by_group(tmp_path):
    spec = written(
        tmp_path / "a.jsonl", [row(f"text {n}", group=f"g{n // 2}") for n in range(1000)]
    )
    tasks = read(spec).tasks
    by_group = {}
    for task in tasks:
        by_group.setdefault(task.meta["group"], set()).add(task.meta["split"])

    assert all(len(splits) == 1 for splits in by_group.values())
    assert 740 <= sum(task.meta["split"] == "train" for task in tasks) <= 860
    assert data.split_of("a") == data.split_of("a")


def test_duplicates_are_dropped_and_counted(tmp_path, caplog):
    spec = written(
        tmp_path / "a.jsonl", [row("A b"), row("a B!"), row("a, b", "positive"), row("c")]
    )
    with caplog.at_level(logging.WARNING):
        dataset = read(spec)

    assert [task.prompt for task in dataset.tasks] == ["A b", "c"]
    assert (dataset.duplicates, dataset.conflicts) == (2, 1)
    assert "2 duplicate rows dropped, 1 of them with another answer" in caplog.text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"text": "a"}, "row 2: field 'sentiment' is missing (the row has: text)"),
        ({"sentiment": "neutral"}, "row 2: field 'text' is missing"),
        ({}, "(the row has: nothing)"),
        (row(""), "row 2: 'text' is empty"),
        (row("  "), "row 2: 'text' is empty"),
        (row(None), "row 2: 'text' is empty"),
        (row(label="postive"), "did you mean 'positive'?"),
        (row(label="Positive"), "did you mean 'positive'?"),
        (row(label=7), "row 2: 'sentiment' '7' is not 'positive', 'neutral' or 'negative'"),
        (
            row("x" * 1_000_000),
            "'text' has 1,000,000 characters, role.max_prompt_chars allows 2,000",
        ),
        (row(confidence=1.5), "row 2: 'confidence' '1.5': input should be less than or equal to 1"),
        (row(split="valid"), "row 2: 'split' 'valid' is not train, dev or test"),
        (row("half \ud83d"), "row 2: 'text' has half of a UTF-16 pair"),
        (row(metadata=3), "row 2: 'metadata' '3'"),
        ([1], "row 2: a JSON list, not an object"),
    ],
)
def test_a_bad_row_is_named_with_its_number_and_reason(tmp_path, value, message):
    what = problems_of(written(tmp_path / "a.jsonl", [row("fine"), value]))

    assert "1 of 2 rows cannot be used" in what
    assert message in what
    assert len(what) < 400


def test_all_problems_of_all_rows_are_shown_at_once(tmp_path):
    what = problems_of(
        written(tmp_path / "a.jsonl", [{"text": "", "sentiment": "x"}, {}, row("a")])
    )

    assert "'text' is empty" in what
    assert "'sentiment' 'x' is not" in what
    assert "row 2" in what


def test_after_twenty_bad_rows_only_their_number_is_given(tmp_path):
    what = problems_of(written(tmp_path / "a.jsonl", [{}] * 45))

    assert "row 20:" in what
    assert "row 21:" not in what
    assert "… and 25 more" in what


def test_broken_json_and_broken_utf8_are_named_by_row_and_byte(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"\n\n{"text": "\xff"}\n')
    what = problems_of(path)

    assert "row 1: not JSON" in what
    assert "row 3: byte 11 is not UTF-8 (0xff)" in what


def test_broken_utf8_in_a_table_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,sentiment\nfine,positive\n\xe9t\xe9,neutral\n")

    assert "row 3: byte 1 is not UTF-8 (0xe9)" in problems_of(path)


def test_a_table_with_too_many_cells_or_an_open_quote_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,sentiment\na,neutral,more\n"b')
    what = problems_of(path)

    assert "row 2: 1 more cells than the header has" in what
    assert "row 3: not CSV" in what


def test_a_megabyte_in_a_table_cell_is_too_long_but_readable(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,sentiment\n" + "x" * 1_000_000 + ",neutral\n")

    assert "row 2: 'text' has 1,000,000 characters" in problems_of(path)


def test_a_group_in_two_splits_and_an_id_used_twice_are_refused(tmp_path):
    spec = written(
        tmp_path / "a.jsonl",
        [row("a", id="1", group="g", split="dev"), row("b", id="1", group="g", split="test")],
    )
    what = problems_of(spec)

    assert "group 'g' is in 'dev' and in 'test'" in what
    assert "id '1' is another row's too" in what


@pytest.mark.parametrize("text", ["", "\n \n", "text,sentiment\n"])
def test_a_file_without_rows_is_refused(tmp_path, text):
    path = tmp_path / ("a.csv" if "," in text else "a.jsonl")
    path.write_text(text)

    assert "has no rows" in problems_of(path)


def test_a_missing_file_and_an_unknown_kind_are_told_apart(tmp_path):
    with pytest.raises(MissingArtifact, match="no such file"):
        read(tmp_path / "nothing.jsonl")
    (tmp_path / "a.xlsx").write_bytes(b"")

    with pytest.raises(ConfigError, match=r"'\.xlsx' is not read"):
        read(tmp_path / "a.xlsx")


def tasks():
    return [
        Task("1", "a", {}, {"split": "train", "domain": "reviews", "long": True}),
        Task("2", "b", {}, {"split": "train", "domain": "news", "long": False}),
        Task("3", "c", {}, {"split": "test", "domain": "news"}),
    ]


def test_where_keeps_what_is_listed():
    assert [t.id for t in data.choose(tasks(), {"domain": ["news"]}, "train")] == ["2"]
    assert [t.id for t in data.choose(tasks(), {"long": ["true"]}, "train")] == ["1"]
    assert [t.id for t in data.choose(tasks(), {}, "train")] == ["1", "2"]


@pytest.mark.parametrize(
    ("where", "hint"),
    [({"domian": ["news"]}, "use 'domain'"), ({"domain": ["newz"]}, "use 'news'"),
     ({"domain": ["zzz"]}, "one of: news, reviews")],
)  # fmt: skip
def test_where_with_an_unknown_key_or_value_gets_the_nearest(where, hint):
    with pytest.raises(ConfigError) as caught:
        data.choose(tasks(), where, "train")

    assert caught.value.hint == hint


def test_a_hub_data_sets_files_tell_their_splits(tmp_path, monkeypatch):
    written(tmp_path / "train-00000.jsonl", [row("a")])
    written(tmp_path / "validation.jsonl", [row("b")])
    written(tmp_path / "more.jsonl", [row("c", split="test")])
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **more: str(tmp_path))

    assert {t.prompt: t.meta["split"] for t in read("hub:org/name").tasks} == {
        "a": "train",
        "b": "dev",
        "c": "test",
    }


def test_a_bad_row_of_a_hub_data_set_is_named_with_its_file(tmp_path, monkeypatch):
    written(tmp_path / "train.jsonl", [{}])
    written(tmp_path / "test.jsonl", [row()])
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **more: str(tmp_path))

    assert "train.jsonl row 1: field" in problems_of("hub:org/name")


def test_a_hub_data_set_out_of_reach_says_what_to_do(monkeypatch):
    def offline(name, **more):
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(MissingArtifact) as caught:
        read("hub:org/name")

    assert caught.value.what.endswith("cannot be fetched from the hub: no route to host")
    assert "role.data=./rows.jsonl" in caught.value.hint


def test_a_hub_data_set_without_a_readable_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **more: str(tmp_path))

    with pytest.raises(MissingArtifact, match=r"has no \*\.jsonl"):
        read("hub:org/name")


@pytest.mark.parametrize("spec", ["hub:name", "hub:a/b/c", "hub:../x/y"])
def test_a_hub_id_has_two_parts(spec):
    with pytest.raises(ConfigError, match="is not a data set's id"):
        rows.from_hub(spec)


def parquet(monkeypatch, read_table):
    """A stand-in for pyarrow, which srlr does not install."""
    package, module = types.ModuleType("pyarrow"), types.ModuleType("pyarrow.parquet")
    module.read_table = read_table
    package.parquet = module
    monkeypatch.setitem(sys.modules, "pyarrow", package)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", module)


def test_a_parquet_file_is_read_where_pyarrow_is(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"x")
    table = types.SimpleNamespace(to_pylist=lambda: [row("a"), row("b")])
    parquet(monkeypatch, lambda path: table)

    assert [task.prompt for task in read(tmp_path / "a.parquet").tasks] == ["a", "b"]


def test_a_damaged_parquet_file_is_named(tmp_path, monkeypatch):
    def damaged(path):
        raise OSError("no magic bytes")

    (tmp_path / "a.parquet").write_bytes(b"x")
    parquet(monkeypatch, damaged)

    with pytest.raises(ConfigError, match=r"a\.parquet' is not parquet: no magic bytes"):
        read(tmp_path / "a.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingArtifact) as caught:
        read(tmp_path / "a.parquet")

    assert caught.value.hint == "pip install pyarrow"


def test_the_hub_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(MissingArtifact) as caught:
        read("hub:org/name")

    assert caught.value.hint == "pip install 'srlr[train]'"


def test_the_sentiment_role_takes_its_own_data_or_the_users(tmp_path, monkeypatch):
    def profile(spec):
        return RoleProfile(name="sentiment", family="classification", description="d", data=spec)

    spec = written(tmp_path / "a.jsonl", [row("a", split="train"), row("b", split="dev")])
    assert [t.prompt for t in sentiment.load_tasks(profile(spec), "dev")] == ["b"]

    monkeypatch.setattr(assets, "ensure", lambda name: tmp_path / name)
    monkeypatch.setattr(
        sentiment.vader,
        "read",
        lambda path: (Task("1", path.name, {}, {"split": "train", "domain": "reviews"}),),
    )
    (task,) = sentiment.load_tasks(profile("vader-ground-truth"), "train")

    assert task.prompt == "vader-ground-truth"


def test_columns_are_called_what_the_schema_calls_them():
    row = {"body": "late", "text": "old", "kind": "post"}
    named = data.renamed(row, {"text": "body", "label": "kind", "id": "id"})

    assert named == {"text": "late", "text_": "old", "label": "post"}


def test_two_columns_may_change_places():
    assert data.renamed({"a": 1, "b": 2}, {"a": "b", "b": "a"}) == {"b": 1, "a": 2}


def test_rows_are_prepared_before_they_are_checked(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"body": "late"}')
    found = data.read(
        str(tmp_path / "rows.jsonl"), Plain, 100, lambda row: {"text": row["body"], **row}
    )

    assert [task.prompt for task in found.tasks] == ["late"]
    assert found.tasks[0].meta["body"] == "late"
