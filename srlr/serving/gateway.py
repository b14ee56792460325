"""The gateway's application: OpenAI's paths, health, figures, and a reload.

POST /v1/chat/completions   POST /v1/completions   GET /v1/models   GET /v1/models/{name}
GET /healthz                GET /readyz            GET /metrics     POST /admin/reload
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

import srlr
from srlr.core.errors import SrlrError
from srlr.serving import asking, keys, openapi
from srlr.serving.endpoint import Endpoint
from srlr.serving.key_store import Key
from srlr.serving.rejected import Rejected, rejected
from srlr.serving.state import Gateway


def app(gateway: Gateway) -> FastAPI:
    """The application; `app.state.gateway` is its state. More routers may be included in it."""
    found = FastAPI(
        title="srlr",
        version=srlr.__version__,
        description="Small, specialised models, by OpenAI's protocol.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        exception_handlers={
            SrlrError: _error,
            HTTPException: _http_error,
            RequestValidationError: _misread,
        },
    )
    found.state.gateway = gateway
    for path, kind in openapi.PATHS.items():
        found.router.routes.append(Route(path, Endpoint(gateway, kind), methods=["POST"]))
    _health(found, gateway)
    _models(found, gateway)
    _admin(found, gateway)
    openapi.describe(found)
    return found


@asynccontextmanager
async def _lifespan(one: FastAPI) -> AsyncIterator[None]:
    gateway: Gateway = one.state.gateway
    await gateway.keyring.refresh()
    watching = asyncio.ensure_future(gateway.keyring.watch())
    try:
        yield
    finally:
        watching.cancel()
        await gateway.refusals.settle()


def _health(one: FastAPI, gateway: Gateway) -> None:
    @one.get("/healthz", responses=openapi.errors())
    async def healthz() -> dict[str, str]:
        """The process is there."""
        return {"status": "ok"}

    @one.get("/readyz", responses=openapi.errors(503))
    async def readyz() -> dict[str, str]:
        """Every role has a worker that has generated something."""
        why = gateway.unready()
        if why is not None:
            raise Rejected(503, "not_ready", why, "ask again", retry_after_s=1)
        return {"status": "ready"}

    @one.get("/metrics", responses=openapi.errors(401, 403), response_class=Response)
    async def metrics(request: Request) -> Response:
        """Figures for Prometheus; any key opens them where there are keys."""
        await keys.known(request)
        return Response(gateway.metrics.text(gateway.rooms), media_type="text/plain; version=0.0.4")


def _models(one: FastAPI, gateway: Gateway) -> None:
    def listed(key: Key) -> list[dict[str, Any]]:
        return [
            {"id": name, "object": "model", "created": served.created, "owned_by": "srlr"}
            for served in gateway.backend.models()
            if key.forbids("infer", served.role) is None
            for name in ([served.role] if served.current else []) + [served.name]
        ]

    @one.get("/v1/models", responses=openapi.errors(401, 403))
    async def models(request: Request) -> dict[str, Any]:
        """Roles and versions that the key may ask."""
        return {"object": "list", "data": listed(await keys.known(request))}

    @one.get("/v1/models/{name}", responses=openapi.errors(401, 403, 404))
    async def model(request: Request, name: str) -> dict[str, Any]:
        """One of them."""
        found = listed(await keys.known(request))
        for row in found:
            if row["id"] == name:
                return row
        raise asking.unknown(name, [row["id"] for row in found])


def _admin(one: FastAPI, gateway: Gateway) -> None:
    allowed: Callable[..., Any] = keys.require("admin")

    @one.post("/admin/reload", responses=openapi.errors(400, 401, 403))
    async def reload(key: Annotated[Key, Depends(allowed)]) -> dict[str, Any]:
        """Reads the settings again; wrong ones change nothing."""
        return await gateway.reload(f"key:{key.id}")


async def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SrlrError), "the handler is for these"
    why = rejected(error)
    request.app.state.gateway.refusals.note(why, "", "")
    return JSONResponse(why.body(), why.status, why.headers())


async def _misread(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), "the handler is for these"
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]][1:]
    name = ".".join(place) or "body"
    why = Rejected(
        400, "field", f"{name}: {first['msg']}", "/openapi.json has its form", param=name
    )
    return JSONResponse(why.body(), why.status, why.headers())


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "the handler is for these"
    status = error.status_code
    if status == 405:
        why = Rejected(405, "method", f"{request.url.path} is not asked like this", "POST or GET?")
    elif status == 404:
        why = Rejected(404, "path", "there is nothing at this path", "/openapi.json lists all")
    else:
        why = Rejected(status, "http", str(error.detail))
    return JSONResponse(why.body(), status, {**(error.headers or {})})
