"""Commands under the same policy as requests."""

import pytest

from srlr.cli.app import main
from srlr.core.compose import compose
from srlr.core.serving import Keys
from srlr.serving import key_store
from srlr.serving.permits import Denied, permit


@pytest.fixture
def enforced(tmp_path):
    words = [f"store_dir={tmp_path}", "serve.cli_policy=enforce"]
    return compose(words, environ={}).settings


def made(tmp_path, *scopes, roles=()):
    with key_store.opened(Keys(), tmp_path) as store:
        key, text = store.create("ann", scopes, roles)
    return key, text


def test_an_open_policy_and_a_store_without_keys_allow_everything(tmp_path, enforced, monkeypatch):
    monkeypatch.setenv("USER", "eve")
    open_ = compose([f"store_dir={tmp_path}"], environ={}).settings

    assert permit(enforced, "deploy", "math") == "user:eve"
    made(tmp_path, "infer")
    assert permit(open_, "deploy", "math") == "user:eve"


def test_an_enforced_one_wants_a_key_that_is_for_it(tmp_path, enforced, monkeypatch):
    key, text = made(tmp_path, "deploy", roles=["math"])
    monkeypatch.delenv("SRLR_API_KEY", raising=False)
    with pytest.raises(Denied, match="holds no key"):
        permit(enforced, "deploy", "math")

    monkeypatch.setenv("SRLR_API_KEY", text)

    assert permit(enforced, "deploy", "math") == f"key:{key.id}"
    with pytest.raises(Denied, match="not for the role 'codegen'"):
        permit(enforced, "deploy", "codegen")
    with pytest.raises(Denied, match="has not the scope 'swap'"):
        permit(enforced, "swap", "math")

    monkeypatch.setenv("SRLR_API_KEY", text[:-2] + "xx")
    with pytest.raises(Denied, match="not known"):
        permit(enforced, "deploy", "math")

    with key_store.opened(Keys(), tmp_path) as store:
        store.revoke(key.id)
    monkeypatch.setenv("SRLR_API_KEY", text)
    with pytest.raises(Denied, match="is revoked"):
        permit(enforced, "deploy", "math")


def test_srlr_deploy_asks_for_a_key_before_anything_else(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("SRLR_API_KEY", raising=False)
    made(tmp_path, "deploy")

    assert main(["deploy", f"store_dir={tmp_path}", "serve.cli_policy=enforce"]) == 4
    assert "SRLR_API_KEY" in capsys.readouterr().err
