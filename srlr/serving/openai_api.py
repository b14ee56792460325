"""Requests as OpenAI's clients write them. What would change an answer and is not known here is
refused by name; what changes none is taken and ignored.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from srlr.core.layers import nearest
from srlr.serving.rejected import Rejected

STOPS = 4
STOP_CHARS = 100
Text = Annotated[str, Field(min_length=1)]


def _joined(content: Any) -> Any:
    """Content in parts, which must all be texts, as one text."""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or set(part) != {"type", "text"}:
            raise ValueError("only parts of the type text are read")
        if part["type"] != "text" or not isinstance(part["text"], str):
            raise ValueError("only parts of the type text are read")
        texts.append(part["text"])
    return "".join(texts)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _neutral(value: Any) -> Any:
    if value not in (None, 0, False, "none", [], {}):
        raise ValueError("is not supported; leave it out")
    return value


_PART = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
    "required": ["type", "text"],
    "additionalProperties": False,
}
_STOP = {"type": "string", "minLength": 1, "maxLength": STOP_CHARS}
Content = Annotated[
    str,
    BeforeValidator(_joined),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": _PART}]}),
]
Stop = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=STOP_CHARS)]],
    Field(max_length=STOPS),
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_STOP, {"type": "array", "items": _STOP, "maxItems": STOPS}]}),
]
Prompts = Annotated[
    list[Text],
    Field(min_length=1),
    BeforeValidator(_listed),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
Unsupported = Annotated[
    Any, AfterValidator(_neutral), WithJsonSchema({"enum": [None, 0, False, "none", [], {}]})
]
"""What would change an answer: only the value that does not."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class ChatMessage(_Said):
    role: Literal["system", "developer", "user", "assistant"]
    content: Content
    name: str | None = None


class StreamOptions(_Said):
    include_usage: bool = False
    include_obfuscation: bool = False


class JsonSchema(_Said):
    name: str = ""
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Said):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _schema_is_there(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with the type json_schema")
        return self

    def schema_of(self) -> dict[str, Any] | None:
        if self.json_schema is not None:
            return self.json_schema.schema_
        return {"type": "object"} if self.type == "json_object" else None


class Request(_Said):
    """What a chat and a completion share."""

    model: Text
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    stop: Stop | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None

    frequency_penalty: Unsupported = None
    presence_penalty: Unsupported = None
    logit_bias: Unsupported = None
    logprobs: Unsupported = None

    @model_validator(mode="after")
    def _options_have_a_stream(self) -> "Request":
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options goes with stream: true")
        return self

    @property
    def usage_in_stream(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


R = TypeVar("R", bound=Request)


class Chat(Request):
    """POST /v1/chat/completions"""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    response_format: ResponseFormat | None = None

    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    parallel_tool_calls: bool | None = None

    top_logprobs: Unsupported = None
    tools: Unsupported = None
    tool_choice: Unsupported = None
    functions: Unsupported = None
    function_call: Unsupported = None
    audio: Unsupported = None
    reasoning_effort: Unsupported = None


class Completion(Request):
    """POST /v1/completions: the model goes on with a bare text."""

    prompt: Prompts

    best_of: Unsupported = None
    echo: Unsupported = None
    suffix: Unsupported = None


def read(kind: type[R], body: bytes) -> R:
    """The request in a body.

    Raises:
        Rejected: 400, with the field that is wrong.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        # The input is left out: it may be what nobody should read in a log.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _wrong(kind, first["type"], first["loc"], first["msg"]) from None


def _wrong(kind: type[Request], what: str, loc: Sequence[int | str], said: str) -> Rejected:
    if what == "json_invalid":
        hint = "send one JSON object in UTF-8"
        return Rejected(400, "json", f"the body is no JSON: {said.partition(': ')[2]}", hint)
    param = ""
    for part in loc:
        param += f"[{part}]" if isinstance(part, int) else f".{part}" if param else str(part)
    said = said.removeprefix("Value error, ")
    if what == "extra_forbidden":
        near = nearest(str(loc[-1]), list(kind.model_fields)) if len(loc) == 1 else None
        hint = f"did you mean {near!r}?" if near else "leave it out"
        return Rejected(400, "unknown_field", f"{param[:80]}: is not known", hint, param=param[:80])
    hint = f"correct {param!r}" if param else "send a JSON object, see /openapi.json"
    what = f"{param}: {said}" if param else said
    return Rejected(400, "invalid_field", what, hint, param=param or None)
