"""HTTP as it reaches the gateway: slow, oversized and malformed requests end here, with an answer
in OpenAI's shape.

uvicorn bounds neither the time in which a request's head must come nor what a client goes on
sending after it was refused; `Protocol` does both. `read` takes a body within its bounds.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from srlr.core.serving import Limits
from srlr.serving.rejected import Rejected

LINGER_S = 5.0
"""How long a refused client may go on sending, so that it can read why: a connection that is
closed on unread data is reset, and the answer lost with it.
"""


class Protocol(H11Protocol):
    """uvicorn's protocol with a time limit on a request's head, and errors as JSON."""

    limits: Limits
    timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self.limits.header_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waited()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.is_closing():
            self._waited()
        elif self.timer is None and self.timeout_keep_alive_task is None:
            self._wait(self.limits.header_s)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._wait(LINGER_S)

    def send_400_response(self, msg: str) -> None:
        # Called where h11 has refused the bytes, whose error knows the status.
        status = getattr(sys.exc_info()[1], "error_status_hint", 400)
        if status == 431:
            self._refuse(too_long(self.limits))
        elif status == 501:
            self._refuse(Rejected(501, "transfer_encoding", "only chunked is known", "chunked"))
        else:
            hint = "send HTTP/1.1, to an address with https:// if the gateway has TLS"
            self._refuse(Rejected(400, "http", "this is no HTTP that can be read", hint))

    def _wait(self, seconds: float) -> None:
        self._waited()
        self.timer = self.loop.call_later(seconds, self._over)

    def _waited(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _over(self) -> None:
        self.timer = None
        what = f"the request's head did not come within {self.limits.header_s:g} s"
        self._refuse(Rejected(408, "slow", what, "send it at once"))

    def _refuse(self, why: Rejected) -> None:
        """The last thing that is said on this connection, where anything can still be said."""
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(why.body()).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            with contextlib.suppress(h11.LocalProtocolError):
                reason = STATUS_PHRASES[why.status]
                head = h11.Response(status_code=why.status, headers=headers, reason=reason)
                for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def protocol(limits: Limits) -> type[Protocol]:
    """The protocol with these bounds."""
    return type("Protocol", (Protocol,), {"limits": limits})


class Server(uvicorn.Server):
    """uvicorn's server without its signals: who starts it decides what they mean."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def too_long(limits: Limits) -> Rejected:
    what = f"the request's head is longer than {limits.header_bytes:,} bytes"
    return Rejected(431, "header_bytes", what, "send fewer or shorter headers")


def check_head(scope: Any, limits: Limits) -> None:
    """Refuses a head that is too long, which the parser lets pass where it came in one piece."""
    size = len(scope["raw_path"]) + len(scope["query_string"])
    size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if size > limits.header_bytes:
        raise too_long(limits)


async def read(request: Request, limits: Limits) -> bytes:
    """The body, of the right kind and within its bounds.

    Raises:
        Rejected: 415, 413, or 408 where it does not come in time.
        ClientGone: the client hung up.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        what = f"the content type is {kind!r}" if kind else "the request has no content type"
        raise Rejected(415, "content_type", what, "send Content-Type: application/json")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limits.body_bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.body_s):
            return await _whole(request, limits)
    except TimeoutError:
        what = f"the body did not come within {limits.body_s:g} s"
        raise Rejected(408, "slow", what, "send it at once") from None


async def _whole(request: Request, limits: Limits) -> bytes:
    parts, size = [], 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limits.body_bytes:
            raise _too_large(limits)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else parts[0]


def _too_large(limits: Limits) -> Rejected:
    what = f"the body is larger than {limits.body_bytes:,} bytes"
    return Rejected(413, "body_bytes", what, "send less, or raise serve.limits.body_bytes")


class ClientGone(Exception):
    """Whoever asked has hung up; there is nobody to tell anything."""
