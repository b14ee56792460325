"""OpenAI's protocol: what is sent, and what comes back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from srlr.collaboration.budget import PICO, Cost
from srlr.core.types import Message

OPTIONAL = {
    "response_format": r"response_format|json_schema|grammar",
    "seed": r"\bseed\b",
    "temperature": r"\btemperature\b",
    "max_tokens": r"\bmax_tokens\b",
    "stream": r"\bstream(ing|_options)?\b",
}
"""Options that some servers or models refuse, and words by which they name them; max_tokens has
another name there.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said.

    `finish`: stop, length (it was cut at max_tokens), content_filter, refusal, or what the server
    says. `usd`: what it cost, None where the price is not known. `replayed`: it came from the
    journal.
    """

    text: str
    finish: str
    model: str
    prompt_tokens: int = 0
    answer_tokens: int = 0
    usd: float | None = None
    replayed: bool = False


class Ask(Protocol):
    """A language model as something to ask; blocks, and may be called from several threads."""

    def __call__(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any] | None = None,
        *,
        max_tokens: int | None = None,
        seed: int = 0,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Said:
    """A server's answer; None where it did not tell."""

    text: str
    finish: str
    model: str
    prompt_tokens: int | None
    answer_tokens: int | None


def told(said: Any, hide: Callable[[str], str]) -> Said:
    """What is in the body of an answer, without the key.

    Raises:
        KeyError, IndexError, TypeError, AttributeError: it is no completion.
    """
    choice = said["choices"][0]
    message = choice["message"]
    text, refusal = message.get("content") or "", message.get("refusal")
    if not isinstance(refusal or text, str):
        raise TypeError("the content is no text")
    usage = said.get("usage") or {}
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = all(isinstance(one, int) and one >= 0 for one in counts)
    return Said(
        hide(refusal or text),
        "refusal" if refusal else str(choice.get("finish_reason") or "stop"),
        hide(str(said.get("model") or "")),
        *(counts if known else (None, None)),
    )


def body(request: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    """What is sent for a request to a server that does not know the options `left_out`."""
    found = {name: value for name, value in request.items() if name not in left_out}
    if "max_tokens" in left_out:
        found["max_completion_tokens"] = request["max_tokens"]
    if "stream" not in left_out:
        found |= {"stream": True, "stream_options": {"include_usage": True}}
    return found


def priced(cost: Cost) -> dict[str, Any]:
    """A cost as fields of a journal's line."""
    return {"tokens": cost.tokens, "pico_usd": cost.pico_usd}


def answer(row: Mapping[str, Any]) -> Answer:
    """The answer that is in a journal's line."""
    pico = row["pico_usd"]
    return Answer(
        row["text"],
        row["finish"],
        row["model"],
        row["prompt_tokens"],
        row["answer_tokens"],
        None if pico is None else pico / PICO,
        row.get("replayed", False),
    )
