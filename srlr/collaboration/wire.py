"""One server that speaks OpenAI's protocol, as the SDK reaches it: a request, and what came of it.

    wire = Wire(asked, stream=True)
    await wire.sent(request)          protocol.Said, or faults.Fault
    await wire.names()                names of its models, or a Fault

Options that the server refuses are left out from then on, and it is asked for no stream any more
where it does not say what a streamed answer has cost.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from srlr.collaboration import protocol, streams
from srlr.collaboration.faults import Asked, Fault, fault, garbled
from srlr.core.errors import MissingArtifact

NO_COMPLETION = (KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What reading the body of an answer raises that has another form."""


class Wire:
    """Requests are made once each; who asks again is somebody else's care.

    Raises:
        MissingArtifact: the package is not installed.
    """

    def __init__(self, asked: Asked, *, stream: bool) -> None:
        self.asked = asked
        self._client = _sdk(asked)
        self._left_out: set[str] = set() if stream else {"stream"}

    async def sent(self, request: Mapping[str, Any]) -> protocol.Said | Fault:
        """What the server says to a request, sent again without an option that it refuses."""
        while True:
            left_out = set(self._left_out)
            came = await self._once(request, left_out)
            if not (isinstance(came, Fault) and self._leaves_out(came, request, left_out)):
                return came

    async def names(self) -> list[str] | Fault:
        """The models that the server says it has."""
        said: Any = None
        try:
            async with asyncio.timeout(self.asked.timeout_s):
                said = await self._client.get("/models", cast_to=object)
            return [str(row["id"]) for row in said["data"]]
        except NO_COMPLETION as error:
            # An address of something else: the next answer would be no list of models either.
            return replace(garbled(error if said is None else said, self.asked), kind="fatal")
        except Exception as error:  # noqa: BLE001 - each kind is told apart by `fault`
            return fault(error, self.asked)

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._client.close()

    async def _once(self, request: Mapping[str, Any], left_out: set[str]) -> protocol.Said | Fault:
        body = protocol.body(request, left_out)
        said: Any = None
        try:
            async with asyncio.timeout(self.asked.timeout_s):
                said = await self._answer(body)
            told = protocol.told(said, self.asked.key.hide)
        except NO_COMPLETION as error:
            return garbled(error if said is None else said, self.asked)
        except Exception as error:  # noqa: BLE001 - each kind is told apart by `fault`
            return fault(error, self.asked)
        if told.prompt_tokens is None:
            self._left_out.add("stream")
        return told

    async def _answer(self, body: dict[str, Any]) -> Any:
        if not body.get("stream"):
            return await self._client.post("/chat/completions", cast_to=object, body=body)
        import openai

        stream = await self._client.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        return await streams.whole(stream, self.asked.idle_s)

    def _leaves_out(self, came: Fault, request: Mapping[str, Any], already: set[str]) -> bool:
        """Whether an option was named in a refusal, and is left out from now on."""
        if came.kind != "refused":
            return False
        for name, words in protocol.OPTIONAL.items():
            sent = (name in request or name == "stream") and name not in already
            if sent and re.search(words, came.error.what):
                self._left_out.add(name)
                return True
        return False


def _sdk(asked: Asked) -> Any:
    """The SDK's client, which makes no request twice by itself."""
    try:
        import openai
    except ModuleNotFoundError as error:
        raise MissingArtifact(
            f"{asked.at}: the package {error.name!r} is not installed", "pip install 'srlr[server]'"
        ) from error
    # A client without a key would look for one in OPENAI_API_KEY, which may be another server's.
    return openai.AsyncOpenAI(
        base_url=asked.url,
        api_key=asked.key.reveal() or "none",
        timeout=asked.timeout_s,
        max_retries=0,
    )
