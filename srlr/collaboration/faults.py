"""What can go wrong with a request: whether it is made again, whether it may have to be paid."""

import email.utils
import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from srlr.collaboration.keys import Key
from srlr.collaboration.streams import Cut, Stalled
from srlr.core.errors import ConfigError, ResourceError, SrlrError

LONGEST_WAIT_S = 3600.0
"""A server that wants more patience than this is left for another day."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One request that came to nothing.

    kind    busy     429: later, and fewer at once
            down     nobody, a 5xx, or no whole answer within the time
            refused  the server does not know an option: without it, if there is one to leave out
            fatal    no other request will do better
    may_cost: the server may have done the work, and count it.
    """

    kind: Literal["busy", "down", "refused", "fatal"]
    error: SrlrError
    may_cost: bool = False
    retry_after_s: float | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom, and by which keys of the configuration, to say to a person."""

    url: str
    at: str
    key: Key
    timeout_s: float
    idle_s: float


def fault(error: BaseException, asked: Asked) -> Fault:
    """What an exception of the client, or of reading its answer, means."""
    import openai

    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Fault(
            "down",
            ResourceError(
                f"{asked.url} has not answered within {asked.timeout_s:g} s",
                f"a larger {asked.at}.timeout_s, or a smaller {asked.at}.concurrency; "
                "the run goes on from where it was",
            ),
            may_cost=True,
        )
    if isinstance(error, Stalled):
        return Fault(
            "down",
            ResourceError(
                f"{asked.url} has stopped in the middle of an answer for {asked.idle_s:g} s",
                f"see what the server logs; a larger {asked.at}.idle_s; "
                "the run goes on from where it was",
            ),
            may_cost=True,
        )
    if isinstance(error, openai.APIStatusError):
        return _status(error, asked)
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        if type(cause).__name__ not in ("ConnectError", "ConnectTimeout", "PoolTimeout"):
            return _cut(cause, asked)
        told = asked.key.hide(str(cause) or type(cause).__name__)
        hint = (
            f"start the server there, or set {asked.at}.base_url; the run goes on from where it was"
        )
        return Fault("down", ResourceError(f"nobody answers at {asked.url}: {told}", hint))
    if isinstance(error, Cut):
        return _cut(error, asked)
    return garbled(error, asked)


def _cut(cause: BaseException, asked: Asked) -> Fault:
    told = asked.key.hide(" ".join(str(cause).split())[:500] or type(cause).__name__)
    return Fault(
        "down",
        ResourceError(
            f"the answer of {asked.url} was cut: {told}",
            "see what the server logs; the run goes on from where it was",
        ),
        may_cost=True,
    )


def garbled(said: object, asked: Asked) -> Fault:
    """An answer that is none: it is asked for again, and may be counted all the same."""
    text = asked.key.hide(" ".join(str(said).split())[:200])
    return Fault(
        "down",
        ResourceError(
            f"{asked.url} answers with what is no completion: {text!r}",
            f"{asked.at}.base_url must be that of a server that speaks OpenAI's protocol, "
            "and end with /v1",
        ),
        may_cost=True,
    )


def _status(error: Any, asked: Asked) -> Fault:
    status, told = error.status_code, asked.key.hide(_told(error))
    what = f"{asked.url} says {status}: {told}"
    if status in (401, 403):
        given = f"{asked.key.origin} holds another key" if asked.key.origin else "no key was sent"
        hint = f"name the variable with the server's key: {asked.at}.api_key_env=NAME"
        return Fault("fatal", ConfigError(f"{what} ({given})", hint), status=status)
    if status == 402 or (status == 429 and "insufficient_quota" in f"{error.code} {told}"):
        hint = "pay there; answers that are there are kept, and the run goes on from where it was"
        return Fault("fatal", ResourceError(what, hint), status=status)
    if status == 429:
        wait_s = retry_after_s(error.response.headers)
        if wait_s is not None and wait_s > LONGEST_WAIT_S:
            hint = f"the same command in {wait_s / 3600:.1f} hours; answers that are there are kept"
            return Fault("fatal", ResourceError(what, hint), status=status)
        hint = f"a smaller {asked.at}.concurrency; the run goes on from where it was"
        return Fault("busy", ResourceError(what, hint), False, wait_s, status)
    if status >= 500 or status in (408, 409):
        hint = "see what the server logs; the run goes on from where it was"
        wait_s = retry_after_s(error.response.headers)
        return Fault("down", ResourceError(what, hint), False, wait_s, status)
    if status == 404:
        hint = f"{asked.at}.base_url ends with /v1; {asked.at}.model is the server's name for it"
        return Fault("fatal", ConfigError(what, hint), status=status)
    hint = (
        f"see `srlr config explain {asked.at}`; a prompt too long asks for a smaller "
        "generate.num_examples_per_request"
    )
    return Fault("refused", ConfigError(what, hint), status=status)


def _told(error: Any) -> str:
    """The server's own words, on one line."""
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body
    return " ".join(str(body or error.message).split())[:500]


class Headers(Protocol):
    """Of a response, by their names in any case."""

    def get(self, name: str, /) -> Any: ...


def retry_after_s(headers: Headers) -> float | None:
    """Seconds from now, of retry-after-ms or Retry-After in seconds or as a date; None without."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        if (said := headers.get("retry-after")) is None:
            return None
        try:
            return max(0.0, float(said))
        except ValueError:
            return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
