"""The admin paths: what is served, swaps, health, decisions, feedback.

GET  /admin/roles                    POST /admin/swap/{role}             {"to": "v3"}
GET  /admin/health                   GET  /admin/swap/{role}
GET  /admin/decisions?limit=50       POST /admin/swap/{role}/abort       {"why": "…"}
POST /admin/feedback/{role}          POST /admin/swap/{role}/rollback    {"why": "…"}
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srlr.core.errors import MissingArtifact, SrlrError
from srlr.core.swapping import Swap
from srlr.serving import keys, openapi
from srlr.serving.backing import Backed
from srlr.serving.key_store import Key
from srlr.serving.rejected import Rejected
from srlr.serving.slots import Forbidden
from srlr.serving.state import Gateway

T = TypeVar("T")
WORDS = 500
"""Characters of a reason."""
KINDS = ("swap.", "slots.", "health.", "worker.", "release.")
"""Of audit entries that are decisions on what is served."""


class Body(BaseModel):
    """Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class To(Body):
    """A swap that is wanted: `settings` are those of swap=… that differ from the gateway's."""

    to: Annotated[str | None, Field(max_length=64)] = None
    settings: dict[str, Any] = {}
    why: Annotated[str, Field(max_length=WORDS)] = "asked for"


class Why(Body):
    """A reason, for the record."""

    why: Annotated[str, Field(max_length=WORDS)] = "asked for"


class Feedback(Body):
    """What an answer was worth to whoever got it: `id` is the X-Request-Id it came with."""

    id: Annotated[str, Field(max_length=200)]
    quality: Annotated[float, Field(ge=0.0, le=1.0)]


def router(gateway: Gateway) -> APIRouter:
    """The paths of a gateway whose backend is `Backed`."""
    backed = gateway.backend
    assert isinstance(backed, Backed), "other backends have nothing to swap"
    found = APIRouter(prefix="/admin", tags=["admin"])
    _seen(found, backed)
    _swapped(found, backed)
    return found


def _seen(found: APIRouter, backed: Backed) -> None:
    look: Callable[..., Any] = keys.require("admin")
    infer: Callable[..., Any] = keys.require("infer")

    @found.get("/roles", responses=openapi.errors(401, 403))
    async def roles(key: Annotated[Key, Depends(look)]) -> dict[str, Any]:
        """Every role that is served, with its versions, their shares and workers."""
        aliases = await asyncio.to_thread(
            lambda: {role: backed.registry.aliases(role) for role in list(backed.fleet.roles)}
        )
        return {"roles": [role_of(backed, role, said) for role, said in sorted(aliases.items())]}

    @found.get("/health", responses=openapi.errors(401, 403))
    async def health(key: Annotated[Key, Depends(look)]) -> dict[str, Any]:
        """The state of every version that serves, and what was decided on it."""
        monitor = backed.monitor
        rows = [
            {
                "role": role,
                "version": version,
                "state": finding.state,
                "why": finding.why,
                "decision": monitor.decisions[role, version].do,
                "backup": backed.fleet.backup(role),
            }
            for (role, version), finding in sorted(monitor.findings.items())
            if version in backed.fleet.slots(role).shares and (role, version) in monitor.decisions
        ]
        return {"versions": rows}

    @found.get("/decisions", responses=openapi.errors(400, 401, 403))
    async def decisions(
        key: Annotated[Key, Depends(look)], limit: Annotated[int, Query(ge=1, le=1000)] = 50
    ) -> dict[str, Any]:
        """The last decisions on what is served, the newest first, with their reasons."""
        entries = await asyncio.to_thread(lambda: list(backed.fleet.audit.entries()))
        chosen = (one for one in reversed(entries) if one.kind.startswith(KINDS))
        return {"decisions": [asdict(one) for one in islice(chosen, limit)]}

    @found.post("/feedback/{role}", responses=openapi.errors(400, 401, 403, 404))
    async def feedback(
        role: str, said: Feedback, key: Annotated[Key, Depends(infer)]
    ) -> dict[str, Any]:
        """Tells what an answer was worth; swaps under way are judged by it."""
        if not backed.fleet.judge(role, said.id, quality=said.quality):
            what = f"no answer {said.id!r} of {role!r} is known"
            raise Rejected(404, "unknown_answer", what, "send it soon after the answer")
        return {"id": said.id, "quality": said.quality}


def _swapped(found: APIRouter, backed: Backed) -> None:
    swap: Callable[..., Any] = keys.require("swap")
    errors = openapi.errors(400, 401, 403, 404, 409)

    @found.post("/swap/{role}", responses=errors)
    async def start(role: str, said: To, key: Annotated[Key, Depends(swap)]) -> dict[str, Any]:
        """Begins a swap; its status is at the same path."""
        settings = _settings(backed, said.settings)
        to = said.to or settings.to or _usual(settings)
        rejecting(lambda: backed.swaps.start(role, to, settings, by=f"key:{key.id}", why=said.why))
        return status(backed, role)

    @found.get("/swap/{role}", responses=errors)
    async def look(role: str, key: Annotated[Key, Depends(swap)]) -> dict[str, Any]:
        """The swap under way, or the last one."""
        return status(backed, role)

    @found.post("/swap/{role}/abort", responses=errors)
    async def abort(role: str, said: Why, key: Annotated[Key, Depends(swap)]) -> dict[str, Any]:
        """Takes the swap under way back."""
        rejecting(lambda: backed.swaps.abort(role, by=f"key:{key.id}", why=said.why))
        return status(backed, role)

    @found.post("/swap/{role}/rollback", responses=errors)
    async def rollback(role: str, said: Why, key: Annotated[Key, Depends(swap)]) -> dict[str, Any]:
        """Takes the swap under way back, or undoes the last one that is done."""
        settings = Swap(strategy="stateful", steps=(100,))
        rejecting(lambda: backed.swaps.rollback(role, settings, by=f"key:{key.id}", why=said.why))
        return status(backed, role)


def role_of(backed: Backed, role: str, aliases: dict[str, str]) -> dict[str, Any]:
    """A role as people and machines see it."""
    fleet = backed.fleet
    return {
        "role": role,
        "aliases": aliases,
        "swap": status(backed, role)["swap"] if role in backed.swaps.running else None,
        "versions": [
            {
                **asdict(slot),
                "workers": fleet.alive(role, slot.version),
                "under_way": fleet.under_way(role, slot.version),
                "answers": len(fleet.told(role).of(slot.version)),
            }
            for slot in fleet.slots(role).slots
        ],
    }


def status(backed: Backed, role: str) -> dict[str, Any]:
    """The swap under way or the last one, with the shares as they are now."""
    slots = backed.fleet.slots(role)
    if not slots.slots:
        names = ", ".join(sorted(backed.fleet.roles)) or "none"
        raise Rejected(404, "unknown_role", f"no role {role!r} is served", f"one of {names}")
    run = backed.swaps.running.get(role)
    records = backed.fleet.ledger.swaps(role)
    record = run.record if run is not None else records[0] if records else None
    told: dict[str, Any] = {"role": role, "shares": slots.shares, "swap": None}
    if record is not None:
        told["swap"] = {
            **{k: v for k, v in asdict(record).items() if k not in ("role", "settings")},
            "strategy": record.settings["strategy"],
            "steps": list(record.settings["steps"]),
            "under_way": run is not None,
        }
    if run is not None:
        told["swap"]["decision"] = run.decision.do
        told["swap"]["reason"] = run.decision.why
        if run.facts is not None:
            told["swap"]["answers"] = run.facts.answers
            told["swap"]["seconds"] = round(run.facts.seconds, 1)
    return told


def _usual(settings: Swap) -> str:
    return "backup" if settings.strategy == "emergency" else "candidate"


def _settings(backed: Backed, said: dict[str, Any]) -> Swap:
    base = backed.settings.swap.model_dump()
    if said.get("strategy", "gradual") != "gradual" and "steps" not in said:
        base["steps"] = (100,)
    try:
        return Swap.model_validate({**base, **said})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        raise Rejected(400, "settings", f"settings.{name}: {first['msg']}", "see swap=") from error


def rejecting(act: Callable[[], T]) -> T:
    """What `act` returns; what the caller cannot have is told by its HTTP status."""
    try:
        return act()
    except Forbidden as error:
        raise Rejected(409, "swap", error.what, error.hint) from error
    except MissingArtifact as error:
        raise Rejected(404, "unknown_version", error.what, error.hint) from error
    except SrlrError as error:
        raise Rejected(503, "swap", error.what, error.hint) from error
