"""Requests that nobody thought of, made from the gateway's own description of itself."""

import pytest
import schemathesis
from gateways import Gatewayed, Scripted, serve
from hypothesis import HealthCheck, Phase, settings

FAST = settings(
    max_examples=8,
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


@pytest.fixture
def described(running):
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


loaded = schemathesis.pytest.from_fixture("described")


@loaded.parametrize()
@FAST
def test_every_request_is_answered_as_described(case):
    checked(case)


@pytest.mark.slow
@loaded.parametrize()
@LONG
def test_many_requests_are_answered_as_described(case):
    checked(case)


def checked(case):
    from schemathesis import checks

    # A request that fits the description may still name a model that is not there, or ask for more
    # than a limit allows.
    case.call_and_validate(excluded_checks=[checks.positive_data_acceptance], timeout=20)


def test_the_description_names_every_path_and_error(running):
    import json
    import urllib.request

    with urllib.request.urlopen(f"{running.url}/openapi.json") as response:
        found = json.load(response)
    chat = found["paths"]["/v1/chat/completions"]["post"]

    assert {"/v1/completions", "/v1/models", "/healthz", "/readyz", "/metrics"} <= set(
        found["paths"]
    )
    assert {"200", "400", "401", "413", "429", "504"} <= set(chat["responses"])
    assert "messages" in found["components"]["schemas"]["Chat"]["required"]
