"""Workers as the gateway sees them: started, asked, looked at, stopped.

    worker = await workers.start(spec, socket_dir, timeout_s=60)
    async with contextlib.aclosing(worker.answer(ask)) as pieces:
        async for piece in pieces: …
    await worker.stop(grace_s=30)

A worker process ends with the one that started it, however that one ends.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from srlr.core.errors import ResourceError
from srlr.serving import wire
from srlr.serving.answerer import late, seconds_left
from srlr.serving.asked import Ask, Gone, Piece, Refused
from srlr.serving.spec import Spec

__all__ = ["Process", "Spec", "Worker", "start"]

SILENCE_S = 20.0
"""A worker of which nothing is heard for so long, not even an empty line, is as good as gone."""
LATER_S = 1.0
"""How much later than the worker the gateway gives up an answer that is late."""
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that have nothing to do sleep. By default they spin, for as long as the slowest of them
has no processor: where others compute too, as a second worker does, a step takes four times as long
with two threads as with one.
"""
TAIL_BYTES = 2000
LINE_BYTES = 4 << 20


class Worker(Protocol):
    """Something that answers for one release."""

    spec: Spec

    @property
    def pid(self) -> int | None:
        """None where it is no process of ours."""

    @property
    def alive(self) -> bool: ...

    def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The pieces of an answer, the last with its finish. Close the iterator (contextlib.
        aclosing) to give the answer up.

        Raises:
            Refused, Busy, Late, Gone: see srlr.serving.asked.
        """

    async def health(self) -> Mapping[str, Any]:
        """See srlr.serving.worker.

        Raises:
            Gone: it does not say.
        """

    async def stop(self, grace_s: float = 30.0) -> None:
        """It finishes what it has begun, for so many seconds; then it is killed."""


async def start(spec: Spec, socket_dir: Path, *, timeout_s: float = 120.0) -> Worker:
    """A worker that has answered already.

    Raises:
        ResourceError: it could not be started or loaded, or not within the time; what it said of
            that is in the message, and nothing of it is left.
    """
    if spec.engine == "openai":
        from srlr.serving import elsewhere

        return await elsewhere.start(spec, timeout_s=timeout_s)
    socket_dir.mkdir(parents=True, exist_ok=True)
    path = socket_dir / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
    with path.with_suffix(".log").open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "srlr.serving.worker", str(path)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=out,
            start_new_session=True,  # Ctrl-C is the gateway's to hear
            env={**WAITING, **os.environ},
        )
    worker = Process(spec, path, process)
    try:
        await worker.ready(timeout_s)
    except BaseException:
        await worker.stop(grace_s=0)
        raise
    return worker


@dataclass(eq=False, slots=True)
class Process:
    """A worker in a process of its own; see Worker."""

    spec: Spec
    path: Path
    process: asyncio.subprocess.Process
    _session: Any = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ready(self, timeout_s: float) -> None:
        """Tells it what it is and waits until it has answered.

        Raises:
            ResourceError: see `start`.
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(told(self.spec))
            await stdin.drain()
        try:
            line = await asyncio.wait_for(stdout.readline(), timeout_s)
        except TimeoutError:
            raise ResourceError(
                f"the worker of {self.spec.release} was not ready within {timeout_s:g} s",
                "allow it more time, or see why it is slow: " + str(self.log),
            ) from None
        said = json.loads(line) if line else {}
        if "ready" in said:
            return
        error = said.get("error") or {
            "what": f"the worker of {self.spec.release} ended while it was loading: {self._tail()}",
            "hint": f"see {self.log}",
        }
        raise ResourceError(error["what"], error["hint"])

    @property
    def log(self) -> Path:
        return self.path.with_suffix(".log")

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            text = self.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
            return text.splitlines()[-1] if text else "it said nothing"
        return "it said nothing"

    def _client(self) -> Any:
        """What talks to its socket.

        Raises:
            Gone: the process has ended.
        """
        if not self.alive:
            raise self._gone(f"it ended with {self.process.returncode}")
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(self.path), limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                read_bufsize=LINE_BYTES,
            )
        return self._session

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        import aiohttp

        left = seconds_left(ask)
        body, finish = wire.ask_line(ask), None
        try:
            async with asyncio.timeout(SILENCE_S if left is None else min(left, SILENCE_S)):
                response = await self._client().post("http://worker/answer", data=body)
        except TimeoutError:
            seconds_left(ask)
            raise self._gone("it does not answer") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone(error) from error
        async with response:
            if response.status != 200:
                raise await self._refusal(response)
            while finish is None:
                piece = await self._piece(response, ask)
                finish = piece.finish
                yield piece

    async def _piece(self, response: Any, ask: Ask) -> Piece:
        import aiohttp

        while True:
            patience = SILENCE_S
            if ask.deadline is not None:
                patience = min(SILENCE_S, max(0.0, ask.deadline + LATER_S - time.time()))
            try:
                # Not wait_for: before Python 3.12 it loses a cancellation that comes with a line,
                # and a client that hung up would be answered to the end.
                async with asyncio.timeout(patience):
                    line: bytes = await response.content.readline()
            except TimeoutError:
                if ask.deadline is not None and time.time() > ask.deadline:
                    raise late(ask) from None
                raise self._gone(f"nothing was heard of it for {SILENCE_S:g} s") from None
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise self._gone(error) from error
            if not line.endswith(b"\n"):
                raise self._gone("it stopped in the middle of an answer")
            if line != b"\n":
                return wire.piece_of(line)

    async def _refusal(self, response: Any) -> Exception:
        """What a status other than 200 means."""
        if response.status == 413:
            return Refused("the request is too large for a worker", "shorten it")
        try:
            async with asyncio.timeout(SILENCE_S):
                wire.piece_of(await response.read())
        except Exception as error:  # noqa: BLE001 - the error is what is asked for
            return error
        return self._gone(f"status {response.status}")

    def _gone(self, why: object) -> Gone:
        return Gone(f"the worker {self.pid} of {self.spec.release} is gone: {why}")

    async def health(self) -> Mapping[str, Any]:
        import aiohttp

        try:
            async with asyncio.timeout(SILENCE_S):
                async with self._client().get("http://worker/health") as response:
                    told: Mapping[str, Any] = await response.json()
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise self._gone(error or "it does not answer") from error
        return told

    async def stop(self, grace_s: float = 30.0) -> None:
        with contextlib.suppress(ProcessLookupError):
            if grace_s > 0:
                self.process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.process.wait(), grace_s)
            if self.alive:
                self.process.kill()
        await self.process.wait()
        if self._session is not None:
            await self._session.close()
        for left in self.path.parent.glob(f"{self.path.stem}*"):
            left.unlink(missing_ok=True)


def told(spec: Spec) -> bytes:
    """The line that a worker is started with: not on its command line, which everybody may see."""
    from dataclasses import asdict

    return json.dumps({**asdict(spec), "folder": str(spec.folder)}).encode() + b"\n"
