import concurrent.futures
import email.utils
import time

import pytest
import teaching
from teaching import Reply, completion, error

from srlr.collaboration import session
from srlr.collaboration.client import Client
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.teaching import Budget, Teacher

CHAT = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def ask(tmp_path):
    """`ask(answer, **settings)` asks once, after all the server's `answer`s but the last."""

    def once(*answers, schema=None, clean=str, budget=None, times=1, **more):
        left = list(answers)

        def answer(asked):
            once.asked.append(asked.body)
            said = left.pop(0) if len(left) > 1 else left[0]
            return said if isinstance(said, Reply) else Reply(said)

        once.asked = []
        with (
            teaching.Server(answer) as server,
            session.opened(tmp_path / "j", budget or Budget(), clean) as shared,
        ):
            settings = teaching.openai(server, model="m", **more)
            client = Client(shared, Teacher(**settings), "generate.teacher")
            try:
                said = [client.ask(CHAT, schema, seed=n) for n in range(times)]
            finally:
                once.cost = shared.cost()
                client.close()
            return said[0]

    return once


def test_an_answer_with_what_it_cost(ask):
    prices = {"price_input_usd_per_1m_tokens": 1.0, "price_output_usd_per_1m_tokens": 2.0}
    answer = ask(completion("hi", prompt=10, answer=5), **prices)

    assert (answer.text, answer.finish, answer.model) == ("hi", "stop", "oracle-1")
    assert answer.usd == pytest.approx(10e-6 + 10e-6)
    assert ask.asked[0]["max_tokens"] == 512
    assert not answer.replayed
    assert ask(error(500)).replayed  # the journal has it


def test_a_server_without_usage_is_counted_at_the_most_it_can_have_been(ask):
    said = completion("hi")
    del said["usage"]

    assert ask(said).answer_tokens == 512
    assert ask.cost["tokens"] == 512 + 256 + 16 + len("Hello") + 16


@pytest.mark.parametrize(
    ("fault", "left_out", "instead"),
    [
        (error(400, "response_format json_schema is not supported"), "response_format", None),
        (
            error(400, "Unsupported parameter: 'max_tokens'; use max_completion_tokens"),
            "max_tokens",
            "max_completion_tokens",
        ),
        (error(400, "temperature: only 1 is supported"), "temperature", None),
        (error(422, "seed: extra fields not permitted"), "seed", None),
    ],
)
def test_an_option_that_a_server_does_not_know_is_left_out(ask, fault, left_out, instead):
    assert ask(fault, completion("hi"), schema={"type": "object"}, times=2).text == "hi"
    assert left_out in ask.asked[0]
    assert all(left_out not in body for body in ask.asked[1:])
    assert len(ask.asked) == 3
    assert instead is None or ask.asked[1][instead] == 512


@pytest.mark.parametrize(
    "fault",
    [
        error(429),
        error(429, headers={"Retry-After": "0.01"}),
        error(429, headers={"retry-after-ms": "5"}),
        error(429, headers={"Retry-After": "soon"}),
        error(429, headers={"Retry-After": email.utils.formatdate(time.time() - 5)}),
        error(500),
        error(503, headers={"Retry-After": "0.01"}),
        error(408),
        Reply(completion("hi"), cut=30),
        Reply(completion("hi"), wait_s=5.0),
        Reply(completion("hi"), slow_s=5.0),
        Reply(completion("hi"), cut=100, politely=True),
        Reply("<html>"),
        Reply({"choices": []}),
        Reply([1]),
        Reply(completion(["hi"])),
    ],
)
def test_what_may_pass_is_tried_again(ask, fault):
    assert ask(fault, completion("hi"), timeout_s=0.5).text == "hi"
    assert len(ask.asked) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "why", "hint"),
    [
        (error(401), ConfigError, "says 401", "generate.teacher.api_key_env=NAME"),
        (error(403), ConfigError, "says 403", "api_key_env"),
        (error(402, "pay"), ResourceError, "says 402: pay", "pay there"),
        (error(429, "x", code="insufficient_quota"), ResourceError, "429", "pay there"),
        (error(429, headers={"Retry-After": "7200"}), ResourceError, "429", "in 2.0 hours"),
        (error(404, "no model"), ConfigError, "says 404: no model", "generate.teacher.model"),
        (error(400, "too long"), ConfigError, "says 400: too long", "num_examples_per_request"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(ask, fault, kind, why, hint):
    with pytest.raises(kind, match=why) as told:
        ask(fault, times=2)

    assert hint in told.value.hint
    assert len(ask.asked) == 1


def test_retries_end(ask):
    with pytest.raises(ResourceError, match="says 500"):
        ask(error(500), retries=2)

    assert len(ask.asked) == 3
    assert ask.cost["tokens"] == 0  # a 500 is not billed
    with pytest.raises(ResourceError, match="was cut"):
        ask(Reply(completion("hi"), cut=9), retries=0)
    assert ask.cost["tokens"] > 700  # what was cut may be


def test_texts_are_cleaned_before_they_are_sent_and_before_they_are_kept(ask, tmp_path):
    ask(completion("call 555-1234"), clean=lambda text: text.replace("555-1234", "[PHONE]"))
    CHAT_ = [{"role": "user", "content": "Hello"}]

    assert ask.asked[0]["messages"] == CHAT_
    assert "555" not in (tmp_path / "j").read_text()
    assert "[PHONE]" in (tmp_path / "j").read_text()


def test_a_budget_waits_for_what_is_under_way_and_then_refuses(tmp_path):
    """Each may cost 816 tokens and does cost 150: of 1,500, one at a time, five are paid."""
    with (
        teaching.Server(lambda asked: Reply(completion("hi"), wait_s=0.02)) as server,
        session.opened(tmp_path / "j", Budget(tokens=1500)) as shared,
    ):
        settings = Teacher(**teaching.openai(server, model="m"))
        client = Client(shared, settings, "generate.teacher")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(client.ask, CHAT, seed=n) for n in range(20)]
        refused = [one.exception() for one in asked if one.exception()]
        client.close()

    assert len(server.asked) == 5
    assert server.most_at_once == 1
    assert len(refused) == 15
    assert shared.ledger.tokens == 750


@pytest.mark.parametrize(("models", "why"), [((), "no model"), (("a", "b"), "'a', 'b'")])
def test_which_model_is_meant_must_be_clear(tmp_path, models, why):
    with (
        teaching.Server(models=models) as server,
        session.opened(tmp_path / "j", Budget()) as shared,
    ):
        client = Client(shared, Teacher(**teaching.openai(server)), "generate.teacher")
        with pytest.raises(ConfigError, match=why) as told:
            client.ask(CHAT)
        client.close()

    assert told.value.hint.startswith("generate.teacher.model=")


def test_a_closed_session_asks_nobody(tmp_path):
    with teaching.Server() as server, session.opened(tmp_path / "j", Budget()) as shared:
        client = Client(shared, Teacher(**teaching.openai(server)), "generate.teacher")
        shared.close()
        with pytest.raises(ResourceError, match="closed"):
            client.ask(CHAT)
        client.close()

    assert server.asked == []


def test_closing_ends_what_is_under_way(tmp_path):
    with (
        teaching.Server(lambda asked: Reply(completion("hi"), wait_s=30)) as server,
        session.opened(tmp_path / "j", Budget()) as shared,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        client = Client(shared, Teacher(**teaching.openai(server, model="m")), "generate.teacher")
        waiting = pool.submit(client.ask, CHAT)
        while not server.asked:
            time.sleep(0.005)
        shared.close()

        assert isinstance(waiting.exception(), ResourceError)
    assert shared.ledger.tokens > 700  # it may have been answered
