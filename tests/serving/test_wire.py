"""Asks, pieces and errors as lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.serving import wire
from srlr.serving.asked import Ask, Busy, Gone, Late, Piece, Refused

GOOD = {"id": "a", "role": "r", "prompt": "hi"}


def line(**fields):
    return json.dumps({**GOOD, **fields}).encode()


@given(
    st.text(),
    st.lists(st.integers(0, 10**6)),
    st.floats(0, 2),
    st.floats(0.01, 1),
    st.integers(),
    st.lists(st.text(min_size=1)),
)
def test_an_ask_arrives_as_it_was_sent(text, delivered, temperature, top_p, seed, stop):
    ask = Ask(
        "a",
        "r",
        ({"role": "user", "content": text},),
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        stop=tuple(stop),
        delivered=tuple(delivered),
        schema={"type": "object"},
        deadline=1.5,
    )

    assert wire.ask_of(wire.ask_line(ask)) == ask


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "JSON"),
        (b"[1]", "this is not an ask"),
        (b"\xff\xfe{}", "JSON"),
        (b'{"id": "a"}', "role"),
        (line(max_tokens="3"), "max_tokens"),
        (line(max_tokens=0), "max_tokens=0"),
        (line(max_tokens=-5), "max_tokens=-5"),
        (line(temperature=-0.1), "temperature"),
        (line(temperature=float("nan")), "temperature"),
        (line(temperature=float("inf")), "temperature"),
        (line(top_p=0.0), "top_p"),
        (line(top_p=1.1), "top_p"),
        (line(top_k=-1), "top_k"),
        (line(stop=[""]), "stop"),
        (line(delivered=[-1]), "delivered"),
        (line(prompt=""), "prompt is empty"),
        (line(prompt=None), "one of messages and prompt"),
        (line(messages=[{"role": "user", "content": "x"}]), "not both"),
        (line(prompt=None, messages=[{"role": "user"}]), "content"),
        (line(prompt=None, messages=[{"role": "user", "content": 3}]), "content"),
    ],
)
def test_what_is_no_ask_is_refused_and_named(body, named):
    with pytest.raises(Refused, match=named):
        wire.ask_of(body)


def test_a_piece_arrives_as_it_was_sent():
    piece = Piece((1, 2), "ñ\n🎉", "stop", 7)

    assert wire.piece_line(piece).count(b"\n") == 1
    assert wire.piece_of(wire.piece_line(piece)) == piece


@pytest.mark.parametrize(
    "error", [Refused("a", "b"), Busy("a", "b", 2.5), Late("a", "b"), Gone("a", "b")]
)
def test_an_error_arrives_as_what_it_was(error):
    with pytest.raises(type(error)) as raised:
        wire.piece_of(wire.error_line(error))

    assert vars(raised.value) == vars(error)


@pytest.mark.parametrize("junk", [b"\x00", b"{}", b"[]", b"3", b'{"tokens": 3}', b'{"error": 5}'])
def test_what_is_neither_means_that_the_worker_is_gone(junk):
    with pytest.raises(Gone):
        wire.piece_of(junk)
