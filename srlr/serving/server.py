"""The gateway as a process: its socket, its signals, its end.

SIGTERM, SIGINT   no more requests; those under way are finished within grace_s, and it exits
                  with 0. The second one ends it at once.
SIGHUP            the settings are read again
"""

import asyncio
import json
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import APIRouter

from srlr.core.audit import FILE, Audit
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.rundir import write_atomic
from srlr.core.serving import Serve
from srlr.core.settings import Settings
from srlr.serving import gateway, http, jobs_api, key_store
from srlr.serving.backend import Backend
from srlr.serving.guarded import Guards
from srlr.serving.key_store import Store
from srlr.serving.keys import LOOPBACK, Keyring
from srlr.serving.rejected import Rejected
from srlr.serving.state import Gateway

BACKLOG = 512
STATE = "gateway.json"
"""In the store: the address of the gateway that serves it, or of the last one that did."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway is put together from, beside its settings.

    Args:
        backend: entered once the port is the gateway's own, left when the last answer is over.
        say: told in a line what a person at the terminal should know.
        reread: the settings as they are written now.
        routers: more paths, such as /admin's.
        jobs: whether it keeps requests, to answer them when there is time.
    """

    backend: AbstractAsyncContextManager[Backend]
    say: Callable[[str], None]
    reread: Callable[[], Settings] | None = None
    routers: tuple[Callable[[Gateway], APIRouter], ...] = ()
    jobs: bool = False


async def serve(settings: Settings, parts: Parts) -> None:
    """Answers requests until a signal ends it, gracefully.

    Raises:
        ConfigError: without keys it would be open to other machines, or TLS files do not fit.
        ResourceError: the port is taken, or the keys cannot be read.
    """
    node = settings.serve
    audit = Audit(Path(settings.store_dir) / FILE)
    with ExitStack() as stack:
        store = stack.enter_context(key_store.opened(node.keys, Path(settings.store_dir)))
        alone = _alone(node, store)
        tls = _tls(node)
        listening = stack.enter_context(_listening(node))
        url = _url(listening, tls=tls is not None)
        # Left after the backend: a second signal ends the wait for its workers too.
        hearing = stack.enter_context(ExitStack())
        async with parts.backend as backend, AsyncExitStack() as later:
            state = Gateway(
                node,
                backend,
                Keyring(store, node.keys, alone=alone),
                audit,
                guards=Guards(settings.guard),
                reread=parts.reread,
                reloaded=lambda fresh: _certify(tls, fresh),
            )
            app = gateway.app(state)
            for router in parts.routers:
                app.include_router(router(state))
            if node.jobs.enabled and parts.jobs:
                working = jobs_api.running(app, state, Path(settings.store_dir))
                await later.enter_async_context(working)
            server = uvicorn_of(app, node, tls)
            _findable(Path(settings.store_dir), url)
            stop = _Stop(server, state, parts.say)
            hearing.enter_context(stop.heard())
            await state.write("gateway.start", "gateway", f"listens at {url}", {"pid": os.getpid()})
            parts.say(f"serving {_names(backend)} at {url}")
            if alone and not store.all():
                parts.say("no key was made: it answers this machine alone; srlr keys create")
            await server.serve([listening])
            await state.write("gateway.stop", "gateway", stop.why, {"pid": os.getpid()})


def _alone(node: Serve, store: Store) -> bool:
    """Whether only this machine can reach the gateway."""
    alone = node.host in LOOPBACK
    if not alone and not store.all():
        raise ConfigError(
            f"serve.host={node.host} is open to other machines, and there are no keys",
            "srlr keys create --name NAME --scope infer, or serve.host=127.0.0.1",
        )
    return alone


def _tls(node: Serve) -> ssl.SSLContext | None:
    if node.tls.cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _certify(context, node)
    return context


def _certify(context: ssl.SSLContext | None, node: Serve) -> None:
    """Has new connections shown the certificate that is in the files now."""
    if context is None or node.tls.cert is None:
        return
    try:
        context.load_cert_chain(node.tls.cert, node.tls.key, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"serve.tls: {node.tls.cert!r} and {node.tls.key!r} cannot be used: {error}",
            "name a PEM certificate with its chain, and its key without a password",
        ) from error


@contextmanager
def _listening(node: Serve) -> Iterator[socket.socket]:
    """The socket, bound: a port that is taken is known before a worker is started."""
    family = socket.AF_INET6 if ":" in node.host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY on such sockets alone: without it an
    # answer's body waits some 40 ms for the client to acknowledge its head.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((node.host, node.port))
            one.listen(BACKLOG)
        except OSError as error:
            raise ResourceError(
                f"{node.host}:{node.port} cannot be listened at: {error.strerror}",
                f"serve.port={node.port + 1 if node.port < 65535 else 0}, or end what is there",
            ) from error
        yield one


def _url(listening: socket.socket, *, tls: bool) -> str:
    host, port = listening.getsockname()[:2]
    return f"http{'s' * tls}://{f'[{host}]' if ':' in host else host}:{port}/v1"


def _findable(store: Path, url: str) -> None:
    """Tells commands on this machine where the gateway of the store is."""
    write_atomic(store / STATE, json.dumps({"url": url, "pid": os.getpid()}) + "\n")


def _names(backend: Backend) -> str:
    return ", ".join(sorted(one.name for one in backend.models())) or "nothing yet"


def uvicorn_of(app: object, node: Serve, tls: ssl.SSLContext | None) -> http.Server:
    """The server of an application, with the limits of the settings."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=http.protocol(node.limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=node.limits.header_bytes,
        timeout_keep_alive=max(1, round(node.limits.idle_s)),
        timeout_graceful_shutdown=max(1, round(node.grace_s)),
        backlog=BACKLOG,
    )
    config.load()
    config.ssl = tls
    return http.Server(config)


@dataclass(slots=True)
class _Stop:
    """What signals mean to a running gateway."""

    server: http.Server
    state: Gateway
    say: Callable[[str], None]
    why: str = "the server ended"
    reloading: set[asyncio.Task[None]] = field(default_factory=set)

    @contextmanager
    def heard(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _stop(self, number: signal.Signals) -> None:
        if self.state.stopping:
            self.say("stopped at once")
            os._exit(128 + number)
        self.state.stopping, self.why = True, f"by {number.name}"
        grace_s = self.state.serve.grace_s
        self.say(f"stopping: answers under way have {grace_s:g} s; again to stop at once")
        self.server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self.server.should_exit = True

    def _reload(self) -> None:
        task = asyncio.ensure_future(self._reloaded())
        self.reloading.add(task)
        task.add_done_callback(self.reloading.discard)

    async def _reloaded(self) -> None:
        try:
            self.say(f"settings read again: {await self.state.reload('signal:SIGHUP')}")
        except Rejected as error:
            self.say(f"settings not taken: {error}")
