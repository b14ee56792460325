"""What ends before it is a request: too slow, too large, malformed."""

import http.client
import json
import socket
import time

import openai
import pytest
from gateways import Gatewayed, Scripted, serve

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
LIMITS = {
    "header_s": 0.5,
    "body_s": 0.5,
    "idle_s": 1,
    "header_bytes": 4096,
    "body_bytes": 100_000,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Gatewayed(tmp_path_factory.mktemp("http"), Scripted(), serve(limits=LIMITS)) as one:
        yield one


def opened(running):
    return socket.create_connection(("127.0.0.1", running.port), 10)


def told(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())["error"]["code"]


@pytest.mark.parametrize("first", [b"", b"POST /v1", HEAD])
def test_a_head_that_does_not_come_is_not_waited_for(running, first):
    began = time.monotonic()
    with opened(running) as one:
        one.sendall(first)

        assert told(one) == (408, "slow")
        assert one.recv(1) == b""
        assert time.monotonic() - began < 5


def test_a_head_that_comes_byte_by_byte_is_cut_off_all_the_same(running):
    with opened(running) as one:
        one.settimeout(5)
        until, closed = time.monotonic() + 5, False
        while time.monotonic() < until and not closed:
            try:
                one.sendall(b"X")
            except OSError:
                closed = True
            time.sleep(0.05)

    assert closed


def test_a_second_request_on_the_connection_is_as_little_waited_for(running):
    with opened(running) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = http.client.HTTPResponse(one)
        response.begin()
        response.read()
        one.sendall(b"GET /hea")

        assert told(one) == (408, "slow")


def test_a_body_that_does_not_come_is_not_waited_for(running):
    with opened(running) as one:
        one.sendall(HEAD + JSON + b"Content-Length: 50\r\n\r\n{")

        assert told(one) == (408, "slow")


def test_a_hundred_megabytes_are_refused_while_they_come(running):
    with pytest.raises(openai.APIStatusError) as wrong:
        running.client().chat.completions.create(
            model="sentiment", messages=[{"role": "user", "content": "x" * 100_000_000}]
        )

    assert (wrong.value.status_code, wrong.value.code) == (413, "body_bytes")


def test_what_does_not_say_its_length_is_refused_at_the_limit(running):
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with opened(running) as one:
        one.sendall(HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 8)

        assert told(one) == (413, "body_bytes")


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_head_that_is_too_long_is_refused_in_one_piece_and_in_many(running, pieces):
    text = HEAD + JSON + b"X-Long: " + b"x" * 8000 + b"\r\nContent-Length: 2\r\n\r\n{}"
    size = -(-len(text) // pieces)
    with opened(running) as one:
        try:
            for start in range(0, len(text), size):
                one.sendall(text[start : start + size])
                time.sleep(0.002 if pieces > 1 else 0)
        except OSError:
            pass  # it was refused before all of it was sent

        assert told(one) == (431, "header_bytes")


def test_what_is_no_http_is_told_so(running):
    with opened(running) as one:
        one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")

        assert told(one) == (400, "http")
