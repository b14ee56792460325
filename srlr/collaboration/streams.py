"""An answer that comes piece by piece, put together: a server that falls silent half-way is noticed
long before the whole answer is due, and a slow one that goes on is not mistaken for it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any


class Cut(Exception):
    """The stream ended, or broke, before its answer did."""


class Stalled(Exception):
    """Nothing came for so long that nothing more is waited for."""


async def whole(stream: Any, idle_s: float) -> Any:
    """What the server would have answered at once; the body itself where it did not stream.

    Args:
        stream: the SDK's, of chunks as plain JSON.
        idle_s: the longest pause between two pieces; the first may take as long as it takes.

    Raises:
        Cut, Stalled: it has no end.
        KeyError, TypeError, AttributeError: the chunks are none of a completion.
    """
    kind = stream.response.headers.get("content-type", "")
    try:
        if not kind.startswith("text/event-stream"):
            return await _body(stream.response)
        return await _put_together(stream, idle_s)
    finally:
        await stream.close()


async def _body(response: Any) -> Any:
    try:
        said = await response.aread()
    except Exception as error:  # the transport's own: the SDK wraps them everywhere but here
        raise Cut(str(error) or type(error).__name__) from error
    try:
        return json.loads(said)
    except ValueError:
        return said.decode("utf-8", "replace")


async def _put_together(stream: Any, idle_s: float) -> dict[str, Any]:
    chunks = aiter(stream)
    wait_s: float | None = None
    texts: list[str] = []
    refusals: list[str] = []
    model = usage = finish = None
    while (chunk := await _next(chunks, wait_s)) is not None:
        wait_s = idle_s
        model, usage = chunk.get("model") or model, chunk.get("usage") or usage
        # The chunk that tells the usage has no choice.
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            texts.append(delta.get("content") or "")
            refusals.append(delta.get("refusal") or "")
            finish = choice.get("finish_reason") or finish
    if finish is None:
        raise Cut("it ended before the answer did")
    message = {"content": "".join(texts), "refusal": "".join(refusals)}
    choices = [{"message": message, "finish_reason": finish}]
    return {"model": model, "usage": usage, "choices": choices}


async def _next(chunks: AsyncIterator[Any], wait_s: float | None) -> Any:
    """The next chunk, None at the end."""
    limit = asyncio.timeout(wait_s)
    try:
        async with limit:
            return await anext(chunks, None)
    except TimeoutError:
        if limit.expired():
            raise Stalled from None
        raise
