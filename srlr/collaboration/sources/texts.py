"""What every source of the retriever shares: texts with citations, and what may be shown to whom.

A source leaves out what gives a held-out text away and, for a task, what gives that task away: its
own text, and solved examples of its own id or group.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from srlr.core.retrieving import SearchBy
from srlr.core.retrieving import Source as Said
from srlr.core.types import Task
from srlr.text.leaks import Guard
from srlr.text.search import Ranking

Searchable = Callable[[str, Sequence[str], SearchBy], Ranking]
"""searchable(name, texts, by): what finds the nearest of those texts."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is shown and cited. `searched` is what a query is compared with, where that is not all
    of it; `task_id` and `group` name the task that an example solves.
    """

    text: str
    citation: str
    searched: str = ""
    task_id: str | None = None
    group: str | None = None

    @property
    def compared(self) -> str:
        return self.searched or self.text


@dataclass(frozen=True, slots=True)
class Shelf:
    """What all sources of a run share: its role, the held-out texts, how local texts are searched.

    `run` is the folder of the run itself, which is no source of its own.
    """

    role: str
    guard: Guard
    searchable: Searchable
    by: SearchBy
    run: Path | None = None


class Source(Protocol):
    """A place to look; `said.kind` says whether its texts are rules, knowledge or examples."""

    @property
    def name(self) -> str:
        """As the configuration has it."""

    @property
    def said(self) -> Said:
        """What the configuration says of it."""

    def find(self, task: Task) -> list[Text]:
        """At most `said.limit` texts for the task, the best first."""

    def facts(self) -> Mapping[str, Any]:
        """Counts for the record: what it holds, what was left out, what failed."""


def may_see(task: Task) -> Callable[[Text], bool]:
    """What may be shown to whoever writes for this task."""
    own, group = Guard([task.prompt]), task.meta.get("group")

    def may(text: Text) -> bool:
        if text.task_id == task.id or (group is not None and text.group == str(group)):
            return False
        return not own.gives_away(text.compared)

    return may


@dataclass(frozen=True, slots=True)
class Local:
    """Texts in memory that are searched: documents, or solved examples."""

    name: str
    said: Said
    texts: tuple[Text, ...]
    ranking: Ranking
    counts: Mapping[str, int] = field(default_factory=dict)

    def find(self, task: Task) -> list[Text]:
        may, limit = may_see(task), self.said.limit
        deep = limit
        while True:
            found = [self.texts[one] for one, _ in self.ranking.nearest(task.prompt, deep)]
            kept = [text for text in found if may(text)]
            # A task has few texts of its own, but its group may be large.
            if len(kept) >= limit or len(found) < deep:
                return kept[:limit]
            deep *= 4

    def facts(self) -> Mapping[str, Any]:
        return {"kind": self.said.kind, "texts": len(self.texts), **self.counts}


def local(name: str, said: Said, texts: Sequence[Text], shelf: Shelf, **counts: int) -> Local:
    """The source that holds those texts, except what gives a held-out text away."""
    kept = tuple(one for one in texts if not shelf.guard.gives_away(one.compared))
    ranking = shelf.searchable(name, [one.compared for one in kept], shelf.by)
    return Local(name, said, kept, ranking, {**counts, "held_out": len(texts) - len(kept)})
