"""A model that a server elsewhere has, asked in OpenAI's protocol: vLLM, SGLang, TGI, llama.cpp.

Such a server tells text and no tokens, so its pieces have none; and it cannot be told what was said
before, so an answer that somebody else began is Gone, and is asked anew by whoever wants it.
"""

import asyncio
import contextlib
import json
import math
import os
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from srlr.core.errors import ConfigError, ResourceError, SrlrError
from srlr.core.types import Message
from srlr.serving.answerer import late, seconds_left
from srlr.serving.asked import Ask, Busy, Finish, Gone, Piece, Refused
from srlr.serving.spec import Spec

SILENCE_S = 120.0
"""A server that says nothing for so long is as good as gone: unlike our workers it does not say
that it is alive."""
HELLO: tuple[Message, ...] = ({"role": "user", "content": "Hello"},)
UNREAD = (400, 413, 422)
"""Statuses that say of a request that it is wrong; others are the server's or our settings'."""
DENIED = (401, 403)
KEYLESS = "it wants a key: workers.api_key_env=NAME of the variable that holds it"
LOOK_S = 10.0
"""Within which a server says that it is there."""
WORDS = 300
"""Characters of a server's own words in an error."""


async def start(spec: Spec, *, timeout_s: float) -> "Elsewhere":
    """The server's model, which has answered already.

    Raises:
        ConfigError: the Spec has no url, or names a variable that is not set; or it names no model
            and the server has not exactly one.
        ResourceError: it did not answer within the time.
    """
    if not spec.url:
        raise ConfigError(f"{spec.release}: the engine openai needs a url", "workers.url=URL")
    key = os.environ.get(spec.api_key_env) if spec.api_key_env else None
    if spec.api_key_env and not key:
        raise ConfigError(
            f"{spec.release}: the environment has no {spec.api_key_env}",
            f"export {spec.api_key_env}=… before the gateway is started",
        )
    worker = Elsewhere(spec, key, spec.model or "")
    try:
        async with asyncio.timeout(timeout_s):
            worker.model = spec.model or await worker.only_model()
            async for _ in worker.answer(Ask("warm", spec.role, HELLO, max_tokens=4)):
                pass
    except BaseException as error:
        await worker.stop(0)
        if isinstance(error, TimeoutError):
            what = f"{spec.url} did not answer within {timeout_s:g} s"
            raise ResourceError(what, "see whether it is loading, or allow it more time") from error
        if isinstance(error, Refused | Busy | Gone):
            raise ResourceError(f"{spec.url} does not answer: {error.what}", error.hint) from error
        raise
    return worker


@dataclass(eq=False, slots=True)
class Elsewhere:
    """As workers.Worker, without a process of ours."""

    spec: Spec
    key: str | None = field(default=None, repr=False)
    model: str = ""
    """What the server calls it."""
    pid: None = None
    alive: bool = True
    running: int = 0
    _session: Any = field(default=None, repr=False)

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        if ask.delivered:
            raise Gone(
                f"{self.spec.url} cannot go on with an answer that was begun elsewhere",
                "ask for it anew",
            )
        if not self.alive:
            raise Gone(f"the client of {self.spec.url} was closed")
        seconds_left(ask)
        self.running += 1
        try:
            async with contextlib.aclosing(self._pieces(ask)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self.running -= 1

    async def _pieces(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        path = "chat/completions" if ask.prompt is None else "completions"
        response = await self._heard(ask, self._client().post(self._at(path), json=self._body(ask)))
        async with response:
            if response.status != 200:
                raise self._refusal(response, await self._heard(ask, response.text()))
            finish: Finish | None = None
            usage: Mapping[str, Any] = {}
            while True:
                line: bytes = await self._heard(ask, response.content.readline())
                data = line.removeprefix(b"data:").strip()
                if not line or data == b"[DONE]":
                    break
                if not line.startswith(b"data:"):
                    continue  # an empty line, a comment
                said = self._event(data)
                usage = said.get("usage") or usage
                for choice in said.get("choices") or ():
                    text = (choice.get("delta") or {}).get("content") or choice.get("text") or ""
                    if choice.get("finish_reason"):
                        finish = "length" if choice["finish_reason"] == "length" else "stop"
                    if text:
                        yield Piece((), text)
            if finish is None:
                raise self._gone("it stopped in the middle of an answer")
            counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
            yield Piece((), "", finish, *(int(count or 0) for count in counts))

    async def only_model(self) -> str:
        """The server's model, where it has one.

        Raises:
            ConfigError: it has several, or does not say.
            Gone: it does not answer.
        """
        ask = Ask("models", self.spec.role)
        async with await self._heard(ask, self._client().get(self._at("models"))) as response:
            if response.status in DENIED:
                raise self._refusal(response, await self._heard(ask, response.text()))
            told = await self._heard(ask, response.read())
        with contextlib.suppress(ValueError, TypeError, KeyError):
            names = [str(one["id"]) for one in json.loads(told)["data"]]
            if len(names) == 1:
                return names[0]
            raise ConfigError(
                f"{self.spec.url} has the models {', '.join(names)[:WORDS] or 'none'}",
                "say which one is meant: workers.model=NAME",
            )
        raise ConfigError(
            f"{self.spec.url} does not say which models it has",
            "say what it calls the one that is meant: workers.model=NAME",
        )

    def _at(self, path: str) -> str:
        return f"{(self.spec.url or '').rstrip('/')}/{path}"

    def _body(self, ask: Ask) -> Mapping[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": ask.max_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "seed": ask.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        said = {"messages": list(ask.messages)} if ask.prompt is None else {"prompt": ask.prompt}
        body |= said
        body |= {"stop": list(ask.stop)} if ask.stop else {}
        if ask.schema is not None:
            schema = {"name": "answer", "schema": ask.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body | ({"top_k": ask.top_k} if ask.top_k else {})

    def _client(self) -> Any:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
                timeout=aiohttp.ClientTimeout(total=None),
                read_bufsize=1 << 20,
            )
        return self._session

    async def _heard(self, ask: Ask, coming: Any) -> Any:
        """What comes before the deadline.

        Raises:
            Late: it is over. Gone: the server is, or has said nothing for SILENCE_S.
        """
        import aiohttp

        try:
            left = seconds_left(ask)
        except SrlrError:
            coming.close()
            raise
        try:
            # Not wait_for, which can lose a cancellation: see Worker._piece.
            async with asyncio.timeout(min(SILENCE_S, math.inf if left is None else left)):
                return await coming
        except TimeoutError:
            if left is not None and left <= SILENCE_S:
                raise late(ask) from None
            raise self._gone(f"nothing was heard of it for {SILENCE_S:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._gone(error) from error

    def _event(self, data: bytes) -> Mapping[str, Any]:
        try:
            said = json.loads(data)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise self._gone(f"it says what is no completion: {data[:WORDS]!r}")
        if said.get("error"):
            raise self._gone(str(said["error"])[:WORDS])
        return said

    def _refusal(self, response: Any, text: str) -> SrlrError:
        """What a status other than 200 means."""
        status, wait = response.status, response.headers.get("Retry-After", "")
        what = f"{self.spec.url} says {status}: {' '.join(text.split())[:WORDS]}"
        if status == 429 or (status == 503 and wait):
            return Busy(what, "try again later", float(wait) if wait.isdigit() else 1.0)
        if status in DENIED:
            hint = f"see what {self.spec.api_key_env} holds" if self.key else KEYLESS
            return Gone(what, hint)
        if status in UNREAD:
            return Refused(what, "correct what it names")
        return Gone(what, "see whether its url and model are right, and its log")

    def _gone(self, why: object) -> Gone:
        return Gone(f"{self.spec.url} is gone: {why}")

    async def health(self) -> Mapping[str, Any]:
        """As of a worker, from this side: the server's own figures are not known here.

        Raises:
            Gone: the server does not answer.
        """
        if not self.alive:
            raise self._gone("its client was closed")
        look = Ask("health", self.spec.role, deadline=time.time() + LOOK_S)
        async with await self._heard(look, self._client().get(self._at("models"))) as response:
            if response.status >= 500:
                raise self._gone(f"it says {response.status}")
        return {
            "state": "ready",
            "running": self.running,
            "waiting": 0,
            "tokens_per_second": None,
            "replay": None,
            "release": self.spec.release,
            "engine": "openai",
            "pid": None,
        }

    async def stop(self, grace_s: float = 30.0) -> None:
        """Ends when what it has asked is answered, or after so many seconds."""
        until = time.monotonic() + grace_s
        while self.running and time.monotonic() < until:
            await asyncio.sleep(0.05)
        self.alive = False
        if self._session is not None:
            await self._session.close()
