"""What a hub answers, and what is said about it; over real HTTP."""

import pytest
from hub_like import HubLike

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.models import hub_files


@pytest.fixture
def hub(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HubLike({"config.json": b"{}"}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
        yield server


PATH = "org/Name-1B/resolve/main/config.json"


def test_a_file_comes_with_the_users_token(hub, monkeypatch):
    assert hub_files.get(PATH, "org/Name-1B") == b"{}"
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub_files.get(PATH, "org/Name-1B")

    assert hub.asked == [(f"/{PATH}", None), (f"/{PATH}", "Bearer secret")]


def test_a_redirect_does_not_take_the_token_along(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    with HubLike({}) as elsewhere:
        elsewhere.answers["/weights"] = (200, b"there", {})
        hub.answers[f"/{PATH}"] = (302, b"", {"Location": f"{elsewhere.url}/weights"})

        assert hub_files.get(PATH, "org/Name-1B") == b"there"
        assert elsewhere.asked == [("/weights", None)]


@pytest.mark.parametrize(
    ("status", "code", "kind", "said", "hint"),
    [
        (404, "RepoNotFound", MissingArtifact, "has no repository 'org/Name-1B'", "spelling"),
        (401, "RepoNotFound", MissingArtifact, "or it is private", "HF_TOKEN"),
        (404, "RevisionNotFound", MissingArtifact, "no such revision", "@REVISION"),
        (403, "GatedRepo", MissingArtifact, "its terms for org/Name-1B accepted", "accept them at"),
        (401, "", MissingArtifact, "HTTP 401", "HF_TOKEN to a token"),
        (429, "", ResourceError, "answers HTTP 429", "try again later"),
        (503, "", ResourceError, "answers HTTP 503", "try again later"),
        (418, "", ResourceError, "answers HTTP 418", "check HF_ENDPOINT"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(hub, status, code, kind, said, hint):
    hub.answers[f"/{PATH}"] = (status, b"no", {"X-Error-Code": code} if code else {})
    with pytest.raises(kind, match=said) as error:
        hub_files.get(PATH, "org/Name-1B")

    assert hint in error.value.hint


@pytest.mark.parametrize("headers", [{"X-Error-Code": "EntryNotFound"}, {}])
def test_a_file_that_the_repository_lacks_is_absent(hub, headers):
    hub.answers[f"/{PATH}"] = (404, b"", headers)

    with pytest.raises(hub_files.Absent):
        hub_files.get(PATH, "org/Name-1B")


def test_offline_nobody_is_asked(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ResourceError, match="HF_HUB_OFFLINE is set"):
        hub_files.get(PATH, "org/Name-1B")

    assert hub.asked == []


@pytest.mark.parametrize(
    ("endpoint", "kind", "said"),
    [
        ("http://127.0.0.1:1", ResourceError, "out of reach"),
        ("hub.example", ConfigError, "not a web address"),
    ],
)
def test_no_hub_there(hub, monkeypatch, endpoint, kind, said):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)

    with pytest.raises(kind, match=said):
        hub_files.get(PATH, "org/Name-1B")


def test_a_page_without_end_is_not_kept(hub, monkeypatch):
    monkeypatch.setattr(hub_files, "LIMIT_BYTES", 1)

    with pytest.raises(ResourceError, match="longer than 1 bytes"):
        hub_files.get(PATH, "org/Name-1B")


def test_a_connection_that_breaks_is_told(hub):
    hub.answers[f"/{PATH}"] = (200, b"short", {"Content-Length": "50"})

    with pytest.raises(ResourceError, match="closed 45 bytes too early"):
        hub_files.get(PATH, "org/Name-1B")
