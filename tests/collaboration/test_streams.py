import asyncio
from types import SimpleNamespace

import pytest

from srlr.collaboration import streams


def read(*pieces, then=None, idle_s=5.0, kind="text/event-stream; charset=utf-8"):
    """What a body of these pieces comes to; `then` is waited for, or raised, after the last."""

    async def body():
        for piece in pieces:
            yield piece
        if isinstance(then, Exception):
            raise then
        if then:
            await asyncio.sleep(then)

    async def close():
        pass

    response = SimpleNamespace(headers={"content-type": kind}, aiter_bytes=body)
    stream = SimpleNamespace(response=response, close=close)
    return asyncio.run(streams.whole(stream, idle_s))


def piece(text, finish="null"):
    return f'{{"choices": [{{"delta": {{"content": "{text}"}}, "finish_reason": {finish}}}]}}'


STOPPED = piece("hi", '"stop"')


def said(found):
    return found["choices"][0]["message"]["content"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_pieces_are_cut_anywhere_and_lines_end_in_either_way(ends):
    one, two = piece("grün"), piece("er", '"stop"')
    body = f": wait\n\nevent: x\ndata: {one}\n\ndata:{two}\n\ndata: [DONE]\n\n"
    sent = body.replace("\n", ends).encode()

    assert said(read(*(sent[n : n + 1] for n in range(len(sent))))) == "grüner"
    assert said(read(sent)) == "grüner"


def test_an_event_of_several_lines_is_one():
    first, last = STOPPED.split('"stop"')

    assert said(read(f'data: {first}\ndata: "stop"{last}\n\n'.encode())) == "hi"


def test_what_comes_after_the_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(streams, "AFTER_DONE_S", 0.01)
    whole = ("data: " + STOPPED + "\n\ndata: [DONE]\n\ndata: more\n\n").encode()

    assert said(read(whole, then=30.0)) == said(read(whole, then=OSError("gone"))) == "hi"


def test_an_event_that_is_not_whole_says_nothing():
    with pytest.raises(streams.Cut, match="ended before"):
        read(f"data: {STOPPED}".encode())


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_a_body_that_breaks_is_cut(kind):
    with pytest.raises(streams.Cut, match="gone"):
        read(b"data: ", then=OSError("gone"), kind=kind)


def test_a_pause_within_a_stream_is_limited():
    with pytest.raises(streams.Stalled):
        read(b"data: ", then=30.0, idle_s=0.01)


def test_an_error_in_the_place_of_a_piece_is_told():
    with pytest.raises(streams.Cut, match="overloaded"):
        read(b'data: {"error": "overloaded"}\n\n')
