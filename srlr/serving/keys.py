"""Who may ask the gateway for what: the keys as it looks them up with every request.

@router.post("/admin/swap/{role}")
async def swap(role: str, key: Annotated[Key, Depends(keys.require("swap"))]): ...
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from fastapi import Request

from srlr.core.errors import SrlrError
from srlr.core.serving import Keys
from srlr.serving.key_store import SCOPES, Key, Store, parts
from srlr.serving.rejected import Rejected

log = logging.getLogger(__name__)

EVERYBODY = Key("local", "everybody on this machine", "", SCOPES, (), 0.0)
"""Who asks where no key was ever made and only this machine can reach the gateway."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MISS_S = 0.1
"""Keys are read again for an unknown one, but not more often than this."""


class Keyring:
    """The keys as they were in the database a moment ago.

    Every request is held against what is in memory; `watch` reads the database again and again, so
    that a key revoked anywhere is refused here after `refresh_s`. While the database is away, what
    was known is believed for `stale_s`, and then nobody is let in.

    Args:
        alone: only this machine can reach the gateway, so that no key at all lets everybody in.
    """

    def __init__(self, store: Store, node: Keys, *, alone: bool) -> None:
        self.store, self.node, self.alone = store, node, alone
        self.keys: dict[str, Key] = {}
        self.read_at = float("-inf")
        self.away: str | None = None
        self._reading = asyncio.Lock()

    async def refresh(self, older_than_s: float = 0.0) -> None:
        """Reads the database, unless what is known is younger than this."""
        async with self._reading:
            if time.monotonic() - self.read_at <= older_than_s:
                return
            try:
                found = await asyncio.to_thread(self.store.all)
            except SrlrError as error:
                if self.away is None:
                    log.warning("%s", error)
                self.away = error.what
                return
            self.keys = {key.id: key for key in found}
            self.read_at, self.away = time.monotonic(), None

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(self.node.refresh_s)

    async def caller(self, authorization: str | None, host: str | None = None) -> Key:
        """The key that a request brings.

        Args:
            authorization: the header, `Bearer KEY`.
            host: the header of that name. Without keys it must name this machine: a page of the web
                whose own name was made to point here is not somebody on this machine.

        Raises:
            Rejected: 401, 403, or 503 where the keys cannot be known.
        """
        if time.monotonic() - self.read_at > self.node.refresh_s + self.node.stale_s:
            await self.refresh()
            if self.away is not None:
                what, hint = "the keys cannot be read now", "ask again; the gateway's log says why"
                raise Rejected(503, "keys_away", what, hint, retry_after_s=2)
        kind, _, text = (authorization or "").partition(" ")
        said = parts(text.strip()) if kind.lower() == "bearer" else None
        if said is not None and not self.keys:  # whoever sends a key knows of one
            await self.refresh()
        if not self.keys and self.alone:
            _local(host)
            return EVERYBODY
        if said is None:
            what = "the request brings no API key" if not authorization else "this is no API key"
            raise _unknown("no_key", what)
        key = self.keys.get(said[0])
        if key is None:
            await self.refresh(MISS_S)
            key = self.keys.get(said[0])
        if key is None or not key.is_for(said[1]):
            raise _unknown("invalid_key", "this key is not known")
        state = key.state(time.time())
        if state != "active":
            raise _unknown(f"{state}_key", f"the key {key.id!r} is {state}")
        return key


def _unknown(code: str, what: str) -> Rejected:
    hint = "send Authorization: Bearer KEY, of a key that `srlr keys create` has printed"
    return Rejected(401, code, what, hint)


def _local(host: str | None) -> None:
    if host is None:
        return
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower() not in LOOPBACK:
        what = f"the gateway has no keys and answers to this machine alone, not to {name!r}"
        raise Rejected(403, "host", what, "srlr keys create, or ask 127.0.0.1")


def must(key: Key, scope: str, role: str | None = None) -> None:
    """Raises Rejected where the key may not do this."""
    why = key.forbids(scope, role)
    if why is not None:
        raise Rejected(403, "forbidden", why, "ask whoever gave you the key for another one")


def require(scope: str) -> Callable[[Request], Awaitable[Key]]:
    """A dependency of a route: the caller's key, which has the scope, and is for the role that the
    path names as {role} if it names one.
    """

    async def caller(request: Request) -> Key:
        key = await known(request)
        must(key, scope, request.path_params.get("role"))
        return key

    return caller


async def known(request: Request) -> Key:
    """The caller's key, whatever it is for."""
    ring: Keyring = request.app.state.gateway.keyring
    return await ring.caller(request.headers.get("authorization"), request.headers.get("host"))
