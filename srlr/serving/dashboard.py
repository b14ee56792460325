"""The page of what is served, and what it shows.

GET  /dashboard/                  the page; nothing of it comes from anywhere else
GET  /admin/overview              all that it shows, in one answer
POST /admin/promote/{role}        {"version": "v3"}: the role's current release; traffic follows
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

import srlr
from srlr.core.audit import Entry
from srlr.serving import keys, openapi
from srlr.serving.admin import KINDS, WORDS, Body, rejecting, role_of
from srlr.serving.backing import Backed
from srlr.serving.history import percentile_ms
from srlr.serving.key_store import Key
from srlr.serving.rejected import Rejected
from srlr.serving.state import Gateway

RECENT_S = 60.0
DECISIONS = 20
NEWEST = 5
"""Releases that are shown, loaded or not."""
GONE = ("unloaded", "failed")
FILES = {
    "": ("dashboard.html", "text/html; charset=utf-8"),
    "dashboard.css": ("dashboard.css", "text/css; charset=utf-8"),
    "dashboard.js": ("dashboard.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Published(NamedTuple):
    """What the registry has of a role: aliases, and the newest versions first."""

    aliases: dict[str, str]
    versions: list[str]


class Promoted(Body):
    """Which version is to be current."""

    version: Annotated[str, Field(max_length=64)]
    why: Annotated[str, Field(max_length=WORDS)] = "asked for"


def router(gateway: Gateway) -> APIRouter:
    """The page and its paths, of a gateway whose backend is `Backed`."""
    backed = gateway.backend
    assert isinstance(backed, Backed), "other backends have nothing to show"
    found = APIRouter(tags=["dashboard"])
    _page(found)
    _told(found, backed)
    return found


def _page(found: APIRouter) -> None:
    folder = files("srlr.serving") / "page"

    @found.get("/dashboard/{name:path}", response_class=Response, include_in_schema=False)
    async def page(name: str) -> Response:
        if name not in FILES:
            raise Rejected(404, "path", "there is nothing at this path", "/dashboard/ is the page")
        file, kind = FILES[name]
        return Response((folder / file).read_bytes(), media_type=kind, headers=HEADERS)


def _told(found: APIRouter, backed: Backed) -> None:
    look: Callable[..., Any] = keys.require("admin")
    deploy: Callable[..., Any] = keys.require("deploy")

    @found.get("/admin/overview", responses=openapi.errors(401, 403))
    async def overview(key: Annotated[Key, Depends(look)]) -> dict[str, Any]:
        """What is served and how it goes, and the last decisions."""
        published, entries = await asyncio.to_thread(_read, backed)
        return {
            "gateway": f"srlr {srlr.__version__}",
            "you": {scope: key.forbids(scope) is None for scope in ("swap", "deploy")},
            "roles": [_role(backed, role, *said) for role, said in sorted(published.items())],
            "decisions": [
                {"at": one.at, "kind": one.kind, "by": one.by, "why": one.why} for one in entries
            ],
            "audit": f"the last {len(entries)}; srlr audit verify checks the whole log",
        }

    @found.post("/admin/promote/{role}", responses=openapi.errors(400, 401, 403, 404))
    async def promote(
        role: str, said: Promoted, key: Annotated[Key, Depends(deploy)]
    ) -> dict[str, Any]:
        """Makes a version the role's current release; what was current is the backup."""
        by = f"key:{key.id}"
        after = await asyncio.to_thread(
            rejecting, lambda: backed.registry.promote(role, by, said.why, said.version)
        )
        return {"role": role, "aliases": after}


def _read(backed: Backed) -> tuple[dict[str, Published], list[Entry]]:
    """By role what is in the registry, and the newest decisions of the audit log, newest first."""
    registry = backed.registry
    published = {
        role: Published(
            registry.aliases(role),
            [one.version for one in reversed(registry.versions(role))][:NEWEST],
        )
        for role in list(backed.fleet.roles)
    }
    entries = [one for one in backed.fleet.audit.entries() if one.kind.startswith(KINDS)]
    return published, entries[: -DECISIONS - 1 : -1]


def _role(
    backed: Backed, role: str, aliases: Mapping[str, str], newest: Sequence[str]
) -> dict[str, Any]:
    fleet, now = backed.fleet, backed.fleet.clock()
    known = role_of(backed, role, dict(aliases))
    main = fleet.slots(role).main
    finding = backed.monitor.findings.get((role, main)) if main else None
    loaded = {one["version"]: one for one in known["versions"]}
    live = [version for version, one in loaded.items() if one["state"] not in GONE]
    return {
        "role": role,
        "state": finding.state if finding else "healthy",
        "why": finding.why if finding else "nothing was asked yet",
        "versions": [
            {
                "version": version,
                "aliases": sorted(name for name, at in aliases.items() if at == version),
                "share": loaded.get(version, {}).get("share", 0),
                "state": loaded[version]["state"] if version in live else "not loaded",
                **_recent(backed, role, version, now),
            }
            for version in dict.fromkeys([*live, *newest])
        ],
        "swap": known["swap"],
        "back": _back(backed, role),
        "history": fleet.told(role).history.lines(now),
    }


def _recent(backed: Backed, role: str, version: str, now: float) -> dict[str, Any]:
    """How the version's requests of the last minute went."""
    recent = backed.fleet.told(role).of(version, now - RECENT_S)
    seconds = [one.seconds for one in recent if one.ok]
    return {
        "requests_per_s": len(recent) / RECENT_S,
        "p50_ms": percentile_ms(seconds, 0.5),
        "p95_ms": percentile_ms(seconds, 0.95),
        "errors": sum(not one.ok for one in recent) / len(recent) if recent else None,
        "violations": sum(one.violation for one in recent),
    }


def _back(backed: Backed, role: str) -> str | None:
    """Where a roll-back would lead: to what served before the last swap that is done."""
    done = [one for one in backed.fleet.ledger.swaps(role) if one.state == "done"][:1]
    old = done[0].old if done and done[0].new == backed.fleet.slots(role).main else None
    return old if old is not None and role not in backed.swaps.running else None
