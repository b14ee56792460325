"""The gateway's description of itself, /openapi.json: what bare ASGI paths take and give back."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from srlr.serving.openai_api import Chat, Completion, Request

PATHS: dict[str, type[Request]] = {
    "/v1/chat/completions": Chat,
    "/v1/completions": Completion,
}
ERRORS = {
    400: "The request cannot be answered as it is; `param` names the field",
    401: "No key, or one that is unknown, expired or revoked",
    403: "The key is not for this",
    404: "There is no such model",
    409: "It does not fit what is under way",
    408: "The request came too slowly",
    413: "The body is too large",
    415: "The body is no JSON by its content type",
    422: "The answer is not in the role's form, and serve.structured requires it",
    429: "Too much at once or too often; Retry-After says when to ask again",
    431: "The head is too large",
    503: "Nothing can answer now",
    504: "The deadline is over",
}
_REF = "#/components/schemas/"
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
                "hint": {"type": "string"},
            },
        }
    },
}
_USAGE = {
    "type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    "properties": {
        name: {"type": "integer", "minimum": 0}
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    },
}
_ANSWER = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices", "usage", "srlr"],
    "properties": {
        "id": {"type": "string"},
        "object": {"enum": ["chat.completion", "text_completion"]},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {"type": "array", "minItems": 1, "items": {"type": "object"}},
        "usage": _USAGE,
        "srlr": {
            "type": "object",
            "required": ["role", "version", "valid", "migrated"],
            "properties": {
                "role": {"type": "string"},
                "version": {"type": "string"},
                "valid": {"type": ["boolean", "null"]},
                "migrated": {"type": "boolean"},
            },
        },
    },
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a path, for its `responses`."""
    return {status: _described(status) for status in (*statuses, 431)}


def _described(status: int) -> dict[str, Any]:
    shape = {"schema": {"$ref": f"{_REF}Error"}}
    return {"description": ERRORS[status], "content": {"application/json": shape}}


def describe(app: FastAPI) -> None:
    """Has the application tell of `PATHS` too."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            schemas |= {"Error": _ERROR, "Answer": _ANSWER}
            found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, kind in PATHS.items():
                schema = kind.model_json_schema(ref_template=f"{_REF}{{model}}")
                schemas |= schema.pop("$defs", {})
                schemas[kind.__name__] = schema
                found["paths"][path] = {"post": _operation(kind)}
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _operation(kind: type[Request]) -> dict[str, Any]:
    answer = {
        "application/json": {"schema": {"$ref": f"{_REF}Answer"}},
        "text/event-stream": {"schema": {"type": "string"}},
    }
    shape = {"application/json": {"schema": {"$ref": f"{_REF}{kind.__name__}"}}}
    return {
        "summary": (kind.__doc__ or "").strip(),
        "operationId": kind.__name__.lower(),
        "security": [{"key": []}],
        "requestBody": {"required": True, "content": shape},
        "responses": {
            "200": {"description": "The answer", "content": answer},
            **{str(status): _described(status) for status in ERRORS},
        },
    }
