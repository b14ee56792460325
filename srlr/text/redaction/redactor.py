"""Documents without personal data and secrets: what was found is replaced by what it was.

    Redactor().text("Write to jo@example.org or JO@example.org.").text
    == "Write to [EMAIL_1] or [EMAIL_1]."

A document is one text or several that belong together, such as a problem and the steps of its
solution: the same value is the same placeholder in all of them.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate

from srlr.core.redacting import CLASSES, Redact
from srlr.text.redaction.addresses import addresses, emails
from srlr.text.redaction.finding import Found, Recogniser
from srlr.text.redaction.folding import fold
from srlr.text.redaction.ids import ids
from srlr.text.redaction.keys import keys
from srlr.text.redaction.names import names
from srlr.text.redaction.payments import cards, ibans
from srlr.text.redaction.phones import phones

RECOGNISERS: dict[str, Recogniser] = {
    "key": keys,
    "email": emails,
    "iban": ibans,
    "card": cards,
    "id": ids,
    "ip": addresses,
    "phone": phones,
    "name": names,
}
"""By class; where two overlap, the whole is of the class that comes first here."""

PLACEHOLDER = re.compile(rf"\[({'|'.join(CLASSES).upper()})(?:_(\d{{1,9}}))?\]")
_RANK = {kind: rank for rank, kind in enumerate(RECOGNISERS)}
_ROUNDS = 8
"""A second look follows every change. More than two happen only in texts made to need them."""
_TELLING = re.compile(
    r"[\d@]|-----BEGIN|[\[({<] ?at ?[\])}>]|://|[a-z0-9]{2}[_-]\w{16}", re.IGNORECASE
)
"""Without one of these there is nothing but, perhaps, a name."""


@dataclass(frozen=True, slots=True)
class Span:
    """`original[start:end]` was of the class `kind`; what stands there now."""

    start: int
    end: int
    kind: str
    placeholder: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without what was found, and where in the original that was, in its order."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a document; `field` is what its field is called, which may say what is in it."""

    text: str
    field: str = ""


@dataclass(slots=True)
class _Page:
    """One text of a document while it is worked on: spans of the original, by start, not
    overlapping, with the class and the value of each.
    """

    source: Text
    taken: list[tuple[int, int, str, str]] = field(default_factory=list)
    shown: str = ""
    places: list[tuple[int, int]] = field(default_factory=list)
    """Where a stretch that was kept begins: in `shown`, in the original."""
    found: list[Found] = field(default_factory=list)


class Redactor:
    """Finds and replaces as `settings` say. Holds nothing of any document."""

    def __init__(self, settings: Redact | None = None) -> None:
        self.settings = settings or Redact()
        self._kinds = [kind for kind in RECOGNISERS if kind in self.settings.classes]
        patterns = [translate(_key(entry)) for entry in self.settings.allow]
        self._allowed = re.compile("|".join(patterns)) if patterns else None

    def text(self, text: str, field: str = "") -> Redacted:
        """One text, a document of its own."""
        return self.texts([Text(text, field)])[0]

    def texts(self, texts: Sequence[Text]) -> list[Redacted]:
        """The texts of one document, in their order. Redacting what this returns changes nothing;
        numbers go on after the highest that is in the texts already.
        """
        pages = [_Page(text, shown=text.text, places=[(0, 0)]) for text in texts]
        if not self._kinds:
            return [Redacted(page.shown) for page in pages]
        highest = Counter[str]()
        for page in pages:
            for kind, number in PLACEHOLDER.findall(page.source.text):
                highest[kind.lower()] = max(highest[kind.lower()], int(number or 0))
        spans: list[tuple[Span, ...]] = [()] * len(pages)
        for _ in range(_ROUNDS):
            if not self._look(pages):
                break
            spans = self._placed(pages, Counter(highest))
        return [Redacted(page.shown, told) for page, told in zip(pages, spans, strict=True)]

    def _look(self, pages: Sequence[_Page]) -> bool:
        """Takes what is in the texts as they are shown now; whether there was anything."""
        for page in pages:
            page.found = self._candidates(page.source.field, page.shown)
        sure = {(one.kind, one.value) for page in pages for one in page.found if one.sure}
        if not sure:
            return False
        for page in pages:
            kept = [one for one in page.found if one.sure or (one.kind, one.value) in sure]
            new = [_original(page, one) for one in _united(kept, page.shown)]
            page.taken = sorted([*page.taken, *new])
        return True

    def _candidates(self, field: str, shown: str) -> list[Found]:
        """What recognisers find in a text, without what is allowed or a placeholder's part; places
        are those of the text.
        """
        if not _TELLING.search(shown) and shown.isascii() and "name" not in self._kinds:
            return []
        ahead = f"{field}: " if field else ""
        folded = fold(ahead + shown)
        found = [one for kind in self._kinds for one in RECOGNISERS[kind](folded.text)]
        if not found:
            return []
        standing = [match.span() for match in PLACEHOLDER.finditer(folded.text)]
        allowed = [(one.start, one.end) for one in found if self._is_allowed(one, folded.text)]
        kept = []
        for one in found:
            if _overlaps(one, standing) or _lies_in(one, allowed):
                continue
            start, end = folded.span(one.start, one.end)
            if start >= len(ahead):
                kept.append(one._replace(start=start - len(ahead), end=end - len(ahead)))
        return kept

    def _is_allowed(self, found: Found, text: str) -> bool:
        if self._allowed is None:
            return False
        said = (text[found.start : found.end], found.value)
        return any(self._allowed.match(_key(one)) for one in said)

    def _placed(self, pages: Sequence[_Page], highest: Counter[str]) -> list[tuple[Span, ...]]:
        """Writes the placeholders into every page; their spans in the original."""
        names: dict[tuple[str, str], str] = {}
        spans = []
        for page in pages:
            told: list[Span] = []
            parts: list[str] = []
            page.places, last, at = [], 0, 0
            for start, end, kind, value in page.taken:
                if (kind, value) not in names:
                    highest[kind] += 1
                    number = f"_{highest[kind]}" if self.settings.style == "numbered" else ""
                    names[kind, value] = f"[{kind.upper()}{number}]"
                placeholder = names[kind, value]
                page.places.append((at, last))
                parts += (page.source.text[last:start], placeholder)
                at += start - last + len(placeholder)
                last = end
                told.append(Span(start, end, kind, placeholder))
            page.places.append((at, last))
            page.shown = "".join(parts) + page.source.text[last:]
            spans.append(tuple(told))
        return spans


def counts(results: Iterable[Redacted]) -> dict[str, int]:
    """How often something of each class was replaced, classes by name."""
    found = Counter(span.kind for result in results for span in result.spans)
    return dict(sorted(found.items()))


def _key(said: str) -> str:
    return fold(" ".join(said.split())).text.casefold()


def _overlaps(one: Found, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether it shares a sign with one of `spans`, which are sorted and do not overlap."""
    place = bisect_right(spans, (one.end - 1, float("inf")))
    return place > 0 and spans[place - 1][1] > one.start


def _lies_in(one: Found, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= one.start and one.end <= end for start, end in spans)


def _united(found: Sequence[Found], text: str) -> list[Found]:
    """Overlapping ones made one, of the class that ranks first among them."""
    whole: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end, _RANK[one.kind])):
        if not whole or one.start >= whole[-1].end:
            whole.append(one)
            continue
        last = whole[-1]
        first = min(last, one, key=lambda each: _RANK[each.kind])
        end = max(last.end, one.end)
        exact = first.start == last.start and first.end == end
        whole[-1] = Found(last.start, end, first.kind, first.value if exact else "")
    return [one if one.value else one._replace(value=text[one.start : one.end]) for one in whole]


def _original(page: _Page, one: Found) -> tuple[int, int, str, str]:
    """A span of the shown text, outside of placeholders, in the original."""
    at, origin = page.places[bisect_right(page.places, (one.start, float("inf"))) - 1]
    start = one.start - at + origin
    return start, start + one.end - one.start, one.kind, one.value
