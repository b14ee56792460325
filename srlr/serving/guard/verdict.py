"""What a guardrail says, and a text without what was objected to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from srlr.core.guarding import ACTIONS, Action

Kind = Literal["input", "output", "behaviour", "alignment", "safety"]
Side = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Edit:
    """`text[start:end]` gives way to `by`."""

    start: int
    end: int
    by: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's finding and what is to be done about it.

    `reason` is a sentence for whoever sent the text: it never repeats personal data or a secret.
    With action `replace` either `edits` tell which places of message `message` give way, or the
    whole text gives way to `alternative`: on the input side that is then the answer, and no model
    is asked.
    """

    kind: Kind
    rule: str
    reason: str
    action: Action
    owasp: str = ""
    """An id of OWASP's Top 10 for LLM applications, 2026; "" where it names no such risk."""
    edits: tuple[Edit, ...] = ()
    alternative: str = ""
    message: int = 0


def worst(verdicts: Iterable[Verdict]) -> Action:
    """What is to be done about all of them together; allow where there are none."""
    return max((one.action for one in verdicts), key=ACTIONS.index, default="allow")


def answer_instead(verdicts: Sequence[Verdict]) -> str | None:
    """The alternative of the first verdict that replaces the whole; None where none does."""
    for one in verdicts:
        if one.action == "replace" and not one.edits:
            return one.alternative
    return None


def edited(text: str, verdicts: Iterable[Verdict], message: int = 0) -> str:
    """The text with every edit made that replaces a place of it; where two overlap, one
    placeholder stands for both. Doing it again changes nothing, as there is nothing left to find.
    """
    edits = sorted(
        (edit.start, edit.end, edit.by)
        for one in verdicts
        if one.action == "replace" and one.message == message
        for edit in one.edits
    )
    parts: list[str] = []
    place = 0
    for start, end, by in edits:
        if start < place:
            place = max(place, end)
            continue
        parts += (text[place:start], by)
        place = end
    return "".join(parts) + text[place:]
