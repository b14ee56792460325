import importlib.util

import pytest

from srlr import roles
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.profile import RoleProfile
from srlr.roles.making import writing


def rows(path, count=60, columns="text,label", split=None):
    """Rows of two labels, told by one word."""
    lines = [
        f"the {word} number {n},{label}" + (f",{split}" if split else "")
        for n in range(count // 2)
        for word, label in (("parcel", "post"), ("price", "it's €"))
    ]
    path.write_text("\n".join((columns, *lines)) + "\n", encoding="utf-8")
    return path


def checks(folder, name):
    """The functions of the test that was written."""
    path = folder / f"test_{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [getattr(module, one) for one in dir(module) if one.startswith("test_")]


def test_a_role_from_a_table_passes_the_test_that_is_written_with_it(tmp_path):
    made = writing.make("parcels", tmp_path / "own", rows(tmp_path / "t.csv"))
    found = checks(tmp_path / "own", "parcels")

    assert [path.name for path in made.files] == ["parcels.py", "parcels.yaml", "test_parcels.py"]
    assert sum(made.splits.values()) == 60
    assert made.explained == 1.0
    assert len(found) == 5
    for check in found:
        check()


def test_the_module_holds_the_tables_labels_columns_and_cues(tmp_path):
    writing.make("parcels", tmp_path, rows(tmp_path / "t.csv", columns="mail,kind"))
    profile = RoleProfile(name="parcels", family="classification", description="d", data="x")
    role = roles.load(profile, str(tmp_path))

    assert role.LABELS == ("it's €", "post")
    assert role.COLUMNS == {"text": "mail", "label": "kind"}
    assert role.CUES == {"it's €": ("price",), "post": ("parcel",)}
    assert role.parse("words: price\nit's €") == {"label": "it's €"}


def test_without_a_table_rows_to_begin_with_are_written_and_kept(tmp_path):
    made = writing.make("first", tmp_path)
    (tmp_path / "first.csv").write_text(
        rows(tmp_path / "t.csv").read_text(encoding="utf-8"), encoding="utf-8"
    )
    again = writing.make("first", tmp_path, force=True)

    assert [path.suffix for path in made.files] == [".py", ".yaml", ".py", ".csv"]
    assert made.table.labels == ("normal", "urgent")
    assert sum(made.splits.values()) == 160
    assert len(again.files) == 3
    assert again.table.labels == ("it's €", "post")


def test_nothing_is_written_over_unless_it_is_said(tmp_path):
    path = rows(tmp_path / "t.csv")
    writing.make("parcels", tmp_path, path)
    (tmp_path / "parcels.yaml").write_text("mine")

    with pytest.raises(ConfigError, match=r"there already: .*parcels\.py.*parcels\.yaml") as caught:
        writing.make("parcels", tmp_path, path)
    assert "--force" in caught.value.hint
    assert (tmp_path / "parcels.yaml").read_text() == "mine"
    writing.make("parcels", tmp_path, path, force=True)
    assert (tmp_path / "parcels.yaml").read_text() != "mine"


def test_a_table_that_leaves_a_split_empty_writes_nothing(tmp_path):
    path = rows(tmp_path / "t.csv", columns="text,label,split", split="train")

    with pytest.raises(ConfigError, match="leave none for dev and test"):
        writing.make("parcels", tmp_path / "own", path)
    assert not list((tmp_path / "own").iterdir())


def test_a_label_that_train_never_has_is_named(tmp_path):
    path = rows(tmp_path / "t.csv", columns="text,label,split", split="train")
    extra = [f"more {s} {n},{label},{s}" for s in ("dev", "test") for n in (1, 2) for label in "xy"]
    path.write_text(path.read_text(encoding="utf-8") + "\n".join(extra) + "\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="no training row is x, y"):
        writing.make("parcels", tmp_path, path)


def test_rows_that_the_role_itself_would_refuse_are_refused_before(tmp_path):
    path = rows(tmp_path / "t.csv", columns="text,label,split", split="tomorrow")

    with pytest.raises(ConfigError, match="'split' 'tomorrow' is not train, dev or test"):
        writing.make("parcels", tmp_path, path)


def test_a_folder_that_cannot_be_made_and_a_missing_table_are_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ResourceError) as caught:
        writing.make("parcels", tmp_path / "file" / "own", rows(tmp_path / "t.csv"))
    assert caught.value.hint == "--into another folder"
    with pytest.raises(MissingArtifact):
        writing.make("parcels", tmp_path, tmp_path / "none.csv")


def test_many_words_are_wrapped_and_none_are_an_empty_tuple():
    assert writing._wrapped([]) == "()"
    lines = writing._wrapped([f"word{n}" for n in range(40)]).splitlines()

    assert len(lines) > 4
    assert max(map(len, lines)) <= 100
