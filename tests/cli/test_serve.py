"""srlr serve with a real model: a release of tests/tiny.py behind a real worker."""

import http.client
import json
import os
import signal
import socket
import time

import openai
import pytest
from published import publish
from servers import free_port

ASKED = [{"role": "user", "content": "The food was good."}]


@pytest.fixture(scope="module")
def served(tmp_path_factory, tiny_model_folder):
    """A running `srlr serve`: its process, its port, its store."""
    import subprocess
    import sys
    from pathlib import Path

    store, port = tmp_path_factory.mktemp("store"), free_port()
    publish(store, tiny_model_folder)
    words = ["role=sentiment", f"store_dir={store}", f"serve.port={port}"]
    root = Path(__file__).resolve().parents[2]
    env = {k: v for k, v in os.environ.items() if not k.startswith("SRLR_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "srlr", "serve", *words],
        env=env | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        stderr=(log := (store / "serve.txt").open("w+")),
    )
    until = time.monotonic() + 240
    while not _is_open(port):
        assert process.poll() is None, (store / "serve.txt").read_text()
        assert time.monotonic() < until
        time.sleep(0.1)
    yield process, port, store
    if process.poll() is None:
        process.kill()
        process.wait()
    log.close()


def _is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def client(served):
    url = f"http://127.0.0.1:{served[1]}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=240) as one:
        yield one


def test_a_whole_answer_and_a_stream_say_the_same(client):
    whole = client.chat.completions.create(model="sentiment", messages=ASKED)
    chunks = list(
        client.chat.completions.create(
            model="sentiment@v1",
            messages=ASKED,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    streamed = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)

    assert whole.choices[0].message.content == streamed != ""
    assert whole.usage == chunks[-1].usage
    assert whole.usage.completion_tokens == 12
    assert whole.srlr["version"] == "v1"


def test_choices_that_are_drawn_differ_and_come_again_with_their_seed(client):
    drawn = [
        [
            choice.message.content
            for choice in client.chat.completions.create(
                model="sentiment", messages=ASKED, n=3, temperature=1.5, seed=4
            ).choices
        ]
        for _ in range(2)
    ]

    assert len(set(drawn[0])) == 3
    assert drawn[0] == drawn[1]


def test_a_prompt_over_the_context_is_refused_with_its_numbers(client):
    messages = [{"role": "system", "content": "x"}, {"role": "user", "content": "a b " * 4000}]
    with pytest.raises(openai.BadRequestError, match="2048") as wrong:
        client.chat.completions.create(model="sentiment", messages=messages)

    assert wrong.value.code == "refused"


def test_a_client_that_hangs_up_frees_the_worker(served, client):
    _, port, _ = served
    body = {"model": "sentiment", "messages": ASKED, "max_tokens": 1900}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    wait_for('srlr_running{role="sentiment"} 1.0', port)
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    wait_for('srlr_requests_total{role="sentiment",status="499"} 1.0', port)

    assert 'srlr_running{role="sentiment"} 0.0' in figures(port)
    assert client.chat.completions.create(model="sentiment", messages=ASKED).choices


def wait_for(figure, port):
    until = time.monotonic() + 60
    while figure not in (said := figures(port)):
        assert time.monotonic() < until, said
        time.sleep(0.02)


def figures(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def test_a_signal_ends_it_with_0_and_its_workers_with_it(served):
    process, _, store = served
    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 0
    assert "serving sentiment@v1 at" in (store / "serve.txt").read_text()


def test_without_a_release_it_says_how_to_make_one(run_srlr, tmp_path):
    done = run_srlr("serve", "role=sentiment", f"store_dir={tmp_path}", "serve.port=0")

    assert done.returncode == 3
    assert "srlr deploy" in done.stderr
