"""An answer guarded while it is being said: what goes out piece by piece is what check_output would
have let pass of the whole.

    watch = Watch(policy)
    for piece in pieces:
        passed = watch.feed(piece)      passed.text may be sent on
        if passed.stopped: …            the answer ends here
    passed = watch.end()

The last HELD characters wait, back to the end of a word: a secret or an address never goes out by
half. What belongs together, such as a private key of many lines, waits until it is whole, LONGEST
characters at most.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from srlr.core.guarding import Action
from srlr.serving.guard.checking import Given, check_output, rule_of, said, verdict
from srlr.serving.guard.policy import Policy
from srlr.serving.guard.verdict import Edit, Verdict

HELD = 64
"""Characters that wait for what follows: more than a card's number or a phone's with its spaces."""
LONGEST = 24_000
BEFORE = 200
"""Characters already sent that are read again: a word in them may say what a number is."""
STOPS: tuple[Action, ...] = ("replace", "block")


@dataclass(frozen=True, slots=True)
class Passed:
    """What may be sent on now. `stopped`: nothing follows, whatever the model goes on to say; the
    verdict that stopped it has what can be said instead.
    """

    text: str
    verdicts: tuple[Verdict, ...] = ()
    stopped: bool = False


@dataclass(slots=True)
class Watch:
    """Of one answer: `text` is what the model has said."""

    policy: Policy
    given: Given = field(default_factory=Given)
    text: str = ""
    stopped: bool = False
    _sent: int = 0
    _told: set[str] = field(default_factory=set)

    def feed(self, piece: str) -> Passed:
        """Takes the next piece; what may be sent on, perhaps nothing yet."""
        if self.stopped:
            return Passed("", stopped=True)
        self.text += piece
        if not self.policy.enabled:
            self._sent = len(self.text)
            return Passed(piece)
        if len(self.text) - self._sent <= HELD:
            return Passed("")
        return self._pass(self._end_of_word(len(self.text) - HELD), last=False)

    def end(self) -> Passed:
        """What was held back, and what only a whole answer can be told."""
        if self.stopped:
            return Passed("", stopped=True)
        passed = self._pass(len(self.text), last=True)
        if passed.stopped or not self.policy.enabled:
            return passed
        whole = check_output(self.text, self.policy, self.given)
        more = self._new(one for one in whole if not one.edits)
        self.stopped = any(one.action in STOPS for one in more)
        told = (*passed.verdicts, *more)
        return Passed("" if self.stopped else passed.text, told, self.stopped)

    def _pass(self, cut: int, *, last: bool) -> Passed:
        """Sends what lies before `cut`, and less where something that was found reaches past it."""
        personal = list(self._personal())
        for edit, _ in personal:
            if edit.start < cut < edit.end or (edit.end == len(self.text) and not last):
                cut = min(cut, max(self._sent, edit.start))
        if cut <= self._sent:
            return Passed("")
        window = self.text[max(0, self._sent - BEFORE) : len(self.text)]
        more = self._new(
            one for one in said(window, self.policy) if one is not None and not one.edits
        )
        if any(one.action in STOPS for one in more):
            self.stopped = True
            return Passed("", more, stopped=True)
        text, done = self._without(personal, cut)
        more += self._new(one for edit, one in personal if edit.start < cut)
        self._sent = max(cut, done)
        return Passed(text, more)

    def _personal(self) -> Iterator[tuple[Edit, Verdict]]:
        """Personal data and secrets that end in what was not sent yet, by their place."""
        start = self._end_of_word(max(0, self._sent - BEFORE))
        for span in self.policy.redactor.text(self.text[start:]).spans:
            one = verdict(rule_of(span), self.policy, "output", span.kind)
            edit = Edit(start + span.start, start + span.end, span.placeholder)
            if one is not None and edit.end > self._sent:
                yield edit, one

    def _without(self, found: Iterable[tuple[Edit, Verdict]], cut: int) -> tuple[str, int]:
        """The text from what was sent up to `cut`, places that are replaced given way; and how far
        that goes.
        """
        parts: list[str] = []
        place = self._sent
        for edit, one in found:
            if edit.start >= cut or one.action != "replace":
                continue
            if edit.start < place:
                place = max(place, edit.end)
                continue
            parts += (self.text[place : edit.start], edit.by)
            place = edit.end
        return "".join(parts) + self.text[place:cut], max(place, cut)

    def _end_of_word(self, cut: int) -> int:
        """The last place up to `cut` that is not inside a word, at most LONGEST from the end."""
        oldest = max(0, len(self.text) - LONGEST)
        while cut > oldest and not (self.text[cut - 1].isspace() or self.text[cut].isspace()):
            cut -= 1
        return cut

    def _new(self, found: Iterable[Verdict]) -> tuple[Verdict, ...]:
        """Those of rules that were not told yet."""
        kept = []
        for one in found:
            if one.rule not in self._told:
                self._told.add(one.rule)
                kept.append(one)
        return tuple(kept)
