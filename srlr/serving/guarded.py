"""Where guardrails meet requests and answers: one place for the way in, one for the way out.

A stream's text is held back until it is checked, by a few words (see guard.watch): what goes out is
what would have gone out of the whole. Once a guardrail stops an answer, nothing more of it is sent;
what can be said instead follows, and `content_filter` ends it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srlr.core.guarding import Guard
from srlr.core.types import Message
from srlr.serving.backend import Served
from srlr.serving.guard.checking import SORRY, Given, check_input, check_limits, check_output
from srlr.serving.guard.policy import Policy, policy
from srlr.serving.guard.verdict import Verdict, answer_instead, edited
from srlr.serving.guard.watch import STOPS, Passed, Watch
from srlr.serving.rejected import Rejected

Tell = Callable[[str, Sequence[Verdict]], None]
"""tell("input", verdicts): for metrics and the log."""


@dataclass(slots=True)
class Guards:
    """Every release's policy in a deployment: the deployment's node, and the role's own as it was
    published with.
    """

    node: Guard
    known: dict[str, Policy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        policy(self.node)  # a rule that does not exist is said when it is named, not when it is met

    def of(self, served: Served) -> Policy:
        found = self.known.get(served.name)
        if found is None:
            profile = served.speaker.profile
            own = None if profile is None else profile.guard
            found = self.known[served.name] = policy(self.node, own, served.role)
        return found


@dataclass(frozen=True, slots=True)
class Instead:
    """The guard's own answer to a request, for which no model is asked."""

    text: str
    verdicts: tuple[Verdict, ...]


def let_in(
    policy: Policy,
    messages: tuple[Message, ...],
    tell: Tell,
    *,
    max_tokens: int | None = None,
    seconds: float | None = None,
) -> tuple[tuple[Message, ...], Instead | None]:
    """The messages that go on, with what is nobody's business taken out; or the answer instead.

    Raises:
        Rejected: 400, a rule blocks them; kind, rule and reason are in the body.
    """
    found = (*check_limits(policy, max_tokens, seconds), *check_input(messages, policy))
    if not found:
        return messages, None
    tell("input", found)
    first = next((one for one in found if one.action == "block"), None)
    if first is not None:
        more = {**shown(first), "violations": visible(found)}
        hint = "say it in another way, or ask whoever runs this service"
        raise Rejected(400, "blocked", f"not allowed: {first.reason}", hint, more=more)
    alternative = answer_instead(found)
    if alternative is not None:
        return messages, Instead(alternative, found)
    kept = tuple(
        {**message, "content": edited(message["content"], found, number)}
        for number, message in enumerate(messages)
    )
    return kept, None


def visible(verdicts: Iterable[Verdict]) -> tuple[Mapping[str, Any], ...]:
    """What a client is told of verdicts: those that changed something."""
    return tuple(shown(one) for one in verdicts if one.action in STOPS)


def shown(one: Verdict) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("kind", "rule", "reason", "action", "owasp")}


@dataclass(frozen=True, slots=True)
class Checked:
    """A text as it may be sent; `stopped`: it is what can be said instead."""

    text: str
    verdicts: tuple[Verdict, ...] = ()
    stopped: bool = False


def let_out(text: str, policy: Policy, given: Given, tell: Tell) -> Checked:
    """A whole answer."""
    found = check_output(text, policy, given)
    if not found:
        return Checked(text)
    tell("output", found)
    instead = _instead(found)
    if instead is not None:
        return Checked(instead, found, stopped=True)
    return Checked(edited(text, found), found)


def _instead(found: Sequence[Verdict]) -> str | None:
    """What is said in the place of an answer; None where it stays, perhaps edited."""
    blocked = next((one for one in found if one.action == "block"), None)
    return answer_instead(found) if blocked is None else blocked.alternative or SORRY


@dataclass(slots=True)
class Outgoing:
    """The way out of a stream: text goes in as it is generated and comes out once it may."""

    watch: Watch
    tell: Tell
    sent: str = ""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def stopped(self) -> bool:
        return self.watch.stopped

    def feed(self, text: str) -> str:
        """What may be sent now."""
        return self._passed(self.watch.feed(text))

    def end(self) -> str:
        """What is left to send."""
        return "" if self.stopped else self._passed(self.watch.end())

    def _passed(self, passed: Passed) -> str:
        text = passed.text
        if passed.verdicts:
            self.tell("output", passed.verdicts)
            self.verdicts += passed.verdicts
            if passed.stopped:
                text += ("\n" if self.sent else "") + (_instead(passed.verdicts) or SORRY)
        self.sent += text
        return text
