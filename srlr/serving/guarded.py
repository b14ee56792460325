"""Where guardrails meet requests and answers: one place for the way in, one for the way out.

In a stream, text is held back until it is checked: sentence by sentence, together with what went
before, because what is harmless in each of two sentences may not be in both. Once a guard objects,
nothing more of the answer is sent; the safe alternative follows, and `content_filter` ends it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from srlr.core.types import Message
from srlr.serving.backend import Served
from srlr.serving.rejected import Rejected

HELD_CHARS = 400
"""A sentence that does not end is checked after so many characters."""
CONTEXT_CHARS = 1000
"""Of what was sent already, a sentence is checked together with so many."""

_SENTENCE = re.compile(r".*(?:[.!?…][\"')\]]*\s|\n)", re.DOTALL)
Tell = Callable[[str, Sequence[Mapping[str, Any]]], None]
"""tell("input", violations): for metrics and the log."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a guard says of a request's messages or of an answer's text.

    `texts` are what goes on in their place, one a message; `alternative` is the whole answer
    instead; `violations` are its verdicts as a client may read them.
    """

    action: Literal["allow", "log", "replace", "block"] = "allow"
    texts: tuple[str, ...] = ()
    alternative: str | None = None
    violations: tuple[Mapping[str, Any], ...] = ()


class Guard(Protocol):
    """Pure checks, fast enough for every request."""

    def input(self, served: Served, messages: Sequence[Message]) -> Checked: ...

    def output(self, served: Served, text: str) -> Checked: ...


def let_in(
    guard: Guard | None, served: Served, messages: tuple[Message, ...], tell: Tell
) -> tuple[tuple[Message, ...], Checked | None]:
    """The messages that go on, and what was found where the answer is the guard's own.

    Raises:
        Rejected: 400, the guard blocks them; kind, rule and reason are in the body.
    """
    if guard is None:
        return messages, None
    found = guard.input(served, messages)
    if found.violations:
        tell("input", found.violations)
    if found.action == "block":
        first = next((one for one in found.violations if one["action"] == "block"), {})
        more = {name: first.get(name) for name in ("kind", "rule", "reason", "owasp")}
        what = f"the request is not allowed: {more['reason']}"
        hint = "say it in another way, or ask whoever runs this service"
        raise Rejected(400, "blocked", what, hint, more={**more, "violations": found.violations})
    if found.alternative is not None:
        return messages, found
    if found.texts:
        pairs = zip(messages, found.texts, strict=True)
        return tuple({**message, "content": text} for message, text in pairs), None
    return messages, None


@dataclass(slots=True)
class Outgoing:
    """The way out of one answer: text goes in as it is generated and comes out once checked."""

    guard: Guard | None
    served: Served
    tell: Tell
    sent: str = ""
    held: str = ""
    replaced: bool = False
    violations: list[Mapping[str, Any]] = field(default_factory=list)

    def feed(self, text: str) -> str:
        """What may be sent now."""
        if self.guard is None or self.replaced:
            self.sent += "" if self.replaced else text
            return "" if self.replaced else text
        self.held += text
        match = _SENTENCE.match(self.held)
        end = match.end() if match else len(self.held) if len(self.held) >= HELD_CHARS else 0
        ready, rest = self.held[:end], self.held[end:]
        self.held = rest
        return self._checked(ready) if ready else ""

    def end(self) -> str:
        """What is left to send."""
        ready, self.held = self.held, ""
        return self._checked(ready) if ready and not self.replaced else ""

    def _checked(self, text: str) -> str:
        assert self.guard is not None, "without one nothing is held"
        before = self.sent[-CONTEXT_CHARS:]
        found = self.guard.output(self.served, before + text)
        fresh = [one for one in found.violations if one not in self.violations]
        if fresh:
            self.violations += fresh
            self.tell("output", fresh)
        out = text
        if found.alternative is not None or found.action == "block":
            self.replaced, self.held = True, ""
            out = found.alternative or ""
        elif found.texts:
            # What was sent stays sent: only what is new in the edited text can follow.
            whole = found.texts[0]
            out = whole[len(before) :] if whole.startswith(before) else self._alone(text)
        self.sent += out
        return out

    def _alone(self, text: str) -> str:
        """The text checked by itself, where an edit reaches back into what was sent."""
        assert self.guard is not None, "without one nothing is held"
        found = self.guard.output(self.served, text)
        if found.alternative is not None or found.action == "block":
            self.replaced = True
            return found.alternative or ""
        return found.texts[0] if found.texts else text


def checked_whole(
    guard: Guard | None, served: Served, text: str, tell: Tell
) -> tuple[str, bool, list[Mapping[str, Any]]]:
    """A whole answer as it may be sent, whether it is the guard's own, and what was found."""
    if guard is None:
        return text, False, []
    found = guard.output(served, text)
    if found.violations:
        tell("output", found.violations)
    if found.alternative is not None or found.action == "block":
        return found.alternative or "", True, list(found.violations)
    return (found.texts[0] if found.texts else text), False, list(found.violations)
