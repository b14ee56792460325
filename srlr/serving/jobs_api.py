"""The paths of jobs: chats that are answered when there is time, and kept.

POST   /v1/jobs         {"request": a chat completion's body, "callback": URL?}  → 202 and the job
GET    /v1/jobs/{id}    the job, with the answer once there is one
DELETE /v1/jobs/{id}    the job, cancelled if it was not over

`Idempotency-Key` makes a submission that is repeated the same job. A job is answered with the
rights that its key has then: one that was revoked in between gets nothing.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header
from pydantic import BaseModel, ConfigDict, Field

from srlr.core.errors import ConfigError
from srlr.core.serving import Jobs as Node
from srlr.serving import asking, jobs, keys, openai_api, openapi
from srlr.serving.asked import Busy, Refused
from srlr.serving.database import database
from srlr.serving.endpoint import Endpoint
from srlr.serving.jobs import Job, Jobs, Place
from srlr.serving.key_store import Key
from srlr.serving.keys import EVERYBODY, must
from srlr.serving.openai_api import Chat
from srlr.serving.rejected import Rejected
from srlr.serving.state import Gateway

FILE = "jobs.sqlite"
PATH = "/v1/chat/completions"
OWNER, REQUEST = "key", "request"
LATER = frozenset({429, 503, 504})
"""Statuses after which the same request is worth another try."""


class Wanted(BaseModel):
    """A job that is wanted."""

    model_config = ConfigDict(extra="forbid")

    request: dict[str, Any]
    callback: Annotated[str | None, Field(max_length=2000)] = None


@asynccontextmanager
async def running(app: FastAPI, gateway: Gateway, store_dir: Path) -> AsyncIterator[Jobs]:
    """The gateway's jobs, answered until this is left, with their paths in the application."""
    found = await jobs.start(place(gateway.serve.jobs, store_dir), lambda b: _answer(gateway, b))
    app.include_router(router(gateway, found))
    try:
        yield found
    finally:
        found.stop()


def place(node: Node, store_dir: Path) -> Place:
    """Where jobs are kept, as the settings say.

    Raises:
        ConfigError: a variable that they name is not set.
    """
    engine = database(store_dir / FILE, node.url_env, "serve.jobs.url_env").engine
    url = engine.url.render_as_string(hide_password=False)
    engine.dispose()
    secret = ""
    if node.callback_secret_env is not None:
        secret = os.environ.get(node.callback_secret_env, "")
        if not secret:
            raise ConfigError(
                f"serve.jobs.callback_secret_env: {node.callback_secret_env!r} is not set",
                f"export {node.callback_secret_env}=…, or leave it null",
            )
    return Place(url, node.name, node.concurrency, node.callback_hosts, secret)


def router(gateway: Gateway, found: Jobs) -> APIRouter:
    """The paths."""
    paths = APIRouter(prefix="/v1/jobs", tags=["jobs"])
    infer: Callable[..., Any] = keys.require("infer")
    errors = openapi.errors(400, 401, 403, 404)

    @paths.post("", status_code=202, responses=errors)
    async def submit(
        wanted: Wanted,
        key: Annotated[Key, Depends(infer)],
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> dict[str, Any]:
        """Keeps the request, to be answered later."""
        role = _role(gateway, wanted.request, key)
        body = {OWNER: key.id, REQUEST: wanted.request}
        own = f"{key.id}:{idempotency_key}" if idempotency_key else None
        return _told(await found.submit(body, role, callback=wanted.callback, key=own))

    @paths.get("/{name}", responses=errors)
    async def look(name: str, key: Annotated[Key, Depends(infer)]) -> dict[str, Any]:
        """The job, and its answer once there is one."""
        return _told(_own(await found.get(name), key))

    @paths.delete("/{name}", responses=errors)
    async def cancel(name: str, key: Annotated[Key, Depends(infer)]) -> dict[str, Any]:
        """Cancels it, unless it is over."""
        _own(await found.get(name), key)
        return _told(_own(await found.cancel(name), key))

    return paths


def _role(gateway: Gateway, request: dict[str, Any], key: Key) -> str:
    """The role that is asked, by a request that can be one; streaming makes no sense here."""
    if request.get("stream"):
        raise Rejected(400, "stream", "a job has no stream", "leave `stream` out", param="stream")
    chat = openai_api.read(Chat, json.dumps(request).encode())
    role = asking.find(gateway.backend.models(), chat.model)[0].role
    must(key, "infer", role)
    return role


def _own(job: Job | None, key: Key) -> Job:
    """The job, where it is this key's, or the key may do everything."""
    if job is None or (job.owner != key.id and "admin" not in key.scopes):
        raise Rejected(404, "unknown_job", "there is no such job", "its id was told on submission")
    return job


def _told(job: Job) -> dict[str, Any]:
    return {"object": "job", **{k: v for k, v in asdict(job).items() if k != "owner"}}


async def _answer(gateway: Gateway, body: dict[str, Any]) -> dict[str, Any]:
    """What the gateway answers to the request, from the first check to the last."""
    key = gateway.keyring.keys.get(body[OWNER])
    if key is None and body[OWNER] == EVERYBODY.id and not gateway.keyring.keys:
        key = EVERYBODY
    if key is None:
        raise Refused("the key that submitted the job is gone", "submit it again with another")
    status, answer = await _asked(Endpoint(gateway, Chat, key), body[REQUEST], gateway)
    if status == 200:
        return answer
    error = answer.get("error", {})
    what, hint = str(error.get("message", f"status {status}")), str(error.get("hint", ""))
    if status in LATER:
        raise Busy(what, hint)
    raise Refused(what, hint)


async def _asked(
    endpoint: Endpoint, request: dict[str, Any], gateway: Gateway
) -> tuple[int, dict[str, Any]]:
    """The endpoint's status and body, asked in this process."""
    sent: list[dict[str, Any]] = []
    text = json.dumps(request).encode()
    nobody_hangs_up = asyncio.get_running_loop().create_future()
    coming = [{"type": "http.request", "body": text, "more_body": False}]
    deadline_ms = round(1000 * gateway.serve.deadline_max_s)

    async def receive() -> dict[str, Any]:
        return coming.pop() if coming else await nobody_hangs_up

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(text)).encode()),
            (b"x-deadline-ms", str(deadline_ms).encode()),
        ],
    }
    await endpoint(scope, receive, send)
    parts = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    return int(sent[0]["status"]), json.loads(parts)
