"""Answers of servers that speak OpenAI's protocol: llama.cpp's own, and our gateway as one of them.

What a real model does not do when a test wants it (to be slow, to be busy, to fail in mid-answer),
the gateway does over its scripted backend.
"""

import asyncio
import json
import signal
import threading
import time
import urllib.request
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import llama
import pytest
from gateways import SAID, Gatewayed, Scripted, serve, wait_for
from servers import free_port
from serving.living import answered, text, tokens

from srlr.core.errors import ConfigError, ResourceError
from srlr.serving import elsewhere, workers
from srlr.serving.asked import Ask, Busy, Gone, Late, Refused
from srlr.serving.elsewhere import Elsewhere
from srlr.serving.spec import Spec

KEY = "a-secret"
CHAT = ({"role": "user", "content": "The food was bad."},)


@pytest.fixture(scope="module")
def url(tiny_gguf):
    with llama.process(tiny_gguf, key=KEY) as (_, url):
        yield url


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    settings = serve(limits={"key_per_minute": None})
    with Gatewayed(tmp_path_factory.mktemp("gateway"), Scripted(), settings) as one:
        one.key = one.keys.create("srlr", ["infer"])[1]
        assert wait_for(lambda: one.state.keyring.keys)  # until then it asks nobody for one
        yield one


@pytest.fixture
def scripted(gateway, monkeypatch):
    """The gateway as a server elsewhere, whose backend a test may change."""
    backend, (address, key) = gateway.backend, (f"{gateway.url}/v1", gateway.key)
    gateway.worker = lambda key=key, model="sentiment": Elsewhere(spec(address), key, model)
    gateway.asked = lambda one, key=key, model="sentiment": asked(address, one, key, model)
    monkeypatch.setenv("GATEWAY_KEY", key)
    yield gateway
    backend.pace_s, backend.fails, backend.fails_after = 0.0, None, 0


def spec(url, model=None, api_key_env=None):
    return Spec(Path(), "toy", "v1", "openai", url=url, model=model, api_key_env=api_key_env)


def ask(max_tokens=12, **how):
    how.setdefault("messages", CHAT)
    return Ask("a", "toy", max_tokens=max_tokens, **how)


def asked(url, one, key=KEY, model="smollm2"):
    """The pieces of an answer of a worker that is closed then."""

    async def ask_and_close():
        worker = Elsewhere(spec(url), key, model)
        try:
            return await answered(worker, one)
        finally:
            await worker.stop(0)

    return asyncio.run(ask_and_close())


def by_itself(url, path="chat/completions", **body):
    """What the server says where it is asked without us, not streamed."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    data = json.dumps({"model": "smollm2", "temperature": 0, **body}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{path}", data, headers)) as said:
        return json.load(said)


def test_a_worker_is_ready_when_the_server_has_answered_and_finds_its_only_model(url, monkeypatch):
    monkeypatch.setenv("THE_KEY", KEY)

    async def begun():
        worker = await workers.start(spec(url, None, "THE_KEY"), Path("unused"), timeout_s=60)
        told, name = await worker.health(), worker.model
        await worker.stop(1)
        with pytest.raises(Gone, match="closed"):
            await answered(worker, ask())
        with pytest.raises(Gone):
            await worker.health()
        return told, name, worker.alive, repr(worker)

    told, name, alive, shown = asyncio.run(begun())

    assert (told["state"], told["running"], told["release"]) == ("ready", 0, "toy@v1")
    assert (name, alive) == ("smollm2", False)
    assert KEY not in shown


def test_an_answer_is_the_servers_own_and_is_counted(url):
    whole = by_itself(url, messages=CHAT, max_tokens=12)
    pieces = asked(url, ask())

    assert len(pieces) > 3
    assert text(pieces) == whole["choices"][0]["message"]["content"]
    assert tokens(pieces) == ()
    last = pieces[-1]
    assert last.finish == whole["choices"][0]["finish_reason"] == "length"
    usage = whole["usage"]
    assert (last.prompt_tokens, last.untold) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert not any(piece.prompt_tokens or piece.untold for piece in pieces[:-1])


def test_a_stop_text_ends_it(url):
    whole = text(asked(url, ask(20)))
    word = whole[len(whole) // 2 :][:3]

    pieces = asked(url, ask(20, stop=(word,)))

    assert (text(pieces), pieces[-1].finish) == (whole.partition(word)[0], "stop")


def test_a_bare_prompt_goes_on(url):
    whole = by_itself(url, "completions", prompt="The plot was", max_tokens=6)
    pieces = asked(url, ask(6, messages=(), prompt="The plot was"))

    assert text(pieces) == whole["choices"][0]["text"]
    assert pieces[-1].prompt_tokens == whole["usage"]["prompt_tokens"]


def test_draws_depend_on_the_seed(url):
    one, again, other = (
        text(asked(url, ask(16, temperature=1.0, top_p=0.9, top_k=50, seed=seed)))
        for seed in (4, 4, 5)
    )

    assert one == again != other


def test_a_schema_is_the_servers_to_keep(url):
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}
    pieces = asked(url, ask(200, schema={**schema, "additionalProperties": False}))

    assert json.loads(text(pieces))["a"] in ("x", "y")


def test_what_somebody_else_began_is_not_gone_on_with(url):
    with pytest.raises(Gone, match="begun elsewhere"):
        asked(url, ask(delivered=(7, 8)))


def test_a_prompt_that_the_server_does_not_take_is_refused(url):
    with pytest.raises(Refused, match="says 400"):
        asked(url, ask(messages=({"role": "user", "content": "word " * 5000},)))


def test_a_wrong_key_is_not_the_clients_fault_and_says_where_to_look(url, monkeypatch):
    with pytest.raises(Gone, match="says 401") as wrong:
        asked(url, ask(), key=None)
    assert "workers.api_key_env=NAME" in wrong.value.hint

    monkeypatch.setenv("THE_KEY", "another")
    for model in (None, "smollm2"):
        with pytest.raises(ResourceError, match="says 401") as wrong:
            asyncio.run(elsewhere.start(spec(url, model, "THE_KEY"), timeout_s=60))
        assert "THE_KEY" in wrong.value.hint
        assert "another" not in wrong.value.what


@pytest.mark.parametrize(
    ("how", "what"),
    [
        (spec(None), "needs a url"),
        (spec("http://127.0.0.1:1/v1", "m", "NOT_SET"), "has no NOT_SET"),
    ],
)
def test_settings_that_cannot_work_are_told_before_anything_is_asked(how, what):
    with pytest.raises(ConfigError, match=what):
        asyncio.run(elsewhere.start(how, timeout_s=5))


def test_a_server_with_several_models_wants_one_named(scripted):
    with pytest.raises(ConfigError, match="has the models sentiment, sentiment@v1") as wrong:
        asyncio.run(elsewhere.start(spec(f"{scripted.url}/v1", None, "GATEWAY_KEY"), timeout_s=20))
    assert wrong.value.hint.endswith("workers.model=NAME")


def test_where_nothing_listens_or_something_else_does_no_worker_starts():
    with pytest.raises(ResourceError, match="is gone: Cannot connect"):
        asyncio.run(elsewhere.start(spec(f"http://127.0.0.1:{free_port()}", "m"), timeout_s=20))

    http = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    address = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.raises(ResourceError, match="says 501"):
            asyncio.run(elsewhere.start(spec(address, "m"), timeout_s=20))
        with pytest.raises(ConfigError, match="does not say which models"):
            asyncio.run(elsewhere.start(spec(address), timeout_s=20))
    finally:
        http.shutdown()
        http.server_close()


def test_a_server_that_does_not_answer_in_time_is_no_worker(scripted):
    scripted.backend.pace_s = 5.0
    how = spec(f"{scripted.url}/v1", "sentiment", "GATEWAY_KEY")
    with pytest.raises(ResourceError, match=r"did not answer within 0\.5 s"):
        asyncio.run(elsewhere.start(how, timeout_s=0.5))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_dies_in_mid_answer_is_gone_and_what_came_is_kept(tiny_gguf, how):
    came = []

    async def hear(worker, process):
        async for piece in worker.answer(ask(1500)):
            if not came:
                process.send_signal(how)
            came.append(piece)

    async def cut(process, url):
        worker = Elsewhere(spec(url), None, "smollm2")
        try:
            with pytest.raises(Gone):
                await hear(worker, process)
            process.wait(30)
            with pytest.raises(Gone):
                await worker.health()
            return worker.running
        finally:
            await worker.stop(0)

    with llama.process(tiny_gguf) as (process, url):
        running = asyncio.run(cut(process, url))

    assert came
    assert all(piece.finish is None for piece in came)
    assert running == 0


def test_an_error_in_the_middle_of_a_stream_is_no_end(scripted):
    scripted.backend.fails, scripted.backend.fails_after = Gone("its worker was killed"), 2

    with pytest.raises(Gone):
        scripted.asked(ask())


def test_a_server_that_has_no_room_says_for_how_long(scripted):
    _, key = scripted.keys.create("ann", ["infer"], per_minute=1)

    assert text(scripted.asked(ask(), key)) == SAID
    with pytest.raises(Busy) as busy:
        scripted.asked(ask(), key)
    assert 1 < busy.value.retry_after_s <= 61


def test_an_unknown_model_is_the_settings_fault(scripted):
    with pytest.raises(Gone, match="says 404") as wrong:
        scripted.asked(ask(), model="no-such-model")
    assert "model" in wrong.value.hint


def test_a_deadline_or_leaving_ends_it_there_too(scripted):
    backend = scripted.backend
    backend.pace_s, before = 0.15, scripted.backend.freed
    with pytest.raises(Late):
        scripted.asked(ask(deadline=time.time() - 1))
    with pytest.raises(Late):
        scripted.asked(ask(deadline=time.time() + 0.4))
    assert wait_for(lambda: backend.freed == before + 1)

    async def leave():
        worker = scripted.worker()
        asking = asyncio.create_task(answered(worker, ask()))
        while not backend.open:
            await asyncio.sleep(0.01)
        busy = worker.running
        asking.cancel()
        await asyncio.wait([asking])
        left = worker.running
        await worker.stop(0)
        return busy, left

    assert asyncio.run(leave()) == (1, 0)
    assert wait_for(lambda: backend.freed == before + 2)


def test_a_worker_that_is_stopped_finishes_what_it_has_begun(scripted):
    scripted.backend.pace_s = 0.05

    async def drain():
        worker = scripted.worker()
        begun = asyncio.create_task(answered(worker, ask()))
        while not worker.running:
            await asyncio.sleep(0.01)
        await worker.stop(10)
        return await begun

    assert text(asyncio.run(drain())) == SAID
