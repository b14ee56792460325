"""From a request to what is asked of the workers: which model, which words, how long."""

import math
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srlr.core.layers import nearest
from srlr.core.serving import Serve
from srlr.core.types import Message
from srlr.serving.asked import Ask
from srlr.serving.backend import Served
from srlr.serving.openai_api import Chat, Completion, Request
from srlr.serving.rejected import Rejected

ID_CHARS = 128
"""Of a conversation's name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, read: the answers it wants, one a choice, and of whom.

    `version` is None where the role's bare name was said; `said` is what the client wrote, for the
    guard.
    """

    id: str
    created: int
    model: str
    served: Served
    version: str | None
    asks: tuple[Ask, ...]
    said: tuple[Message, ...]
    stream: bool = False
    usage_in_stream: bool = False


def find(models: Sequence[Served], name: str) -> tuple[Served, str | None]:
    """The release that `role` or `role@version` names, and the version where one was named.

    Raises:
        Rejected: 404, with the nearest name.
    """
    for one in models:
        if one.current and one.role == name:
            return one, None
        if one.name == name:
            return one, one.version
    names = {one.role for one in models if one.current} | {one.name for one in models}
    raise unknown(name, sorted(names))


def unknown(name: str, names: Sequence[str]) -> Rejected:
    """There is no such model among those of these names."""
    near = nearest(name[:80], names)
    hint = f"model={near}" if near else f"one of {', '.join(names[:8])}" if names else ""
    what = f"there is no model {name[:80]!r}"
    return Rejected(404, "unknown_model", what, hint, param="model")


def deadline(serve: Serve, headers: Mapping[str, str]) -> float:
    """Seconds from now after which the client does not wait: what it says, else the setting.

    Raises:
        Rejected: 400, the header holds no number of milliseconds.
    """
    said = headers.get("x-deadline-ms")
    if said is None:
        return serve.deadline_s
    try:
        ms = float(said)
    except ValueError:
        ms = math.nan
    if not 0 < ms < math.inf:
        what = f"X-Deadline-Ms: {said[:40]!r} is no number of milliseconds above 0"
        raise Rejected(400, "invalid_field", what, "X-Deadline-Ms: 2000", param="X-Deadline-Ms")
    return min(ms / 1000, serve.deadline_max_s)


def conversation(key: str, headers: Mapping[str, str], user: str | None) -> str | None:
    """What keeps a visitor's requests with one version: X-Conversation, else `user`. It is a key's
    own: no other key's conversation can be named.

    Raises:
        Rejected: 400, it is too long.
    """
    said = headers.get("x-conversation") or user
    if not said:
        return None
    if len(said) > ID_CHARS:
        name = "X-Conversation" if headers.get("x-conversation") else "user"
        what = f"{name}: {len(said)} characters, and {ID_CHARS} are taken"
        raise Rejected(400, "invalid_field", what, "send a shorter one", param=name)
    return f"{key}:{said}"


def wanted(
    request: Request,
    found: tuple[Served, str | None],
    serve: Serve,
    *,
    until: float,
    conversation: str | None,
) -> Wanted:
    """The request as the gateway goes on with it.

    Args:
        until: seconds since the epoch after which nobody waits.

    Raises:
        Rejected: 400, it asks for more than the limits or the role allow.
    """
    served, version = found
    prompts, said = _prompts(request, served, serve)
    choices = request.n or 1
    most = serve.limits.choices
    if choices * len(prompts) > most:
        what = f"n: {choices * len(prompts)} answers were asked for and {most} are given at once"
        raise Rejected(400, "invalid_field", what, f"n={max(1, most // len(prompts))}", param="n")
    kind = "chatcmpl" if isinstance(request, Chat) else "cmpl"
    name = f"{kind}-{secrets.token_hex(12)}"
    shared = _manner(request, served) | {"deadline": until, "conversation": conversation}
    seeds = _seeds(request.seed, choices * len(prompts))
    every = [prompt for prompt in prompts for _ in range(choices)]
    asks = tuple(
        Ask(id=f"{name}-{place}", role=served.role, seed=seed, **prompt, **shared)
        for place, (prompt, seed) in enumerate(zip(every, seeds, strict=True))
    )
    return Wanted(
        id=name,
        created=int(time.time()),
        model=request.model,
        served=served,
        version=version,
        asks=asks,
        said=said,
        stream=bool(request.stream),
        usage_in_stream=request.usage_in_stream,
    )


def _seeds(said: int | None, count: int) -> list[int]:
    """One a choice, the first as it was said; drawn where none was."""
    first = secrets.randbits(48) if said is None else said % 2**48
    rest = (random.Random(f"{first} {place}").getrandbits(48) for place in range(1, count))
    return [first, *rest]


def _prompts(
    request: Request, served: Served, serve: Serve
) -> tuple[list[dict[str, Any]], tuple[Message, ...]]:
    """What the model is given, once for each prompt, and what the client said."""
    if isinstance(request, Completion):
        said = tuple({"role": "user", "content": text} for text in request.prompt)
        return [{"prompt": text} for text in request.prompt], said
    assert isinstance(request, Chat), "there are two kinds"
    if len(request.messages) > serve.limits.messages:
        what = f"messages: {len(request.messages)}, and {serve.limits.messages} are taken"
        raise Rejected(400, "invalid_field", what, "leave the oldest out", param="messages")
    said = tuple(
        {"role": "system" if one.role == "developer" else one.role, "content": one.content}
        for one in request.messages
    )
    return [{"messages": served.speaker.chat(said), "said": said}], said


def _manner(request: Request, served: Served) -> dict[str, Any]:
    """How is to be answered: greedily, and as long as in training, where nothing else is said."""
    most = request.max_tokens
    schema = None
    if isinstance(request, Chat):
        most = request.max_completion_tokens or most
        schema = request.response_format and request.response_format.schema_of()
    return {
        "max_tokens": most or served.speaker.max_tokens,
        "temperature": request.temperature or 0.0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "stop": (*served.speaker.stop, *(request.stop or ())),
        "schema": schema,
    }
