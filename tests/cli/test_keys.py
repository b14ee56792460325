"""srlr keys"""

import json

import pytest

from srlr.cli.app import main
from srlr.cli.keys import when
from srlr.core.audit import Audit
from srlr.core.errors import ConfigError


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "eve")
    return tmp_path / "store"


def told(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["data"]


def test_a_key_is_made_shown_once_listed_and_revoked(store, capsys):
    words = ("--name", "ann", "--scope", "infer", "--role", "math", "--expires", "30d")
    made = told(capsys, "keys", "create", *words)
    secret = made["key"].rsplit("_", 1)[1] if made["key"].count("_") == 2 else made["key"][14:]
    listed = told(capsys, "keys", "list")["keys"]

    assert made["key"].startswith(f"srlr_{made['id']}_")
    assert (listed[0]["name"], listed[0]["state"], listed[0]["roles"]) == (
        "ann",
        "active",
        ["math"],
    )
    assert secret not in json.dumps(listed)
    assert main(["keys", "list"]) == 0
    assert secret not in capsys.readouterr().out

    assert told(capsys, "keys", "revoke", made["id"])["state"] == "revoked"
    assert told(capsys, "keys", "list")["keys"][0]["state"] == "revoked"

    log = Audit(store / "audit.jsonl")
    assert [(one.kind, one.by) for one in log.entries()] == [
        ("key.create", "user:eve"),
        ("key.revoke", "user:eve"),
    ]
    assert secret not in log.path.read_text()
    assert log.verify() == []


def test_only_the_key_is_on_stdout(store, capsys):
    assert main(["keys", "create"]) == 0
    out, err = capsys.readouterr()

    assert out.startswith("srlr_")
    assert out.count("\n") == 1
    assert "only time" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "--scope", "infr"), 2, "--scope infer"),
        (("create", "--role", "mth"), 2, "--role math"),
        (("create", "--expires", "2001-01-01"), 2, "is over"),
        (("create", "--expires", "soon"), 2, "is no time"),
        (("create", "--per-minute", "0"), 2, "less than 1"),
        (("revoke", "00000000"), 3, "srlr keys list"),
    ],
)
def test_what_cannot_be_meant_is_refused(store, capsys, words, code, said):
    assert main(["keys", *words]) == code
    assert said in capsys.readouterr().err


def test_with_an_enforced_policy_only_an_admin_makes_keys(store, capsys, monkeypatch):
    admin = told(capsys, "keys", "create", "--scope", "admin")["key"]

    assert main(["keys", "create", "serve.cli_policy=enforce"]) == 4
    monkeypatch.setenv("SRLR_API_KEY", admin)
    assert main(["keys", "create", "serve.cli_policy=enforce"]) == 0


def test_when_a_key_is_over():
    assert when("30m", 0) == 1800
    assert when("2d", 0) == 2 * 86400
    assert when("1970-01-02", 0) == 86400
    with pytest.raises(ConfigError):
        when("1970-01-02", 86400)
