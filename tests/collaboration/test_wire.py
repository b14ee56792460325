import asyncio
import json

import pytest
import teaching
from teaching import Reply, completion, error

from srlr.collaboration import protocol
from srlr.collaboration.faults import Asked, Fault
from srlr.collaboration.keys import Key
from srlr.collaboration.wire import Wire

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 64}


@pytest.fixture
def sent():
    """`sent(*replies)`: what came of a request for each of them, one after another, on one wire."""

    def all_of(*replies, stream=True, streams=True, timeout_s=5.0, idle_s=5.0):
        left = list(replies)

        async def work(url):
            asked = Asked(url, "generate.teacher", Key("sk-secret"), timeout_s, idle_s)
            wire = Wire(asked, stream=stream)
            found = []
            while left:
                found.append(await wire.sent(REQUEST))
            await wire.close()
            return found

        def answer(asked):
            all_of.asked.append(asked.body)
            return left.pop(0)

        all_of.asked = []
        with teaching.Server(answer, streams=streams) as server:
            return asyncio.run(work(server.url))

    return all_of


def events(*chunks):
    """A stream of these chunks, exactly."""
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks)
    return Reply(text, headers={"Content-Type": "text/event-stream"})


def delta(text="", finish=None, **more):
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}], **more}


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_is_the_same_streamed_or_not(sent, streams):
    """A server that passes `stream` over answers all at once, and is read all the same."""
    (said,) = sent(Reply(completion("a longer answer, in several pieces")), streams=streams)

    assert said == protocol.Said("a longer answer, in several pieces", "stop", "oracle-1", 100, 50)
    assert sent.asked[0]["stream"] is True
    assert sent.asked[0]["stream_options"] == {"include_usage": True}


def test_nothing_is_streamed_where_nobody_wants_it(sent):
    (said,) = sent(Reply(completion("hi")), stream=False)

    assert said.text == "hi"
    assert not {"stream", "stream_options"} & sent.asked[0].keys()


def test_a_refusal_comes_in_pieces_too(sent):
    (said,) = sent(Reply(completion("", refusal="I must not.")))

    assert (said.text, said.finish) == ("I must not.", "refusal")


def test_a_server_that_refuses_to_stream_is_asked_without(sent):
    refusal = error(400, "stream_options is not supported")
    first, second = sent(refusal, Reply(completion("hi")), Reply(completion("ho")))

    assert (first.text, second.text) == ("hi", "ho")
    assert ["stream" in body for body in sent.asked] == [True, False, False]


def test_streams_that_do_not_tell_their_cost_are_not_asked_for_again(sent):
    first, second = sent(Reply(completion("hi"), usage=False), Reply(completion("ho")))

    assert (first.text, first.prompt_tokens) == ("hi", None)
    assert (second.text, second.prompt_tokens) == ("ho", 100)
    assert ["stream" in body for body in sent.asked] == [True, False]


def test_usage_that_every_chunk_tells_is_that_of_the_last(sent):
    usages = [{"prompt_tokens": 9, "completion_tokens": n} for n in (1, 2)]
    chunks = [delta("h", usage=usages[0]), delta("i", "length", usage=usages[1])]
    (said,) = sent(events(*chunks))

    assert said == protocol.Said("hi", "length", "", 9, 2)


def test_a_slow_stream_that_goes_on_is_waited_for(sent):
    (said,) = sent(Reply(completion("x" * 200), every_s=0.05), idle_s=4, timeout_s=30)

    assert said.text == "x" * 200


@pytest.mark.parametrize(
    ("reply", "times", "why"),
    [
        (Reply(completion("hi"), slow_s=9.0), (30, 0.2), "stopped in the middle of an answer for"),
        (Reply(completion("hi"), wait_s=9.0), (0.3, 30), "has not answered within 0.3 s"),
        (Reply(completion("x" * 9999), every_s=0.05), (0.3, 30), "has not answered within 0.3 s"),
    ],
)
def test_an_answer_that_stops_or_takes_too_long_is_given_up(sent, reply, times, why):
    (came,) = sent(reply, timeout_s=times[0], idle_s=times[1])

    assert (came.kind, came.may_cost) == ("down", True)
    assert why in came.error.what


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(completion("x" * 99), cut=400), "was cut: "),
        (Reply(completion("x" * 99), cut=300, politely=True), "was cut: it ended before"),
        (events(delta("h"), {"error": {"message": "overloaded, sk-secret"}}), "overloaded, [key]"),
        (events(delta(["h"], "stop")), "no completion"),
        (events(delta("h"), ["i"]), "no completion"),
        (Reply("data: {no json\n\n", headers={"Content-Type": "text/event-stream"}), "no compl"),
        (Reply("<html>Bad gateway"), "'<html>Bad gateway'"),
    ],
)
def test_a_stream_without_an_end_may_be_asked_for_again_and_may_cost(sent, reply, why):
    (came,) = sent(reply)

    assert isinstance(came, Fault)
    assert (came.kind, came.may_cost) == ("down", True)
    assert why in came.error.what


def test_a_body_that_breaks_off_is_cut_whatever_was_asked_for(sent):
    (came,) = sent(Reply(completion("hi"), cut=9), streams=False)

    assert "was cut: " in came.error.what
    assert came.may_cost


def test_models_that_are_no_list_are_not_asked_for_again():
    async def named(url):
        return await Wire(Asked(url, "at", Key(None), 5.0, 5.0), stream=True).names()

    with teaching.Server(models=()) as server:
        server._of = lambda *_: Reply("<html>")
        came = asyncio.run(named(server.url))

    assert (came.kind, came.status) == ("fatal", None)
    assert "no completion" in came.error.what
