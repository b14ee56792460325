"""How requests have gone, by version: what health and swaps are decided on."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from srlr.serving.history import History

KEPT = 4000
"""Of each version, the newest."""


@dataclass(slots=True)
class Outcome:
    """One request's. What is learnt later is put in later: a guardrail's verdict, feedback."""

    id: str
    version: str
    at: float
    seconds: float
    ok: bool
    tokens: int = 0
    violation: bool = False
    valid: bool = True
    """Whether the answer is what the role asks for."""
    quality: float | None = None
    """Feedback, from 0 to 1."""


class Outcomes:
    """Of one role's requests; those of each version in the order in which they ended."""

    def __init__(self) -> None:
        self._by_version: dict[str, deque[Outcome]] = {}
        self._by_id: OrderedDict[str, Outcome] = OrderedDict()
        self.history = History()

    def add(self, outcome: Outcome) -> None:
        self._by_version.setdefault(outcome.version, deque(maxlen=KEPT)).append(outcome)
        self._by_id[outcome.id] = outcome
        self.history.add(outcome.at, outcome.seconds, ok=outcome.ok)
        while len(self._by_id) > KEPT:
            self._by_id.popitem(last=False)

    def get(self, id: str) -> Outcome | None:
        """The request's; None where it is too long ago."""
        return self._by_id.get(id)

    def of(self, version: str, since: float = 0.0) -> list[Outcome]:
        """The version's that ended since then."""
        found: list[Outcome] = []
        for outcome in reversed(self._by_version.get(version, ())):
            if outcome.at < since:
                break
            found.append(outcome)
        return found[::-1]

    def since(self, moment: float) -> Iterator[Outcome]:
        """Of all versions."""
        for version in self._by_version:
            yield from self.of(version, moment)

    def forget(self, version: str) -> None:
        """A version is loaded anew: what it did before says nothing."""
        self._by_version.pop(version, None)
