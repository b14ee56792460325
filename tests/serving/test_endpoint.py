"""Requests that wait, run late, lose their client or their worker."""

import http.client
import json
import socket
import threading
import time

import openai
import pytest
from gateways import SAID, Gatewayed, Scripted, serve, wait_for

from srlr.serving.asked import Busy, Gone, Late, Refused

ASKED = {"model": "sentiment", "messages": [{"role": "user", "content": "Good food."}]}
BODY = json.dumps(ASKED).encode()
STREAM = json.dumps({**ASKED, "stream": True}).encode()


def sent(running, body=BODY, **headers):
    """A connection on which the request was sent, in one piece."""
    one = socket.create_connection(("127.0.0.1", running.port), 10)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    one.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n"
        + f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return one


def answer(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response, response.read()


@pytest.mark.parametrize("body", [BODY, STREAM])
def test_a_client_that_hangs_up_frees_the_worker_at_once(tmp_path, body):
    backend = Scripted(pace_s=1.0)
    with Gatewayed(tmp_path, backend, serve()) as running:
        connection = sent(running, body)
        assert wait_for(lambda: backend.open == 1)
        connection.close()

        assert wait_for(lambda: backend.open == 0, 0.9)
        assert backend.freed == 1
        assert wait_for(lambda: running.state.rooms.roles["sentiment"].running == 0)


def test_a_client_that_hangs_up_while_it_waits_leaves_the_queue(tmp_path):
    backend = Scripted(pace_s=0.3)
    limits = {"running": 1}
    with Gatewayed(tmp_path, backend, serve(limits=limits)) as running:
        first = sent(running)
        assert wait_for(lambda: backend.open == 1)
        second = sent(running)
        lane = running.state.rooms.roles["sentiment"]
        assert wait_for(lambda: len(lane.queue) == 1)
        second.close()

        assert wait_for(lambda: len(lane.queue) == 0)
        assert answer(first)[0].status == 200
        assert len(backend.asks) == 1


def test_more_than_may_wait_are_told_when_to_come_back(tmp_path):
    backend = Scripted(pace_s=0.2)
    limits = {"running": 1, "waiting": 1}
    with Gatewayed(tmp_path, backend, serve(limits=limits)) as running:
        first = sent(running)
        assert wait_for(lambda: backend.open == 1)
        second = sent(running)
        assert wait_for(lambda: running.state.rooms.roles["sentiment"].queue)
        refused, body = answer(sent(running))

        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert json.loads(body)["error"]["type"] == "rate_limit_error"
        assert [answer(one)[0].status for one in (first, second)] == [200, 200]


def test_a_deadline_that_is_over_frees_the_worker_and_is_told(tmp_path):
    backend = Scripted(pace_s=5)
    with Gatewayed(tmp_path, backend, serve()) as running:
        began = time.monotonic()
        late, body = answer(sent(running, **{"X-Deadline-Ms": "200"}))

        assert late.status == 504
        assert json.loads(body)["error"]["code"] == "late"
        assert time.monotonic() - began < 3
        assert wait_for(lambda: backend.open == 0)


def test_a_deadline_within_a_stream_ends_it_with_an_error_and_no_done(tmp_path):
    backend = Scripted(pace_s=0.2)
    with Gatewayed(tmp_path, backend, serve(deadline_s=0.5)) as running:
        response, body = answer(sent(running, STREAM))

        assert response.status == 200
        assert b'"code":"late"' in body
        assert b"[DONE]" not in body


@pytest.mark.parametrize(
    ("fails", "status", "code"),
    [
        (Refused("the prompt has 9 tokens more than the context", "send less"), 400, "refused"),
        (Busy("no room", "later", 7), 429, "busy"),
        (Late("over", ""), 504, "late"),
        (Gone("worker 12 was killed", ""), 503, "gone"),
        (RuntimeError("a bug with a secret"), 500, "bug"),
    ],
)
@pytest.mark.parametrize("body", [BODY, STREAM])
def test_what_goes_wrong_before_the_first_text_has_its_own_status(
    tmp_path, fails, status, code, body
):
    with Gatewayed(tmp_path, Scripted(fails=fails), serve()) as running:
        response, said = answer(sent(running, body))
    error = json.loads(said)["error"]

    assert (response.status, error["code"]) == (status, code)
    assert "secret" not in said.decode()
    assert response.headers["Retry-After"] == {429: "7", 503: "1"}.get(status)


def test_what_goes_wrong_in_a_stream_is_an_error_to_openais_client(tmp_path):
    backend = Scripted(fails=Gone("killed", ""), fails_after=2)
    with (
        Gatewayed(tmp_path, backend, serve()) as running,
        pytest.raises(openai.APIError, match="the worker ended"),
    ):
        list(running.client().chat.completions.create(**ASKED, stream=True))


@pytest.mark.parametrize("stream", [False, True])
def test_of_several_choices_one_that_fails_frees_the_others(tmp_path, stream):
    backend = Scripted(pace_s=0.05)
    asks = backend.asks
    backend.text = lambda ask: SAID * 50 if ask is not asks[0] else 1 / 0
    with Gatewayed(tmp_path, backend, serve()) as running:
        with pytest.raises(openai.InternalServerError):
            list(running.client().chat.completions.create(**ASKED, n=3, stream=stream))

        assert wait_for(lambda: backend.open == 0)


def test_that_an_answer_moved_is_told_and_counted(tmp_path):
    with Gatewayed(tmp_path, Scripted(migrated=True), serve()) as running:
        said = running.client().chat.completions.create(**ASKED)

        assert said.srlr["migrated"] is True
        assert b'srlr_migrations_total{role="sentiment"} 1.0' in running.state.metrics.text(
            running.state.rooms
        )


def test_many_at_once_are_all_answered(tmp_path):
    backend, found = Scripted(pace_s=0.01), []
    with Gatewayed(tmp_path, backend, serve(limits={"running": 4})) as running:
        threads = [
            threading.Thread(target=lambda: found.append(answer(sent(running))[0].status))
            for _ in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == [200] * 30
