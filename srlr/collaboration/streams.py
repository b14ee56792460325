"""An answer that comes piece by piece, put together: a server that falls silent half-way is noticed
long before the whole answer is due, and a slow one that goes on is not mistaken for it.

The lines are read here and not by the SDK, which makes an object of every piece: with 64 answers at
once that took longer than all the rest (`python -m benchmarks.teacher`).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

DONE = b"[DONE]"
AFTER_DONE_S = 1.0
"""For the end of a body whose last event was there: a connection that has ended well is kept."""


class Cut(Exception):
    """The stream ended, or broke, before its answer did."""


class Stalled(Exception):
    """Nothing came for so long that nothing more is waited for."""


async def whole(stream: Any, idle_s: float) -> Any:
    """What the server would have answered at once; the body itself where it did not stream.

    Args:
        stream: the SDK's, of which only the response is used.
        idle_s: the longest pause between two pieces; the first may take as long as it takes.

    Raises:
        Cut, Stalled: it has no end.
        ValueError, KeyError, TypeError, AttributeError: the events are none of a completion.
    """
    response = stream.response
    kind = response.headers.get("content-type", "")
    chunks = aiter(response.aiter_bytes())
    try:
        if kind.startswith("text/event-stream"):
            return completion([one async for one in _events(chunks, idle_s)])
        body = b"".join([one async for one in _pieces(chunks, None)])
    finally:
        await stream.close()
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def completion(events: Iterable[bytes]) -> dict[str, Any]:
    """The completion of which these events are the pieces.

    Raises:
        Cut: the last piece is not there, or the server says in its place what went wrong.
        ValueError, KeyError, TypeError, AttributeError: they are something else.
    """
    texts: list[str] = []
    refusals: list[str] = []
    model = usage = finish = None
    for chunk in map(json.loads, events):
        if error := chunk.get("error"):
            raise Cut(str(error.get("message") if isinstance(error, dict) else error))
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


async def _events(chunks: AsyncIterator[bytes], idle_s: float) -> AsyncIterator[bytes]:
    """The data of each event before DONE; of one that is not whole at the end, nothing."""
    held: list[bytes] = []
    left, done = b"", False
    try:
        async for piece in _pieces(chunks, idle_s):
            *lines, left = (left + piece).split(b"\n")
            for event in _data(lines, held):
                done = done or event == DONE
                if not done:
                    yield event
            if done:
                break
        if done:
            async for _ in _pieces(chunks, AFTER_DONE_S, AFTER_DONE_S):
                pass
    except (Cut, Stalled):
        if not done:
            raise


def _data(lines: Iterable[bytes], held: list[bytes]) -> Iterator[bytes]:
    """What events say that an empty line ends; `held` is what the last one has said so far."""
    for line in lines:
        if line.startswith(b"data:"):
            held.append(line[5:].strip())
        elif not line.strip() and held:
            yield b"\n".join(held)
            held.clear()


async def _pieces(
    chunks: AsyncIterator[bytes], idle_s: float | None, first_s: float | None = None
) -> AsyncIterator[bytes]:
    """The pieces of a body as they come.

    Raises:
        Cut: it broke off.
        Stalled: the next one took longer than `idle_s`, or the first longer than `first_s`.
    """
    wait_s = first_s
    while True:
        limit = asyncio.timeout(wait_s)
        try:
            async with limit:
                piece = await anext(chunks, None)
        except Exception as error:
            if limit.expired():
                raise Stalled from None
            # The transport's own; the SDK wraps them only where it reads itself.
            raise Cut(str(error) or type(error).__name__) from error
        if piece is None:
            return
        yield piece
        wait_s = idle_s
