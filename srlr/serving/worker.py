"""A process that holds one release and answers on a Unix socket.

    python -m srlr.serving.worker SOCKET        the Spec is a line of JSON on its standard input

    POST /answer   an Ask as JSON, answered by a Piece a line; an empty line says: still alive.
                   400, 429, 503 and 504 are Refused, Busy, Gone and Late; once pieces have been
                   sent, an error is the last line. Closing the connection gives the answer up.
    GET /health    what it does and how fast

It says on its standard output that it can answer, which it has tried, or why it cannot. SIGTERM
lets it finish what it has begun. It ends at once when its standard input closes: nobody is left who
could ask it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from srlr.core import log as logs
from srlr.core.errors import ResourceError, SrlrError
from srlr.serving import answerer, wire
from srlr.serving.answerer import Answerer
from srlr.serving.asked import Ask, Busy, Gone, Piece
from srlr.serving.spec import Spec

log = logging.getLogger(__name__)
SIGN_OF_LIFE_S = 1.0
"""How long nothing is said before an empty line is."""
BODY_BYTES = 16 << 20
"""Longer asks are refused unread."""
DRAIN_S = 600
TRIED = Ask("warm", "", ({"role": "user", "content": "Hello"},), max_tokens=4)


class Held:
    """The release while it is loaded, and what answers once it is."""

    def __init__(self, spec: Spec, path: Path) -> None:
        self.spec, self.path, self.began = spec, path, time.time()
        self.answers: Answerer | None = None

    async def load(self) -> None:
        """Loads it, and has it answer once: a port that is open proves nothing."""
        found = await asyncio.to_thread(answerer.load, self.spec, self.path)
        async for piece in found.answer(TRIED):
            log.debug("tried: %r", piece)
        self.answers = found

    def health(self) -> Mapping[str, Any]:
        it = self.answers
        return {
            "state": "loading" if it is None else "ready",
            "running": 0 if it is None else it.running,
            "waiting": 0 if it is None else it.waiting,
            "tokens_per_second": 0.0 if it is None else it.tokens_per_second,
            "replay": None if it is None else it.replay,
            "release": self.spec.release,
            "engine": self.spec.engine,
            "pid": os.getpid(),
            "seconds": round(time.time() - self.began, 1),
        }

    def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        if self.answers is None:
            raise Busy(f"{self.spec.release} is being loaded", "try again")
        return self.answers.answer(ask)


def app(held: Held) -> Any:
    """The ASGI application."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def health(_: Request) -> Response:
        return JSONResponse(held.health())

    async def answer(request: Request) -> Any:
        return Answering(held, await request.body())

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/answer", answer, methods=["POST"], max_body_size=BODY_BYTES),
        ]
    )


class Answering:
    """The response to one ask: pieces until the last, or until its connection closes."""

    def __init__(self, held: Held, body: bytes) -> None:
        self.held, self.body = held, body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        speaking = asyncio.create_task(_speak(self.held, self.body, send))
        leaving = asyncio.create_task(_left(receive))
        await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (speaking, leaving):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await speaking


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _speak(held: Held, body: bytes, send: Any) -> None:
    """Pieces as they come; the first one decides the status."""
    began = False

    async def say(line: bytes, status: int = 200) -> None:
        nonlocal began
        if not began:
            began = True
            headers = [(b"content-type", b"application/x-ndjson")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": line, "more_body": True})

    try:
        async with contextlib.aclosing(_lines(held, body)) as lines:
            async for line in lines:
                await say(line)
    except SrlrError as error:
        await say(wire.error_line(error), wire.STATUS.get(type(error), 503))
    except Exception as error:
        log.exception("an answer failed")
        await say(wire.error_line(Gone(f"the answer failed: {error!r}")), 503)
    await send({"type": "http.response.body", "body": b""})


async def _lines(held: Held, body: bytes) -> AsyncGenerator[bytes, None]:
    """Pieces, and empty lines where nothing is said for a while."""
    async with contextlib.aclosing(held.answer(wire.ask_of(body))) as pieces:
        coming: asyncio.Task[Piece] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(pieces))
                done, _ = await asyncio.wait({coming}, timeout=SIGN_OF_LIFE_S)
                if not done:
                    yield b"\n"
                    continue
                try:
                    piece = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield wire.piece_line(piece)
        finally:
            if coming is not None:
                coming.cancel()
                with contextlib.suppress(asyncio.CancelledError, SrlrError, StopAsyncIteration):
                    await coming


# -- the process -----------------------------------------------------------------------------------


def listen(path: Path) -> socket.socket:
    """A socket at `path` that nobody else may use; one that a killed worker left is replaced."""
    path.unlink(missing_ok=True)
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        one.bind(str(path))
    except OSError as error:
        raise ResourceError(
            f"no socket can be made at {str(path)!r}: {error}",
            "choose a folder with a shorter path that you may write in",
        ) from error
    finally:
        os.umask(before)
    one.listen(1024)
    return one


def hold_on() -> None:
    """Ends this process when its standard input closes."""

    def wait() -> None:
        while sys.stdin.buffer.read(1):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


async def work(spec: Spec, path: Path, say: Any) -> None:
    """Serves until SIGTERM, and then until what has begun is finished."""
    import uvicorn

    held = Held(spec, path)
    config = uvicorn.Config(
        app(held),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=DRAIN_S,
        backlog=1024,
    )
    server = uvicorn.Server(config)
    # uvicorn's own handler raises the signal again when all is done, and this process would end by
    # it: with the socket left behind, and as if it had failed.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
    serving = asyncio.create_task(server.serve(sockets=[listen(path)]))
    loading = asyncio.create_task(held.load())
    await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
    if loading.done():
        loading.result()
        say({"ready": held.health()})
    await serving
    path.unlink(missing_ok=True)


def main(words: list[str]) -> None:
    """The process from its start to its end."""
    told = json.loads(sys.stdin.buffer.readline())
    spec = Spec(**{**told, "folder": Path(told["folder"])})
    logs.setup(0)
    hold_on()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for what is said here

    def say(what: Mapping[str, Any]) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    code = 0
    try:
        asyncio.run(work(spec, Path(words[0]), say))
    except SrlrError as error:
        say({"error": {"what": error.what, "hint": error.hint}})
        code = error.exit_code
    except Exception as error:
        log.exception("the worker failed")
        say({"error": {"what": f"the worker failed: {error!r}", "hint": "see its log"}})
        code = 1
    os._exit(code)  # threads of the engine have nothing left to do


if __name__ == "__main__":
    main(sys.argv[1:])
