"""Requests that nobody thought of, made from the gateway's own description of itself."""

import json
import urllib.request

import pytest
import schemathesis
from gateways import Gatewayed, Scripted, serve
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.generation import GenerationMode

FAST = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
LONG = settings(FAST, max_examples=150)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    node = serve(limits={"key_per_minute": None})
    with Gatewayed(tmp_path_factory.mktemp("openapi"), Scripted(), node) as one:
        yield one


@pytest.fixture(scope="module")
def described(running):
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


OPERATIONS = [
    ("POST", "/v1/chat/completions", GenerationMode.POSITIVE),
    ("POST", "/v1/chat/completions", GenerationMode.NEGATIVE),
    ("POST", "/v1/completions", GenerationMode.POSITIVE),
    ("POST", "/v1/completions", GenerationMode.NEGATIVE),
    ("GET", "/v1/models", GenerationMode.POSITIVE),
    ("GET", "/v1/models/{name}", GenerationMode.POSITIVE),
    ("GET", "/readyz", GenerationMode.POSITIVE),
]


@pytest.mark.parametrize(("method", "path", "mode"), OPERATIONS)
def test_requests_right_and_wrong_are_answered_as_described(described, method, path, mode):
    put(described[path][method], mode, FAST)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path", "mode"), OPERATIONS)
def test_many_requests_are_answered_as_described(described, method, path, mode):
    put(described[path][method], mode, LONG)


def put(operation, mode, how):
    @given(case=operation.as_strategy(generation_mode=mode))
    @how
    def one(case):
        checked(case)

    one()


def checked(case):
    # A request that fits the description may still name a model that is not there, or ask for more
    # than a limit allows.
    case.call_and_validate(excluded_checks=[checks.positive_data_acceptance], timeout=20)


def test_the_description_names_every_path_and_error(running):
    with urllib.request.urlopen(f"{running.url}/openapi.json") as response:
        found = json.load(response)
    chat = found["paths"]["/v1/chat/completions"]["post"]

    assert {"/v1/completions", "/v1/models", "/healthz", "/readyz", "/metrics"} <= set(
        found["paths"]
    )
    assert {"200", "400", "401", "413", "429", "504"} <= set(chat["responses"])
    assert "messages" in found["components"]["schemas"]["Chat"]["required"]
