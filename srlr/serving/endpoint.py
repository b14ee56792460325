"""The two paths that answers come from, as bare ASGI: everything between a request's first byte and
its answer's last, in the order in which it happens.

    head, key, body, model, scope, rate, guard, a place, the answer, the guard, the client
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from srlr.core.errors import SrlrError
from srlr.serving import answers, asking, forms, guarded, http, openai_api
from srlr.serving.answers import Asked
from srlr.serving.asking import Wanted
from srlr.serving.forms import Said
from srlr.serving.guarded import Instead
from srlr.serving.key_store import Key
from srlr.serving.keys import must
from srlr.serving.metrics import NOBODY
from srlr.serving.rejected import Rejected, rejected
from srlr.serving.state import Gateway

log = logging.getLogger(__name__)

JSON = (b"content-type", b"application/json")
STREAM = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))


@dataclass(slots=True)
class Course:
    """How far one request has come, for what is counted at its end."""

    began: float = field(default_factory=time.monotonic)
    role: str = NOBODY
    key: str = ""
    status: int = 200
    started: bool = False
    """The head of the answer was sent: an error can only be told in the stream."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ASGI application that answers POST requests of one kind.

    Args:
        known: who asks, where that is known already; None: whoever the request's key says.
    """

    gateway: Gateway
    kind: type[openai_api.Request]
    known: Key | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, course = Request(scope, receive), Course()
        try:
            await self._answered(request, course, send)
        except (http.ClientGone, ConnectionError):
            course.status = 499
        except SrlrError as error:
            await self._refused(course, rejected(error), error, send)
        except asyncio.CancelledError:  # the grace is over; nobody waits for this task
            why = Rejected(503, "stopping", "the gateway is being stopped", "ask again")
            await self._refused(course, why, None, send)
        except Exception:
            log.exception("a request failed")
            why = Rejected(500, "bug", "the gateway failed", "its log has the error")
            await self._refused(course, why, None, send)
        finally:
            self._counted(course)

    async def _answered(self, request: Request, course: Course, send: Send) -> None:
        gateway, headers = self.gateway, request.headers
        serve = gateway.serve
        http.check_head(request.scope, serve.limits)
        key = self.known or await gateway.keyring.caller(
            headers.get("authorization"), headers.get("host")
        )
        course.key = key.id
        body = openai_api.read(self.kind, await http.read(request, serve.limits))
        found = asking.find(gateway.backend.models(), body.model)
        course.role = role = found[0].role
        must(key, "infer", role)
        gateway.rooms.count(key.id, key.per_minute or serve.limits.key_per_minute)
        wait_s = asking.deadline(serve, headers)
        wanted = asking.wanted(
            body,
            found,
            serve,
            until=time.time() + wait_s,
            conversation=asking.conversation(key.id, headers, body.user),
        )
        course.headers = [(b"x-request-id", wanted.id.encode())]
        wanted, instead = self._let_in(wanted, wait_s)
        try:
            async with asyncio.timeout(wait_s), _while_there(request):
                if instead is not None:
                    await self._instead(wanted, instead, course, send)
                    return
                async with gateway.rooms.room(role, key.id, serve.limits):
                    await self._put(wanted, key, course, send)
        except TimeoutError:
            what = f"there was no answer within {wait_s:g} s"
            hint = "X-Deadline-Ms names another time; serve.deadline_s is what holds without it"
            raise Rejected(504, "late", what, hint) from None

    def _let_in(self, wanted: Wanted, wait_s: float) -> tuple[Wanted, Instead | None]:
        said, found = guarded.let_in(
            self.gateway.guards.of(wanted.served),
            wanted.said,
            self.gateway.violated(wanted.served.role),
            max_tokens=wanted.asks[0].max_tokens,
            seconds=wait_s,
        )
        if said == wanted.said:
            return wanted, found
        if wanted.asks[0].prompt is not None:
            each = len(wanted.asks) // len(said)
            asks = tuple(
                replace(ask, prompt=said[place // each]["content"])
                for place, ask in enumerate(wanted.asks)
            )
        else:
            chat = wanted.served.speaker.chat(said)
            asks = tuple(replace(ask, messages=chat, said=said) for ask in wanted.asks)
        return replace(wanted, asks=asks, said=said), found

    async def _put(self, wanted: Wanted, key: Key, course: Course, send: Send) -> None:
        gateway, role = self.gateway, wanted.served.role
        asked = Asked(
            wanted,
            gateway.backend,
            gateway.serve.structured,
            gateway.guards.of(wanted.served),
            gateway.violated(role),
            gateway.metrics.migrations.labels(role).inc,
        )
        if wanted.stream:
            await self._streamed(asked, course, send)
            return
        said = await answers.whole(asked)
        self._tokens(role, said)
        await self._whole(wanted, said, course, send)

    async def _whole(self, wanted: Wanted, said: list[Said], course: Course, send: Send) -> None:
        body = forms.whole(wanted, said, chat=self.kind is openai_api.Chat)
        length = (b"content-length", str(len(body)).encode())
        await send(_head(200, [JSON, length, *course.headers]))
        course.started = True
        await send(_body(body, more=False))

    async def _streamed(self, asked: Asked, course: Course, send: Send) -> None:
        """The status is sent once there is something to say: what goes wrong before has its own."""
        chunks = forms.Chunks(asked.wanted, self.kind is openai_api.Chat)
        done: dict[int, Said] = {}
        opened: set[int] = set()
        spoke = False
        events = answers.streamed(asked)
        try:
            async for _, place, value in events:
                line = b""
                if not course.started:
                    await send(_head(200, [*STREAM, *course.headers]))
                    course.started = True
                if value and not spoke:
                    spoke = True
                    seconds = time.monotonic() - course.began
                    self.gateway.metrics.first.labels(course.role).observe(seconds)
                if place not in opened:
                    opened.add(place)
                    line = chunks.first(place)
                if isinstance(value, Said):
                    done[place] = value
                    line += chunks.last(place, value)
                elif value:
                    line += chunks.text(place, value)
                await send(_body(line, more=True))
        finally:
            await events.aclose()
        said = [done[place] for place in sorted(done)]
        self._tokens(course.role, said)
        await send(_body(chunks.end(said), more=False))

    async def _instead(self, wanted: Wanted, found: Instead, course: Course, send: Send) -> None:
        """The guard's own answer, for which no model was asked."""
        said = Said(
            found.text,
            "content_filter",
            wanted.version or wanted.served.version,
            violations=guarded.visible(found.verdicts),
        )
        every = [said for _ in wanted.asks]
        if not wanted.stream:
            await self._whole(wanted, every, course, send)
            return
        chunks = forms.Chunks(wanted, self.kind is openai_api.Chat)
        await send(_head(200, [*STREAM, *course.headers]))
        course.started = True
        for place, one in enumerate(every):
            lines = chunks.first(place) + chunks.text(place, one.text) + chunks.last(place, one)
            await send(_body(lines, more=True))
        await send(_body(chunks.end(every), more=False))

    def _tokens(self, role: str, said: list[Said]) -> None:
        counted, metrics = forms.usage(said), self.gateway.metrics
        metrics.tokens.labels(role, "prompt").inc(counted["prompt_tokens"])
        metrics.tokens.labels(role, "completion").inc(counted["completion_tokens"])
        for one in said:
            if one.valid is False:
                metrics.invalid.labels(role).inc()

    async def _refused(
        self, course: Course, why: Rejected, error: SrlrError | None, send: Send
    ) -> None:
        course.status = why.status
        self.gateway.refusals.note(why, course.key, course.role)
        if error is not None and why.status >= 500 and error is not why:
            log.warning("%s", error)
        if course.started:
            # No [DONE] follows: whoever waits for it sees that the answer is not whole.
            await send(_body(forms.event(why.body()), more=False))
        else:
            await refuse(why, send, course.headers)

    def _counted(self, course: Course) -> None:
        metrics = self.gateway.metrics
        metrics.requests.labels(course.role, str(course.status)).inc()
        metrics.seconds.labels(course.role).observe(time.monotonic() - course.began)


async def refuse(why: Rejected, send: Send, more: list[tuple[bytes, bytes]] | None = None) -> None:
    """Sends an error as the whole response."""
    body = forms.encoded(why.body())
    headers = [JSON, (b"content-length", str(len(body)).encode()), *(more or [])]
    headers += [(name.encode(), value.encode()) for name, value in why.headers().items()]
    await send(_head(why.status, headers))
    await send(_body(body, more=False))


def _head(status: int, headers: list[tuple[bytes, bytes]]) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(body: bytes, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


@asynccontextmanager
async def _while_there(request: Request) -> AsyncIterator[None]:
    """Cancels what runs inside as soon as the client hangs up, and raises ClientGone."""
    me = asyncio.current_task()
    assert me is not None, "a request is answered in a task"
    gone = over = False

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        if not over:
            gone = True
            me.cancel()

    watcher = asyncio.ensure_future(watch())
    try:
        yield
    except asyncio.CancelledError:
        if gone:
            me.uncancel()
            raise http.ClientGone from None
        raise
    finally:
        over = True
        watcher.cancel()
