"""A gateway on a port, in a thread, over a backend that does as a test says.

The server, the protocol and the sockets are the real ones; only what answers is scripted, for a
model does not fail at the moment at which a test wants it to.
"""

import asyncio
import contextlib
import functools
import socket
import threading
import time
from dataclasses import dataclass, field

from srlr.core.audit import Audit
from srlr.core.guarding import Guard
from srlr.core.profile import RoleProfile
from srlr.core.serving import Serve
from srlr.serving import gateway, jobs_api, key_store, server
from srlr.serving.asked import Piece
from srlr.serving.backend import Served
from srlr.serving.guarded import Guards
from srlr.serving.keys import Keyring
from srlr.serving.speaking import speaker
from srlr.serving.state import Gateway

SAID = "words: good +2\npositive\npositive 90"
"""In the form of the role sentiment."""


@functools.cache
def served(role="sentiment"):
    import yaml

    from srlr.core.layers import config_root

    said = (config_root() / "conf" / "role" / f"{role}.yaml").read_text()
    profile = RoleProfile.model_validate(yaml.safe_load(said))
    return Served(role, "v1", speaker(profile), created=7)


@dataclass
class Scripted:
    """Answers `text(ask)` word by word, one in `pace_s`.

    `fails` is raised after `fails_after` words; `open` counts the answers under way, `freed` those
    that were closed before their end.
    """

    served: list = field(default_factory=lambda: [served()])
    text: object = lambda ask: SAID
    pace_s: float = 0.0
    fails: Exception | None = None
    fails_after: int = 0
    migrated: bool = False
    why_unready: str | None = None
    asks: list = field(default_factory=list)
    judged: list = field(default_factory=list)
    open: int = 0
    freed: int = 0

    def models(self):
        return self.served

    def unready(self):
        return self.why_unready

    def judge(self, ask, *, valid, violation):
        self.judged.append((valid, violation))

    def answer(self, ask, version, *, whole):
        self.asks.append(ask)
        return Scripting(self, ask, version or "v1")


class Scripting:
    def __init__(self, of, ask, version):
        self.of, self.ask, self.version = of, ask, version
        self.form, self.migrated = self.version, of.migrated
        self._pieces = self._said()

    def __aiter__(self):
        return self._pieces

    async def aclose(self):
        await self._pieces.aclose()

    async def _said(self):
        self.of.open += 1
        over = False
        try:
            words = self.of.text(self.ask).split(" ")
            for place, word in enumerate(words):
                if self.of.fails is not None and place == self.of.fails_after:
                    raise self.of.fails
                if self.of.pace_s:
                    await asyncio.sleep(self.of.pace_s)
                last = place == len(words) - 1
                over = last
                text = word if last else f"{word} "
                yield Piece((place,), text, "stop" if last else None, 11 if last else 0)
        finally:
            self.of.open -= 1
            self.of.freed += not over


class Gatewayed:
    """A running gateway: `url` without /v1, its state, its backend and its keys."""

    def __init__(self, folder, backend, serve, guard=None, jobs=False):
        self.folder, self.backend, self.serve, self.jobs = folder, backend, serve, jobs
        self.guard = guard or Guard()
        self.audit = Audit(folder / "audit.jsonl")

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self.keys = self._stack.enter_context(key_store.opened(self.serve.keys, self.folder))
        ring = Keyring(self.keys, self.serve.keys, alone=True)
        self.state = Gateway(self.serve, self.backend, ring, self.audit, guards=Guards(self.guard))
        self.socket = self._stack.enter_context(socket.socket())
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(128)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.app = gateway.app(self.state)
        self.server = server.uvicorn_of(self.app, self.serve, None)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()
        until = time.monotonic() + 20
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.01)
        assert self.server.started
        return self

    async def _serve(self):
        async with contextlib.AsyncExitStack() as stack:
            if self.jobs:
                running = jobs_api.running(self.app, self.state, self.folder)
                await stack.enter_async_context(running)
            await self.server.serve([self.socket])

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(20)
        self._stack.close()

    def client(self, key="none"):
        return _openai(key).with_options(base_url=f"{self.url}/v1")


@functools.cache
def _openai(key):
    """Making one takes longer than most tests: it reads the system's certificates."""
    import openai

    return openai.OpenAI(base_url="http://127.0.0.1", api_key=key, max_retries=0, timeout=20)


def serve(**said):
    """The settings, with some of them changed: limits={"running": 1}."""
    return Serve.model_validate(said)


def wait_for(held, seconds=5.0):
    until = time.monotonic() + seconds
    while not held() and time.monotonic() < until:
        time.sleep(0.01)
    return held()
