"""srlr roles: list, show, new, as people and as programs read them."""

import json

import pytest

from srlr.cli.app import main


def data(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["data"]


def test_list_shows_every_role_to_people_and_programs(capsys):
    assert main(["roles", "list"]) == 0
    said = capsys.readouterr()
    assert "sentiment" in said.out
    assert "trainable" in said.out
    assert "srlr select" in said.err

    rows = {row["name"]: row for row in data(capsys, "roles", "list")}
    assert rows["dialogue"]["trainable"]
    assert not rows["support"]["trainable"]


def test_show_tells_a_role_and_a_profile(capsys):
    assert main(["roles", "show", "math"]) == 0
    out = capsys.readouterr().out
    assert "metrics: accuracy, validity; the main one is accuracy" in out
    assert "field of a row" in out
    assert "1 for the right number, else 0." in out

    assert main(["roles", "show", "storyteller"]) == 0
    out = capsys.readouterr().out
    assert "a profile only" in out
    assert "field of a row" not in out


def test_show_of_no_role_names_the_nearest(capsys):
    assert main(["roles", "show", "maths"]) == 2
    assert "math" in capsys.readouterr().err


def test_new_writes_a_role_that_show_finds(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"the parcel {n} is lost,post\nthe bill {n} is wrong,money\n" for n in range(30)]
    (tmp_path / "mail.csv").write_text("body,kind\n" + "".join(rows))
    made = data(capsys, "roles", "new", "mail", "--from-csv", "mail.csv", "--into", "my roles")

    assert made["text"] == "body"
    assert made["label"] == "kind"
    assert made["labels"] == ["money", "post"]
    assert made["files"][0] == "my roles/mail.py"
    assert made["next"][1] == "srlr generate role=mail 'role_path=my roles'"
    shown = data(capsys, "roles", "show", "mail", "role_path=my roles")
    assert shown["trainable"]
    assert shown["labels"] == ["money", "post"]

    assert (
        main(["roles", "new", "mail", "--into", "my roles", "--force", "--from-csv", "mail.csv"])
        == 0
    )
    out = capsys.readouterr().out
    assert "texts from column 'body', labels from 'kind': money, post" in out
    assert "wrote my roles/mail.py" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["math"], 2, "there is a role 'math' already"),
        (["Bad-Name"], 2, "srlr roles new bad_name"),
        (["mail", "--from-csv", "none.csv"], 3, "there is no file"),
    ],
)
def test_what_cannot_be_made_is_an_error_with_a_fix(
    tmp_path, capsys, monkeypatch, words, code, said
):
    monkeypatch.chdir(tmp_path)

    assert main(["roles", "new", *words]) == code
    err = capsys.readouterr().err
    assert said in err
    assert "fix: " in err
