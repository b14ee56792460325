"""The admin paths over real worker processes, and the command that talks to them."""

import asyncio
import json
from typing import NamedTuple

import numpy as np
import pytest
from published import publish
from safetensors.numpy import save_file
from stub_fleet import Stage, ask

from srlr.core import compose, releases
from srlr.core.serving import Keys, Serve
from srlr.serving import admin, gateway, key_store
from srlr.serving.backing import Backed
from srlr.serving.keys import Keyring
from srlr.serving.monitor import Monitor
from srlr.serving.relay import answer
from srlr.serving.state import Gateway


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 60))


class Response(NamedTuple):
    status_code: int
    body: dict

    def json(self):
        return self.body


class Admin:
    """A gateway's application over a stage, without its socket."""

    def __init__(self, stage, alone=True):
        self.stage, self.alone = stage, alone

    async def __aenter__(self):
        stage = self.stage
        self.settings = compose.compose((f"store_dir={stage.store}",)).settings
        self.releases = releases.opened(stage.store)
        self.keys = key_store.opened(Keys(), stage.store)
        self.store = self.keys.__enter__()
        monitor = Monitor(stage.fleet, stage.swaps, lambda role, count: [])
        backed = Backed(self.settings, self.releases.__enter__(), stage.fleet, stage.swaps, monitor)
        monitor.look()
        ring = Keyring(self.store, Keys(), alone=self.alone)
        state = Gateway(Serve(), backed, ring, stage.fleet.audit)
        app = gateway.app(state)
        app.include_router(admin.router(state))
        self.app = app
        return self

    async def __aexit__(self, *_):
        self.keys.__exit__(None, None, None)
        self.releases.__exit__(None, None, None)

    async def get(self, path):
        return await self.call("GET", path, b"", {})

    async def post(self, path, body, headers=None):
        return await self.call("POST", path, json.dumps(body).encode(), headers or {})

    async def call(self, method, path, body, headers):
        """The status and the JSON of a response."""
        path, _, query = path.partition("?")
        sent, said = [], {"host": "localhost", "content-type": "application/json", **headers}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": f"/admin/{path}",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), text.encode()) for name, text in said.items()],
        }

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        text = b"".join(one.get("body", b"") for one in sent)
        return Response(sent[0]["status"], json.loads(text))


QUICK = {"strategy": "stateless", "smoke": 1, "drain_s": 2}


def test_a_swap_is_begun_seen_and_undone(tmp_path):
    async def scenario():
        versions = {"v1": (), "v2": ()}
        async with Stage(tmp_path, versions=versions) as stage, Admin(stage) as admin:
            await stage.serve("v1")
            begun = (await admin.post("swap/r", {"to": "v2", "settings": QUICK})).json()
            await stage.ended()
            seen = (await admin.get("swap/r")).json()

            assert begun["swap"]["under_way"]
            assert seen["shares"] == {"v2": 100}
            assert seen["swap"]["state"] == "done"

            back = await admin.post("swap/r/rollback", {"why": "v1 was better"})
            await stage.ended()
            roles = (await admin.get("roles")).json()["roles"]
            decisions = (await admin.get("decisions?limit=200")).json()["decisions"]

            assert back.status_code == 200
            assert [one["share"] for one in roles[0]["versions"] if one["version"] == "v1"] == [100]
            assert "v1 was better" in {one["why"] for one in decisions}
            assert (await admin.get("health")).status_code == 200

    run(scenario())


def test_what_cannot_be_done_is_told_by_its_status(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions={"v2": ()}) as stage, Admin(stage) as admin:
            await stage.serve("v1")
            asked = {
                ("swap/r", '{"to": "v9"}'): 404,
                ("swap/r", '{"to": "v1"}'): 409,
                ("swap/nobody", '{"to": "v2"}'): 404,
                ("swap/r", '{"to": "v2", "settings": {"steps": [5]}}'): 400,
                ("swap/r", '{"to": "v2", "settings": {"stepps": [100]}}'): 400,
                ("swap/r/abort", "{}"): 409,
                ("swap/r/rollback", "{}"): 409,
                ("feedback/r", '{"id": "x", "quality": 0.5}'): 404,
            }
            for (path, body), status in asked.items():
                response = await admin.post(path, json.loads(body))

                assert (path, response.status_code) == (path, status)
                assert response.json()["error"]["message"]
            assert (await admin.get("swap/nobody")).status_code == 404
            assert stage.fleet.slots("r").shares == {"v1": 100}

    run(scenario())


def test_feedback_reaches_its_answer(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage, Admin(stage) as admin:
            await stage.serve("v1")
            wanted = ask("x", max_tokens=1)
            async for _ in answer(stage.fleet, wanted):
                pass
            told = await admin.post("feedback/r", {"id": wanted.id, "quality": 0.25})

            assert told.status_code == 200
            assert stage.fleet.told("r").get(wanted.id).quality == 0.25

    run(scenario())


def test_a_key_swaps_only_with_the_scope_and_the_role(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions={"v2": ()}) as stage, Admin(stage, False) as admin:
            await stage.serve("v1")
            for scopes, roles, status in (
                (["infer"], [], 403),
                (["swap"], ["other"], 403),
                (["swap"], ["r"], 200),
            ):
                _, text = admin.store.create("k", scopes, roles)
                await asyncio.sleep(0.15)  # an unknown key has the keys read again, but not always
                bearer = {"Authorization": f"Bearer {text}"}
                body = {"to": "v2", "settings": QUICK}

                assert (await admin.post("swap/r", body, headers=bearer)).status_code == status
            assert (await admin.post("swap/r", {"to": "v2"})).status_code == 401
            await stage.ended()

    run(scenario())


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"weights": np.zeros(4)}, folder / "model.safetensors")
    for alias in ("current", "candidate"):
        publish(tmp_path / "store", folder, alias=alias, max_new_tokens=len(alias))
    return tmp_path / "store"


def test_without_a_gateway_only_the_alias_moves_and_it_says_so(run_srlr, store):
    done = run_srlr("swap", "role=sentiment")
    again = run_srlr("swap", "role=sentiment", "--status")

    assert "no gateway serves 'store': sentiment@v2 is current for the next one" in done.stdout
    assert done.returncode == 0
    assert again.returncode == 3
    with releases.opened(store) as registry:
        assert registry.aliases("sentiment") == {"current": "v2", "backup": "v1"}
