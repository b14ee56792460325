"""The gateway as OpenAI's own client meets it, on a real port."""

import json
import urllib.error
import urllib.request

import openai
import pytest
from gateways import SAID, Gatewayed, Scripted, serve

ASKED = [{"role": "user", "content": "Good food."}]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Gatewayed(tmp_path_factory.mktemp("gateway"), Scripted(), serve()) as one:
        yield one


@pytest.fixture
def running(shared):
    """The gateway of this module, with nothing asked of it yet."""
    shared.backend.asks.clear()
    return shared


def chat(running, **said):
    asked = {"model": "sentiment", "messages": ASKED} | said
    return running.client().chat.completions.create(**asked)


def get(running, path, **headers):
    request = urllib.request.Request(running.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_chat_has_text_usage_and_the_roles_own_object(running):
    said = chat(running)

    assert said.choices[0].message.content == SAID
    assert said.choices[0].message.parsed == {"sentiment": "positive", "confidence": 0.9}
    assert said.choices[0].finish_reason == "stop"
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (11, 4)
    assert said.srlr == {"role": "sentiment", "version": "v1", "valid": True, "migrated": False}


def test_one_message_of_a_user_is_the_roles_task(running):
    chat(running)

    assert running.backend.asks[0].messages == (
        {"role": "system", "content": "Sentiment"},
        {"role": "user", "content": "Good food."},
    )


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be brief."}, *ASKED],
        [*ASKED, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Why?"}],
    ],
)
def test_a_chat_with_a_system_message_or_turns_goes_as_it_is(running, messages):
    chat(running, messages=messages)

    assert list(running.backend.asks[0].messages) == messages


def test_parts_of_text_are_one_text_and_a_developer_is_the_system(running):
    parts = [{"type": "text", "text": "Good "}, {"type": "text", "text": "food."}]
    chat(
        running,
        messages=[{"role": "developer", "content": "x"}, {"role": "user", "content": parts}],
    )

    assert list(running.backend.asks[0].messages) == [
        {"role": "system", "content": "x"},
        {"role": "user", "content": "Good food."},
    ]


def test_how_to_answer_reaches_the_worker(running):
    chat(
        running,
        max_completion_tokens=7,
        temperature=0.5,
        top_p=0.9,
        stop="\n",
        seed=5,
        user="ann",
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
    )
    ask = running.backend.asks[0]

    assert (ask.max_tokens, ask.temperature, ask.top_p, ask.stop) == (7, 0.5, 0.9, ("\n",))
    assert (ask.seed, ask.conversation, ask.schema) == (5, "local:ann", {})


def test_a_conversation_is_named_by_its_header_first(running):
    chat(running, user="ann", extra_headers={"X-Conversation": "talk-1"})

    assert running.backend.asks[0].conversation == "local:talk-1"


def test_choices_draw_apart_and_the_same_again_with_the_same_seed(running):
    for _ in range(2):
        said = chat(running, n=3, temperature=1.0, seed=5)
    seeds = [ask.seed for ask in running.backend.asks]

    assert [choice.index for choice in said.choices] == [0, 1, 2]
    assert len(set(seeds[:3])) == 3
    assert sorted(seeds[:3]) == sorted(seeds[3:])
    assert said.usage.prompt_tokens == 11
    assert said.usage.completion_tokens == 12


@pytest.mark.parametrize("n", [1, 3])
def test_a_stream_has_every_choices_text_end_and_the_usage(running, n):
    texts, ends, usage = [""] * n, {}, None
    for chunk in chat(running, n=n, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                ends[choice.index] = (choice.finish_reason, chunk.srlr)

    assert texts == [SAID] * n
    assert usage.completion_tokens == 4 * n
    assert set(ends) == set(range(n))
    assert ends[0][0] == "stop"
    assert ends[0][1]["parsed"] == {"sentiment": "positive", "confidence": 0.9}


def test_a_completion_goes_on_with_a_bare_text(running):
    client = running.client()
    said = client.completions.create(model="sentiment@v1", prompt=["a", "b"], max_tokens=3)
    streamed = client.completions.create(model="sentiment", prompt="a", stream=True)

    assert [choice.text for choice in said.choices] == [SAID, SAID]
    assert said.srlr["valid"] is None
    assert [ask.prompt for ask in running.backend.asks[:2]] == ["a", "b"]
    assert "".join(chunk.choices[0].text for chunk in streamed) == SAID


def test_models_are_roles_and_versions(running):
    client = running.client()

    assert [one.id for one in client.models.list()] == ["sentiment", "sentiment@v1"]
    assert client.models.retrieve("sentiment@v1").created == 7
    with pytest.raises(openai.NotFoundError, match="model=sentiment@v1"):
        client.models.retrieve("sentiment@v2")


@pytest.mark.parametrize(
    ("said", "param", "hint"),
    [
        ({"max_tokens": -1}, "max_tokens", "max_tokens"),
        ({"temperature": 3}, "temperature", "temperature"),
        ({"n": 99}, "n", "n=8"),
        ({"extra_body": {"max_token": 3}}, "max_token", "did you mean 'max_tokens'?"),
        ({"logprobs": True}, "logprobs", "logprobs"),
        ({"messages": []}, "messages", "messages"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role", "role"),
        ({"messages": [{"role": "user", "content": "x" * 2001}]}, "messages[0].content", "less"),
        ({"user": "u" * 129}, "user", "shorter"),
        ({"extra_headers": {"X-Deadline-Ms": "soon"}}, "X-Deadline-Ms", "2000"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(running, said, param, hint):
    with pytest.raises(openai.BadRequestError) as wrong:
        chat(running, **said)

    assert wrong.value.param == param
    assert hint in wrong.value.body["hint"]
    assert running.backend.asks == []


def test_an_unknown_model_is_answered_with_the_nearest(running):
    with pytest.raises(openai.NotFoundError) as wrong:
        chat(running, model="sentimnt")

    assert (wrong.value.code, wrong.value.body["hint"]) == ("unknown_model", "model=sentiment")


def post(running, body, kind="application/json"):
    request = urllib.request.Request(
        f"{running.url}/v1/chat/completions", body, {"Content-Type": kind}
    )
    with pytest.raises(urllib.error.HTTPError) as wrong:
        urllib.request.urlopen(request, timeout=10)
    return wrong.value.code, json.loads(wrong.value.read())["error"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"model": "\xff"}', b'{"model": "\\ud800"}', b"[" * 9999]
)
def test_what_is_no_json_object_in_utf8_is_refused(running, body):
    status, error = post(running, body)

    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["hint"]


def test_another_content_type_is_refused(running):
    status, error = post(running, b"{}", "text/plain")

    assert (status, error["code"]) == (415, "content_type")


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/", 404, "path"), ("/v1/chat/completions", 405, "method")]
)
def test_paths_and_methods_that_are_not_there_answer_in_openais_shape(running, path, status, code):
    found, body = get(running, path)

    assert found == status
    assert json.loads(body)["error"]["code"] == code


def test_a_gateway_is_ready_once_what_is_behind_it_is(running):
    running.backend.why_unready = "sentiment@v1 is loading"

    assert get(running, "/healthz")[0] == 200
    assert get(running, "/readyz")[0] == 503
    assert "is loading" in get(running, "/readyz")[1]

    running.backend.why_unready = None

    assert get(running, "/readyz")[0] == 200


def test_figures_count_requests_and_tokens_and_hold_nothing_a_client_made_up(running):
    names = [
        'srlr_requests_total{role="sentiment",status="200"}',
        'srlr_requests_total{role="none",status="404"}',
        'srlr_tokens_total{kind="completion",role="sentiment"}',
        'srlr_first_token_seconds_count{role="sentiment"}',
    ]

    def figures():
        lines = get(running, "/metrics")[1].splitlines()
        found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return [float(found.get(name, 0)) for name in names]

    before = figures()
    chat(running, user="someone")
    list(chat(running, stream=True))
    with pytest.raises(openai.NotFoundError):
        chat(running, model="secret-model")
    text = get(running, "/metrics")[1]

    assert [now - was for now, was in zip(figures(), before, strict=True)] == [2, 1, 8, 1]
    assert "secret-model" not in text
    assert "someone" not in text


# -- the role's form -------------------------------------------------------------------------------


def sometimes(ask):
    return SAID if ask.temperature == 0 else "no idea"


@pytest.mark.parametrize(
    ("mode", "text", "temperature", "wanted"),
    [
        ("repair", lambda _: "It is positive", 0, (False, "positive", "read generously")),
        ("repair", lambda _: "no idea", 0, (False, None, None)),
        ("repair", sometimes, 1, (True, "positive", "asked again greedily")),
        ("off", lambda _: SAID, 0, (None, None, None)),
        ("require", lambda _: SAID, 0, (True, "positive", None)),
    ],
)
def test_an_answer_is_read_as_the_settings_say(tmp_path, mode, text, temperature, wanted):
    with Gatewayed(tmp_path, Scripted(text=text), serve(structured=mode)) as running:
        said = chat(running, temperature=temperature)
    parsed = said.choices[0].message.parsed
    found = (said.srlr["valid"], parsed and parsed["sentiment"], said.srlr.get("repaired"))

    assert found == wanted


@pytest.mark.parametrize("stream", [False, True])
def test_where_the_form_is_required_another_is_an_error_and_none_of_it_is_sent(tmp_path, stream):
    backend = Scripted(text=lambda _: "no idea")
    with (
        Gatewayed(tmp_path, backend, serve(structured="require")) as running,
        pytest.raises(openai.UnprocessableEntityError, match="not in the form"),
    ):
        list(chat(running, stream=stream))


def test_what_was_read_is_told_to_those_who_judge_versions(tmp_path):
    with Gatewayed(tmp_path, Scripted(text=lambda _: "no idea"), serve()) as running:
        chat(running)
        list(chat(running, stream=True))

    assert running.backend.judged == [(False, False), (False, False)]
