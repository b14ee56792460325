"""How an ask, its pieces and its errors go between the gateway and a worker: as lines of JSON."""

import json
import math
from dataclasses import asdict
from functools import cache
from typing import Any

from srlr.core.errors import SrlrError
from srlr.serving.asked import Ask, Busy, Gone, Late, Piece, Refused

STATUS: dict[type[SrlrError], int] = {Refused: 400, Busy: 429, Gone: 503, Late: 504}
KINDS = {kind.__name__: kind for kind in STATUS}


def ask_line(ask: Ask) -> bytes:
    return json.dumps(asdict(ask)).encode()


def ask_of(body: bytes) -> Ask:
    """The ask in a request's body.

    Raises:
        Refused: it is none; every field that is wrong is named.
    """
    from pydantic import ValidationError

    try:
        ask: Ask = _adapter().validate_json(body, strict=True)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}"
            for one in error.errors(include_url=False)
        )
        raise Refused(f"this is not an ask: {wrong}", "see srlr.serving.asked.Ask") from error
    wrong = "; ".join(_wrong(ask))
    if wrong:
        raise Refused(f"this ask cannot be answered: {wrong}", "correct what is named")
    return ask


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Ask)


def _wrong(ask: Ask) -> list[str]:
    """What no worker can do."""
    checks = {
        "one of messages and prompt is needed, not both": bool(ask.messages)
        != (ask.prompt is not None),
        "prompt is empty": ask.prompt != "",
        f"max_tokens={ask.max_tokens} is less than 1": ask.max_tokens >= 1,
        f"temperature={ask.temperature} is not 0 or more": 0 <= ask.temperature < math.inf,
        f"top_k={ask.top_k} is not 0 or more": ask.top_k >= 0,
        f"top_p={ask.top_p} is not above 0 and at most 1": 0 < ask.top_p <= 1,
        "a stop text is empty": all(ask.stop),
        "delivered has what is no token": all(token >= 0 for token in ask.delivered),
        "a message needs a role and a content, both text": all(
            {"role", "content"} <= set(message) for message in ask.messages
        ),
    }
    return [what for what, holds in checks.items() if not holds]


def piece_line(piece: Piece) -> bytes:
    return json.dumps(asdict(piece)).encode() + b"\n"


def error_line(error: SrlrError) -> bytes:
    """As a line, or as the body of a response with the status of its kind."""
    kind = type(error).__name__ if type(error) in STATUS else Gone.__name__
    told: dict[str, Any] = {"kind": kind, "what": error.what, "hint": error.hint}
    if isinstance(error, Busy):
        told["retry_after_s"] = error.retry_after_s
    return json.dumps({"error": told}).encode() + b"\n"


def piece_of(line: bytes) -> Piece:
    """The piece in a line.

    Raises:
        Refused, Busy, Late, Gone: the line tells of one; Gone where it is neither.
    """
    try:
        told = json.loads(line)
        if "error" in told:
            raise error_of(told["error"])
        told["tokens"] = tuple(told["tokens"])
        return Piece(**told)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Gone(f"the worker said what is no piece: {line[:80]!r}") from error


def error_of(told: Any) -> SrlrError:
    kind = KINDS.get(told.get("kind"), Gone)
    if kind is Busy:
        return Busy(told["what"], told["hint"], told["retry_after_s"])
    return kind(told["what"], told["hint"])
