"""Answers that nobody waits for: durable jobs, each answered once and kept.

A job is a row of a database before whoever submitted it is told so. It is taken from a queue,
answered, and its callback, if it has one, is called: three steps of a DBOS workflow, each done once
and remembered. A gateway that is killed takes its own jobs up again when it is started: what was
answered is not answered again; what was being answered is begun anew, as nothing of it was told.
A callback can be called twice, if the gateway died between the call and writing that down:
`id` is in it, so that its receiver can tell.

State: SQLite in store_dir, or PostgreSQL, which several gateways share; a gateway's `name` then is
what it takes up its own jobs by.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import dbos
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID, StepOptions

from srlr.core.errors import SrlrError
from srlr.serving.asked import Busy, Gone, Late, Refused

log = logging.getLogger(__name__)

QUEUE, WORKFLOW = "answers", "srlr.answer"
VERSION = "1"
"""Of the workflow's steps: jobs of another version are left to a gateway that knows them."""
POLL_S = 0.2
CALLBACK_TRIES, CALLBACK_TIMEOUT_S = 6, 10.0
BUSY_TRIES = 20
"""About five minutes."""
PASSING = (Busy, Late, Gone)
"""What may be otherwise a moment later."""
SIGNATURE = "X-Srlr-Signature"

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: Mapping[str, State] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""answer(the request's body): the response's body.

Raises:
    Busy: there is no room; it is asked again.
    SrlrError: the job fails with its words.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job. `response` and `error` are there when it is over."""

    id: str
    state: State
    role: str
    owner: str
    """What the request's body says under `key`: whose job it is."""
    created: float
    """Seconds since the epoch."""
    updated: float
    response: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs are kept and who works on them."""

    url: str
    """sqlite:///PATH or postgresql://…"""
    name: str = "gateway"
    concurrency: int = 4
    """Jobs that this gateway answers at once."""
    callback_hosts: tuple[str, ...] = ()
    """Hosts that may be called back; a request cannot make the gateway call any other."""
    callback_secret: str = ""
    """What the callbacks' bodies are signed with; empty: they are not."""


class Jobs:
    """The jobs of this process. DBOS is one a process, so there is one of this."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._workflow: Any = None

    async def submit(
        self,
        body: dict[str, Any],
        role: str,
        *,
        callback: str | None = None,
        key: str | None = None,
    ) -> Job:
        """The job, stored. The same `key` with the same role is the same job, whatever its body.

        Raises:
            Refused: the callback is not at a host that may be called.
        """
        if callback is not None:
            self._check(callback)
        name = f"{role}-{hashlib.sha256(key.encode()).hexdigest()[:24]}" if key else uuid4().hex
        with SetWorkflowID(name):
            await DBOS.enqueue_workflow_async(QUEUE, self._workflow, body, role, callback)
        found = await self.get(name)
        assert found is not None, "a job that was stored is there"
        return found

    async def get(self, name: str) -> Job | None:
        """The job of that id, or None."""
        found = await DBOS.list_workflows_async(workflow_ids=[name], name=WORKFLOW)
        return _job(found[0]) if found else None

    async def cancel(self, name: str) -> Job | None:
        """The job, which is not begun any more, or whose answer is thrown away."""
        found = await self.get(name)
        if found is not None and found.state in ("queued", "running"):
            await DBOS.cancel_workflow_async(name)
            found = await self.get(name)
        return found

    def stop(self, grace_s: int = 10) -> None:
        """Ends this process's work; jobs that run are finished within `grace_s`, or later."""
        DBOS.destroy(workflow_completion_timeout_sec=grace_s)

    def _check(self, callback: str) -> None:
        parts = urlsplit(callback)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise Refused(f"callback: {callback!r} is no URL", "write https://host/path")
        if parts.hostname not in self._place.callback_hosts:
            raise Refused(
                f"callback: {parts.hostname!r} may not be called from here",
                f"serve.callback_hosts=[{parts.hostname}] allows it",
            )


async def start(place: Place, answer: Answer) -> Jobs:
    """The jobs in `place`; from now on this process answers them with `answer`."""
    jobs = Jobs(place)
    DBOS(
        config={
            "name": "srlr",
            "system_database_url": place.url,
            "application_version": VERSION,
            "executor_id": place.name,
            "log_level": "ERROR",
            "notification_listener_polling_interval_sec": POLL_S,
            # Not pickle, its default: whoever can write to the database could run code here.
            "serializer": DBOSPortableJSONSerializer(),
        }
    )
    jobs._workflow = _registered(place, answer)
    DBOS.launch()
    await DBOS.register_queue_async(
        QUEUE, worker_concurrency=place.concurrency, polling_interval_sec=POLL_S
    )
    return jobs


def _registered(place: Place, answer: Answer) -> Any:
    """The workflow of a job; its name and the order of its steps are in the database."""

    async def answered(body: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"response": await answer(body)}
        except PASSING:
            raise  # it is asked again
        except SrlrError as error:
            said = {"what": error.what, "hint": error.hint, "type": type(error).__name__}
            return {"error": said}

    async def called_back(callback: str, told: dict[str, Any]) -> int:
        return await _call(callback, told, place.callback_secret)

    again = StepOptions(
        name="answer",
        retries_allowed=True,
        max_attempts=BUSY_TRIES,
        interval_seconds=0.5,
        backoff_rate=1.3,
        should_retry=lambda error: isinstance(error, PASSING),
    )
    calls = StepOptions(
        name="callback", retries_allowed=True, max_attempts=CALLBACK_TRIES, interval_seconds=1.0
    )

    @DBOS.workflow(name=WORKFLOW)
    async def job(body: dict[str, Any], role: str, callback: str | None) -> dict[str, Any]:
        try:
            done = await DBOS.run_step_async(again, answered, body)
        except dbos.error.DBOSMaxStepRetriesExceeded as error:
            why = f"there was no room: asked {BUSY_TRIES} times; {error.errors[-1]}"
            done = {"error": {"what": why, "hint": "submit it again later", "type": "Busy"}}
        if callback is not None:
            told = {"id": DBOS.workflow_id, "role": role, **done}
            try:
                await DBOS.run_step_async(calls, called_back, callback, told)
            except dbos.error.DBOSMaxStepRetriesExceeded as error:
                done = {**done, "callback": f"could not be called: {error.errors[-1]}"}
        return done

    return job


async def _call(callback: str, told: dict[str, Any], secret: str) -> int:
    """Tells the receiver; its status. Redirects are not followed: they would lead anywhere."""
    data = json.dumps(told, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if secret:
        headers[SIGNATURE] = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    timeout = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(callback, data=data, headers=headers, allow_redirects=False) as response,
    ):
        if response.status >= 300:
            raise RuntimeError(f"the receiver answered {response.status}")
        return response.status


def _job(status: Any) -> Job:
    output = status.output if isinstance(status.output, dict) else {}
    state = STATES.get(status.status, "failed")
    error = output.get("error")
    if state == "failed" and error is None:
        error = {"what": str(status.error or "it was begun too often"), "hint": "", "type": "bug"}
    body, role = status.input["args"][:2] if status.input else ({}, "")
    return Job(
        id=status.workflow_id,
        state="failed" if error else state,
        role=str(role),
        owner=str(body.get("key", "")),
        created=(status.created_at or 0) / 1000,
        updated=(status.updated_at or 0) / 1000,
        response=output.get("response"),
        error=error,
    )
