"""Answers as OpenAI's clients read them, whole and in a stream's chunks; what srlr adds is under
`srlr`, and `parsed` beside the text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srlr.serving.asking import Wanted

Finish = Literal["stop", "length", "content_filter"]
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Said:
    """One choice, finished.

    `valid` is None where nothing was read; `repaired` says how an answer that was not in the role's
    form came to be read.
    """

    text: str
    finish: Finish
    version: str
    migrated: bool = False
    prompt_tokens: int = 0
    tokens: int = 0
    parsed: Mapping[str, Any] | None = None
    valid: bool | None = None
    repaired: str | None = None
    violations: Sequence[Mapping[str, Any]] = ()
    form: str = ""
    """The version as which the text is read."""


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def event(value: Any) -> bytes:
    """A line of a stream."""
    return b"data: " + encoded(value) + b"\n\n"


def usage(said: Sequence[Said]) -> dict[str, int]:
    """A prompt is counted once however many choices it has, as OpenAI does."""
    prompt = max((one.prompt_tokens for one in said), default=0)
    tokens = sum(one.tokens for one in said)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens,
        "total_tokens": prompt + tokens,
    }


def extra(wanted: Wanted, said: Said) -> dict[str, Any]:
    """What srlr says of a choice beyond OpenAI's shape."""
    told: dict[str, Any] = {
        "role": wanted.served.role,
        "version": said.version,
        "valid": said.valid,
        "migrated": said.migrated,
    }
    if said.repaired is not None:
        told["repaired"] = said.repaired
    if said.violations:
        told["violations"] = list(said.violations)
    return told


def whole(wanted: Wanted, said: Sequence[Said], *, chat: bool) -> bytes:
    """The body of an answer that was asked for without a stream."""
    return encoded(
        {
            "id": wanted.id,
            "object": "chat.completion" if chat else "text_completion",
            "created": wanted.created,
            "model": wanted.model,
            "choices": [_choice(place, one, chat=chat) for place, one in enumerate(said)],
            "usage": usage(said),
            "srlr": extra(wanted, said[0]),
        }
    )


def _choice(place: int, said: Said, *, chat: bool) -> dict[str, Any]:
    if not chat:
        return {
            "index": place,
            "text": said.text,
            "logprobs": None,
            "finish_reason": said.finish,
        }
    message = {
        "role": "assistant",
        "content": said.text,
        "refusal": None,
        "parsed": said.parsed,
        "valid": said.valid,
    }
    return {"index": place, "message": message, "logprobs": None, "finish_reason": said.finish}


@dataclass(frozen=True, slots=True)
class Chunks:
    """The lines of one stream."""

    wanted: Wanted
    chat: bool

    def _line(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        if self.wanted.usage_in_stream:
            more = {"usage": None} | more
        return event(
            {
                "id": self.wanted.id,
                "object": "chat.completion.chunk" if self.chat else "text_completion",
                "created": self.wanted.created,
                "model": self.wanted.model,
                "choices": choices,
                **more,
            }
        )

    def first(self, place: int) -> bytes:
        """What opens a choice; nothing for a completion."""
        if not self.chat:
            return b""
        delta = {"role": "assistant", "content": ""}
        return self._line([{"index": place, "delta": delta, "finish_reason": None}])

    def text(self, place: int, text: str) -> bytes:
        said: dict[str, Any] = {"delta": {"content": text}} if self.chat else {"text": text}
        return self._line([{"index": place, **said, "finish_reason": None}])

    def last(self, place: int, said: Said) -> bytes:
        """What ends a choice, with what was read of it."""
        empty: dict[str, Any] = {"delta": {}} if self.chat else {"text": ""}
        told = {**extra(self.wanted, said), "parsed": said.parsed}
        return self._line([{"index": place, **empty, "finish_reason": said.finish}], srlr=told)

    def end(self, said: Sequence[Said]) -> bytes:
        """The usage, if it was asked for, and the stream's end."""
        if not self.wanted.usage_in_stream:
            return DONE
        return self._line([], usage=usage(said)) + DONE
