"""What a sandboxed process says, read as if an enemy had written it."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from srlr.core.sandboxing import Sandbox
from srlr.sandbox.inside import decode

Ended = Literal["done", "time", "output", "died"]
Popen = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """A question to a program: a function of it, and plain values."""

    function: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call came to; `error` says why there is no value, and is empty where there is one."""

    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """Replies in the order of the calls, as far as they came, and how it ended."""

    replies: tuple[Reply, ...]
    ended: Ended
    seconds: float


def heard(
    process: Popen, stream: IO[bytes], settings: Sandbox, began: float
) -> tuple[bytes, Ended]:
    """What came on the stream until it ended or a limit was reached."""
    most, until = settings.output_kb << 10, began + settings.wall_s
    text = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, until - time.monotonic())):
                return bytes(text), "time"
            piece = os.read(stream.fileno(), 1 << 16)
            if not piece:
                break
            text += piece
            if len(text) > most:
                return bytes(text[:most]), "output"
    try:
        status = process.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(text), "time"
    if status in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return bytes(text), "time"
    return bytes(text), "done" if status == 0 else "died"


def read(text: bytes, most: int) -> tuple[Reply, ...]:
    """The replies of whole lines, `most` of them; what a line does not hold is an error."""
    return tuple(_reply(line) for line in text.split(b"\n")[:-1][:most])


def _reply(line: bytes) -> Reply:
    if line[:1] != b"=":
        return Reply(error=line[1:].decode("utf-8", "replace") or "no answer")
    try:
        return Reply(decode(line[1:]))
    except ValueError as error:
        return Reply(error=str(error))
