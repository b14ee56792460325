"""A server that speaks OpenAI's protocol: what it has, what it understands, what it says.

Everything goes through /v1/completions with prompts that are written already, so that a chat is the
same whoever answers it. What goes wrong is a ResourceError or ConfigError that names the URL.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError, SrlrError

RETRIES = 4
"""How often a request is made again that found nobody, took too long, or met a 408, 409, 429 or
5xx; after 0.5 s, then twice as long each time, or when the server says."""
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is and how it is asked. `key` is a bearer token; None where it wants none."""

    url: str
    key: str | None = field(default=None, repr=False)
    key_from: str | None = None
    """The environment variable that `key` was in."""
    concurrency: int = 32
    timeout_s: float = 600.0
    retries: int = RETRIES


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer as a server gave it: `tokens` are None where it told the text alone.

    `ended`: whether the model or a stop text ended it, and not the limit.
    """

    text: str
    tokens: list[int] | None
    ended: bool


def listed(server: Server) -> list[Mapping[str, Any]]:
    """What /v1/models tells: a mapping with an "id" for each model; adapters have a "parent"."""
    (said,) = _run(server, [("get", "/models", None)])
    rows = said.get("data") if isinstance(said, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) and "id" in r for r in rows):
        raise _strange(server, said)
    return rows


def post(server: Server, path: str, body: Body) -> Any:
    """What the server answers to one request: JSON as Python has it, or text."""
    (said,) = _run(server, [("post", path, body)])
    return said


def complete(
    server: Server, bodies: Sequence[Body], heard: Callable[[], None] = lambda: None
) -> list[list[Choice]]:
    """The choices of each request to /v1/completions, in the requests' order.

    Args:
        heard: called whenever one more is answered.
    """
    asked = [("post", "/completions", body) for body in bodies]
    return [_choices(server, said) for said in _run(server, asked, heard)]


def _choices(server: Server, said: object) -> list[Choice]:
    rows = said.get("choices") if isinstance(said, dict) else None
    if not isinstance(rows, list) or not rows:
        raise _strange(server, said)
    try:
        return [
            Choice(_text(row), _tokens(row), row.get("finish_reason") == "stop")
            for row in sorted(rows, key=lambda row: row.get("index", 0))
        ]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _strange(server, said) from error


def _text(row: Mapping[str, Any]) -> str:
    if not isinstance(row["text"], str):
        raise TypeError
    return row["text"]


def _tokens(row: Mapping[str, Any]) -> list[int] | None:
    """The numbers of the answer's tokens, in one of the three ways in which servers tell them.

    vLLM since 0.10.2: token_ids. vLLM before: names of the form "token_id:5" among the
    log-probabilities. llama.cpp: an id with each log-probability.
    """
    told = row.get("token_ids")
    if told is None:
        logprobs = row.get("logprobs") or {}
        if logprobs.get("content"):
            told = [one["id"] for one in logprobs["content"]]
        elif logprobs.get("tokens"):
            parts = [str(one).partition("token_id:") for one in logprobs["tokens"]]
            told = [number for _, mark, number in parts if mark] or None
    return None if told is None else [int(one) for one in told]


# -- requests --------------------------------------------------------------------------------------


def _run(
    server: Server,
    asked: Sequence[tuple[str, str, Body | None]],
    heard: Callable[[], None] = lambda: None,
) -> list[Any]:
    """Makes all requests, `concurrency` at once; the first that fails ends the others.

    Raises:
        MissingArtifact: the package openai is not installed.
    """
    try:
        import openai
    except ModuleNotFoundError as error:
        raise MissingArtifact(
            f"rollout.engine=vllm: the package {error.name!r} is not installed",
            "pip install 'srlr[server]', or rollout.engine=own",
        ) from error

    async def one(client: Any, gate: asyncio.Semaphore, method: str, path: str, body: Any) -> Any:
        async with gate:
            call: Callable[..., Awaitable[Any]] = getattr(client, method)
            how = {"body": body} if method == "post" else {}
            try:
                said = await call(path, cast_to=object, **how)
            except (openai.OpenAIError, ValueError) as error:
                raise _problem(server, error) from error
        heard()
        return said

    async def everything() -> list[Any]:
        gate = asyncio.Semaphore(server.concurrency)
        # A client without a key would look for one in OPENAI_API_KEY, which is not this server's.
        async with openai.AsyncOpenAI(
            base_url=server.url,
            api_key=server.key or "none",
            timeout=server.timeout_s,
            max_retries=server.retries,
        ) as client:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(client, gate, *each)) for each in asked]
            return [task.result() for task in tasks]

    try:
        return asyncio.run(everything())
    except BaseExceptionGroup as group:
        # They are alike: what one met, all that were under way have met.
        raise group.exceptions[0] from None


def _problem(server: Server, error: Exception) -> SrlrError:
    """The same as an error that says what to do."""
    import openai

    url, times = server.url, server.retries + 1
    if isinstance(error, openai.APITimeoutError):
        return ResourceError(
            f"{url} has not answered within {server.timeout_s:g} s, asked {times} times",
            "see what the server logs; a larger rollout.timeout_s, or a smaller "
            "rollout.concurrency. The run goes on from where it was",
        )
    if isinstance(error, openai.APIConnectionError):
        return ResourceError(
            f"nobody answers at {url}, asked {times} times: {error.__cause__ or error}",
            "start the server there, set rollout.url, or rollout.engine=own. "
            "The run goes on from where it was",
        )
    if not isinstance(error, openai.APIStatusError):
        return _strange(server, error)
    return _refused(server, error.status_code, _told(error))


def _refused(server: Server, status: int, told: str) -> SrlrError:
    what = f"{server.url} says {status}: {told}"
    if status in (401, 403):
        given = f"${server.key_from} holds another key" if server.key_from else "no key was sent"
        return ConfigError(
            f"{what} ({given})", "name the variable with the server's key: rollout.api_key_env=NAME"
        )
    if status == 429:
        return ResourceError(f"{what}, asked {server.retries + 1} times", "rollout.concurrency=4")
    if status >= 500:
        return ResourceError(
            f"{what}, asked {server.retries + 1} times",
            "see what the server logs. The run goes on from where it was",
        )
    if status == 404:
        return NotThere(
            what, "rollout.url ends with /v1; rollout.model is the name the server has for it"
        )
    return Refused(
        what, "change what it names; a prompt too long asks for a longer --max-model-len"
    )


class NotThere(ConfigError):
    """The server has no such model, or no such path."""


class Refused(ConfigError):
    """The server does not understand the request, or does not want it."""


def _told(error: Any) -> str:
    """The server's own words, on one line."""
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body
    return " ".join(str(body or error.message).split())[:500]


def _strange(server: Server, said: object) -> ResourceError:
    return ResourceError(
        f"{server.url} answers with what is no completion: {' '.join(str(said).split())[:200]!r}",
        "rollout.url must be that of a server that speaks OpenAI's protocol, and end with /v1",
    )
