"""Keys as they are kept."""

import stat

import pytest

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.serving import Keys
from srlr.serving import key_store
from srlr.serving.key_store import parts


@pytest.fixture
def store(tmp_path):
    with key_store.opened(Keys(), tmp_path) as one:
        yield one


def test_a_key_is_kept_without_its_secret(store, tmp_path):
    key, text = store.create("ann", ["infer", "infer"], ["math"])
    id, secret = parts(text)
    file = tmp_path / key_store.FILE

    assert store.all() == [key]
    assert (key.id, key.scopes, key.roles) == (id, ("infer",), ("math",))
    assert key.is_for(secret)
    assert not key.is_for(secret[:-1] + ("a" if secret[-1] != "a" else "b"))
    assert secret.encode() not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text", ["", "srlr_", "srlr_00000000_short", "sk-123", "srlr_0000000g_" * 2]
)
def test_what_is_no_key_has_no_parts(text):
    assert parts(text) is None


def test_a_key_is_over_when_it_was_revoked_or_its_time_is(store):
    key, _ = store.create("ann", ["infer"], expires=100.0)

    assert [key.state(now) for now in (99.0, 100.0)] == ["active", "expired"]
    assert store.revoke(key.id).state(0.0) == "revoked"
    assert store.revoke(key.id) == store.all()[0]


def test_there_is_no_such_key_or_scope(store):
    key, _ = store.create("ann", ["infer"])

    with pytest.raises(MissingArtifact, match="no key") as wrong:
        store.revoke(key.id[:-1] + "z")
    assert key.id in wrong.value.hint
    with pytest.raises(ConfigError, match="no scope 'infr'") as misspelt:
        store.create("ann", ["infr"])
    assert misspelt.value.hint == "--scope infer"


@pytest.mark.parametrize(
    ("scopes", "roles", "asked", "allowed"),
    [
        (("infer",), (), ("infer", "math"), True),
        (("infer",), (), ("swap", "math"), False),
        (("infer", "swap"), ("math",), ("swap", "math"), True),
        (("infer", "swap"), ("math",), ("swap", "codegen"), False),
        (("admin",), (), ("train", None), True),
        (("admin",), ("math",), ("admin", None), False),
        (("admin",), ("math",), ("deploy", "math"), True),
    ],
)
def test_a_key_is_for_its_scopes_and_roles(store, scopes, roles, asked, allowed):
    key, _ = store.create("ann", scopes, roles)

    assert (key.forbids(*asked) is None) is allowed


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / key_store.FILE).write_text("not a database, whatever its name says" * 99)

    with pytest.raises(ResourceError, match=r"keys\.sqlite"), key_store.opened(Keys(), tmp_path):
        pass


def test_keys_in_postgresql_need_an_address(tmp_path, monkeypatch):
    monkeypatch.delenv("KEYS_URL", raising=False)

    with pytest.raises(ConfigError, match="KEYS_URL"):
        key_store.opened(Keys(url_env="KEYS_URL"), tmp_path).__enter__()
