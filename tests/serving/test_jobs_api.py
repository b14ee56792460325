"""Jobs over HTTP: kept, answered as a chat would be, shown to their owner alone."""

import json
import urllib.error
import urllib.request

import pytest
from gateways import SAID, Gatewayed, Scripted, serve, wait_for

REQUEST = {"model": "sentiment", "messages": [{"role": "user", "content": "Good food."}]}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Gatewayed(tmp_path_factory.mktemp("jobs"), Scripted(), serve(), jobs=True) as one:
        yield one


def call(running, path="", body=None, method=None, **headers):
    request = urllib.request.Request(
        f"{running.url}/v1/jobs{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | headers,
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def over(running, job, **headers):
    last = {}

    def ended():
        last.update(call(running, f"/{job['id']}", **headers)[1])
        return last["state"] in ("done", "failed")

    assert wait_for(ended, 20)
    return last


def test_a_job_is_accepted_at_once_and_answered_as_a_chat(running):
    status, job = call(running, body={"request": REQUEST})
    done = over(running, job)

    assert (status, job["object"], job["role"]) == (202, "job", "sentiment")
    assert done["state"] == "done"
    assert done["response"]["choices"][0]["message"]["content"] == SAID
    assert done["response"]["choices"][0]["message"]["parsed"]["sentiment"] == "positive"


def test_a_submission_that_is_repeated_is_the_same_job(running):
    first = call(running, body={"request": REQUEST}, **{"Idempotency-Key": "a"})[1]
    again = call(running, body={"request": REQUEST}, **{"Idempotency-Key": "a"})[1]
    other = call(running, body={"request": REQUEST}, **{"Idempotency-Key": "b"})[1]

    assert first["id"] == again["id"] != other["id"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"request": REQUEST | {"stream": True}}, 400, "stream"),
        ({"request": REQUEST | {"max_tokens": -1}}, 400, "max_tokens"),
        ({"request": REQUEST | {"model": "sentimnt"}}, 404, "sentimnt"),
        ({"request": REQUEST, "callback": "http://169.254.169.254/"}, 400, "callback"),
        ({"request": REQUEST, "when": "now"}, 400, "when"),
        ({}, 400, "request"),
    ],
)
def test_what_cannot_be_answered_is_not_kept(running, body, status, said):
    found, told = call(running, body=body)

    assert found == status
    assert said in told["error"]["message"]


def test_an_unknown_job_is_not_found(running):
    assert call(running, "/nothing")[0] == 404
    assert call(running, "/nothing", method="DELETE")[0] == 404


def test_a_job_is_its_keys_alone(tmp_path):
    with Gatewayed(tmp_path, Scripted(), serve(), jobs=True) as one:
        (_, mine), (_, yours), (_, admins) = (
            one.keys.create(name, [scope], [])
            for name, scope in (("mine", "infer"), ("yours", "infer"), ("admins", "admin"))
        )
        bearer = {
            name: {"Authorization": f"Bearer {key}"}
            for name, key in (("mine", mine), ("yours", yours), ("admins", admins))
        }
        assert wait_for(lambda: call(one, "/x")[0] == 401)  # the keys are known
        job = call(one, body={"request": REQUEST}, **bearer["mine"])[1]
        seen = {name: call(one, f"/{job['id']}", **said)[0] for name, said in bearer.items()}

        assert seen == {"mine": 200, "yours": 404, "admins": 200}
        assert call(one, f"/{job['id']}")[0] == 401
