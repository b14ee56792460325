"""An event loop in a thread, so that one worker serves the tests of a module."""

import asyncio
import contextlib
import threading


class Living:
    """`living(coroutine)` is what it returns."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def __call__(self, coroutine, timeout=240):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)


async def answered(worker, ask, stop_after=None, then=None):
    """The pieces of an answer; `then()` is called after the piece of that number."""
    found = []
    async with contextlib.aclosing(worker.answer(ask)) as pieces:
        async for piece in pieces:
            found.append(piece)
            if len(found) == stop_after:
                then()
    return found


def tokens(pieces):
    return tuple(token for piece in pieces for token in piece.tokens)


def text(pieces):
    return "".join(piece.text for piece in pieces)
