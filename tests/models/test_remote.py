import socket

import pytest
import servers

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError, SrlrError
from srlr.models import remote
from srlr.models.remote import Choice, Server

BODY = {"model": "tiny", "prompt": [5], "max_tokens": 1}


@pytest.fixture(scope="module")
def vllm_like(tiny_model_folder):
    with servers.VllmLike(tiny_model_folder) as server:
        yield server


@pytest.fixture
def said(vllm_like):
    """`said(status, text)`: what a server that says just that is understood to say."""

    def ask(status, text, how=None):
        vllm_like.answer = lambda body: (status, text)
        return remote.complete(how or Server(vllm_like.url, retries=0), [BODY])

    yield ask
    vllm_like.answer = None


def test_tokens_are_told_in_three_ways_and_choices_come_in_order(said):
    row = {"text": "a", "finish_reason": "stop"}
    rows = [
        {**row, "index": 2, "token_ids": [7]},
        {**row, "index": 1, "logprobs": {"tokens": ["token_id:8"]}},
        {**row, "index": 0, "logprobs": {"content": [{"id": 9}]}},
        {**row, "index": 3, "finish_reason": "length"},
        {**row, "index": 4, "logprobs": {"tokens": ["a"]}},
    ]

    assert said(200, {"choices": rows}) == [
        [
            Choice("a", [9], True),
            Choice("a", [8], True),
            Choice("a", [7], True),
            Choice("a", None, False),
            Choice("a", None, True),
        ]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        {"choices": []},
        {"choices": "a"},
        {"choices": [5]},
        {"choices": [{"text": None}]},
        {"choices": [{}]},
        {"choices": [{"text": "a", "token_ids": ["x"]}]},
        {"choices": [{"text": "a", "logprobs": {"content": [{}]}}]},
    ],
)
def test_what_is_no_completion_is_named(said, vllm_like, text):
    with pytest.raises(ResourceError, match="no completion") as strange:
        said(200, text)

    assert vllm_like.url in strange.value.what
    assert "end with /v1" in strange.value.hint


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, remote.Refused, "what it names"),
        (401, ConfigError, "rollout.api_key_env=NAME"),
        (403, ConfigError, "rollout.api_key_env=NAME"),
        (404, remote.NotThere, "rollout.model"),
        (422, remote.Refused, "what it names"),
        (429, ResourceError, "rollout.concurrency=4"),
        (500, ResourceError, "goes on from where it was"),
        (503, ResourceError, "goes on from where it was"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words_with_what_to_do(
    said, vllm_like, status, kind, hint
):
    with pytest.raises(kind, match=f"says {status}: too\\s*bad") as refused:
        said(status, {"error": {"message": "too\nbad"}})

    assert vllm_like.url in refused.value.what
    assert hint in refused.value.hint


def test_a_refusal_may_be_of_any_form(said):
    for text in ({"detail": "too bad"}, "too bad", {"error": "too bad"}, ["too bad"]):
        with pytest.raises(SrlrError, match="too bad"):
            said(400, text)


def test_a_wrong_key_is_told_from_none_and_is_never_shown(tiny_model_folder):
    with servers.VllmLike(tiny_model_folder, key="right") as vllm_like:
        with pytest.raises(ConfigError, match="no key was sent"):
            remote.complete(Server(vllm_like.url, retries=0), [BODY])
        server = Server(vllm_like.url, "wrong", "MY_KEY", retries=0)
        with pytest.raises(ConfigError, match=r"\$MY_KEY holds another key") as refused:
            remote.complete(server, [BODY])

    assert "wrong" not in repr(server) + str(refused.value)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(vllm_like):
    busy = [(429, {"error": {"message": "slowly"}}), (503, {"error": {"message": "wait"}})]
    heard = []

    def answer(_):
        row = {"text": "a", "token_ids": [5], "finish_reason": "stop"}
        return busy.pop() if busy else (200, {"choices": [row]})

    vllm_like.answer = answer
    found = remote.complete(Server(vllm_like.url), [BODY], lambda: heard.append(1))
    vllm_like.answer = None

    assert found == [[Choice("a", [5], True)]]
    assert heard == [1]
    assert not busy


def test_a_server_that_is_silent_is_waited_for_so_long(vllm_like):
    vllm_like.answer = lambda body: None
    with pytest.raises(
        ResourceError, match=r"has not answered within 0.2 s, asked 2 times"
    ) as late:
        remote.complete(Server(vllm_like.url, timeout_s=0.2, retries=1), [BODY] * 3)
    vllm_like.answer = None

    assert "rollout.timeout_s" in late.value.hint


def test_where_nobody_listens_the_url_is_named():
    url = f"http://127.0.0.1:{servers.free_port()}/v1"
    with pytest.raises(ResourceError, match=f"nobody answers at {url}, asked 1 times") as gone:
        remote.listed(Server(url, retries=0))

    assert "rollout.url" in gone.value.hint
    assert "rollout.engine=own" in gone.value.hint


def test_what_is_no_server_of_this_kind_is_named():
    """It hangs up on whoever speaks to it."""
    with socket.create_server(("127.0.0.1", 0)) as strange:
        import threading

        def hang_up():
            while True:
                try:
                    strange.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(ResourceError, match="nobody answers"):
            remote.listed(Server(f"http://127.0.0.1:{strange.getsockname()[1]}/v1", retries=0))


def test_a_list_of_models_must_be_one(vllm_like, monkeypatch):
    for rows in ("models", {"data": 5}, {"data": [5]}, {"data": [{"name": "x"}]}):
        monkeypatch.setattr(vllm_like, "models", lambda rows=rows: (200, rows))
        with pytest.raises(ResourceError, match="no completion"):
            remote.listed(Server(vllm_like.url))


def test_the_client_is_an_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(MissingArtifact, match="openai") as missing:
        remote.listed(Server("http://127.0.0.1:9/v1"))

    assert "pip install 'srlr[server]'" in missing.value.hint
