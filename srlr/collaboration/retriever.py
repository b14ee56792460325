"""The context of a task: the role's rules and words, the nearest labelled rows, and what the
configured sources have.

    with retriever.open(settings, role, train, held_out) as found:
        found.context(task)       core.types.Context, with passages and citations
        found.record()            what was looked through, for the summary

Passages of several sources are put in one order by weighted ranks, as the scores of an endpoint and
of a folder cannot be compared:

    score = weight of the source / (K + rank in the source)        rank from 1

Source: Cormack, Clarke and Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods", K = 60.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from srlr.assets import cache_dir
from srlr.collaboration import sources
from srlr.core.retrieving import SearchBy
from srlr.core.settings import Settings
from srlr.core.types import Context, Passage, Progress, Role, Task
from srlr.models import embed
from srlr.text.dedup import normalise
from srlr.text.index import Index
from srlr.text.leaks import Guard
from srlr.text.pgvector import Database, Pgvector, open_database
from srlr.text.search import Both, Ranking
from srlr.text.vectors import Embedder, Exact, Vectors

K = 60


class Examples:
    """Labelled training tasks to search; a task's own group is never among its neighbours.

    Args:
        held_out: texts of the other splits; a task that repeats one, or nearly, is no neighbour.
        ranking: makes what searches the prompts; BM25 unless given.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        held_out: Iterable[str] = (),
        ranking: Callable[[Sequence[str]], Ranking] = Index,
    ) -> None:
        closed = Guard(held_out)
        self._tasks = tuple(task for task in tasks if not closed.repeats(task.prompt))
        self._ranking = ranking([task.prompt for task in self._tasks])
        self._members: dict[str, list[int]] = defaultdict(list)
        for position, task in enumerate(self._tasks):
            self._members[_group(task)].append(position)

    def nearest(self, task: Task, k: int) -> tuple[Task, ...]:
        """At most `k` tasks of other groups that share words with `task`, nearest first."""
        if k < 1:
            return ()
        own = self._members.get(_group(task), [])
        found = self._ranking.nearest(task.prompt, k, exclude=own)
        return tuple(self._tasks[position] for position, _ in found)


def retrieve(task: Task, role: Role, examples: Examples, neighbours: int) -> Context:
    """What the role knows about `task`, with labelled neighbours; citations name every source."""
    known = role.knowledge(task)
    near = examples.nearest(task, neighbours)
    return replace(
        known, neighbours=near, citations=(*known.citations, *(neighbour.id for neighbour in near))
    )


class Retriever:
    """What is looked up for each task; several threads may ask at once.

    Args:
        places: the sources, in the configuration's order.
        passages: how many texts of knowledge and examples a task gets at most.
    """

    def __init__(
        self,
        role: Role,
        examples: Examples,
        neighbours: int,
        places: Sequence[sources.Source] = (),
        passages: int = 0,
    ) -> None:
        self._role, self._examples, self._neighbours = role, examples, neighbours
        self._places, self._passages = tuple(places), passages

    def context(self, task: Task) -> Context:
        """Everything that is known about the task, with a citation for each part of it.

        Raises:
            ResourceError, ConfigError: a source that is not optional failed.
        """
        known = retrieve(task, self._role, self._examples, self._neighbours)
        if not self._places:
            return known
        rules = [
            rule for place in self._places if place.said.kind == "rules"
            for rule in place.find(task)
        ]  # fmt: skip
        passages = self._ranked(task)
        cited = [*(rule.citation for rule in rules), *(one.citation for one in passages)]
        return replace(
            known,
            rules=(*known.rules, *(rule.text for rule in rules)),
            passages=passages,
            citations=(*known.citations, *cited),
        )

    def _ranked(self, task: Task) -> tuple[Passage, ...]:
        """The sources' passages in one order, each text once."""
        found: dict[str, Passage] = {}
        for place in self._places if self._passages else ():
            if place.said.kind == "rules":
                continue
            kind: Any = "example" if place.said.kind == "examples" else "knowledge"
            for rank, text in enumerate(place.find(task), 1):
                score = place.said.weight / (K + rank)
                same = found.get(key := normalise(text.text))
                if same is None or same.score < score:
                    found[key] = Passage(text.text, text.citation, kind, score)
        best = sorted(found.values(), key=lambda one: -one.score)
        return tuple(best[: self._passages])

    def facts(self) -> dict[str, Any]:
        """What each source holds, left out and failed at, by name."""
        return {place.name: dict(place.facts()) for place in self._places}


class Opened(NamedTuple):
    """A retriever and what the record says of how it searches."""

    retriever: Retriever
    means: "_Means"

    def context(self, task: Task) -> Context:
        """As Retriever.context."""
        return self.retriever.context(task)

    def record(self) -> dict[str, Any]:
        """What was looked through, and with what."""
        return {**self.means.record(), "sources": self.retriever.facts()}

    def sentences(self) -> tuple[Vectors | None, str]:
        """Embeddings by meaning, where they take no download; None and why not."""
        return self.means.sentences()

    def notes(self) -> list[str]:
        """What a person should know: a stand-in for the embedding model, a source that failed."""
        lines = [self.means.note] if self.means.note else []
        for name, facts in self.retriever.facts().items():
            if facts.get("failed"):
                lines.append(
                    f"source {name!r} gave nothing for {facts['failed']:,} tasks: {facts['why']}"
                )
        return lines


class _Means:
    """How texts are searched: the embedder and the database, opened when something needs them."""

    def __init__(self, settings: Settings, told: Progress | None) -> None:
        self._said = settings.generate.retriever
        self._role = settings.role.name
        self._config_dir = Path(settings.config_dir) if settings.config_dir else None
        self._told = told
        self._vectors: Vectors | None = None
        self._database: Database | None = None
        self.note = ""

    def searchable(self, name: str, texts: Sequence[str], by: SearchBy) -> Ranking:
        """What finds the nearest of those texts; `name` keeps their vectors apart from others."""
        if by == "bm25" or not texts:
            return Index(texts)
        rows = self._rows(name, texts)
        return rows if by == "embeddings" else Both(Index(texts), rows)

    def _rows(self, name: str, texts: Sequence[str]) -> Ranking:
        if self._vectors is None:
            embedder, self.note = embed.chosen(self._said.embedder, config_dir=self._config_dir)
            self._vectors = self._kept(embedder)
        store = self._said.store
        if store.kind == "memory":
            return Exact(texts, self._vectors)
        if self._database is None:
            self._database = open_database(os.environ.get(store.url_env, ""), store.url_env)
        namespace = f"{store.namespace or self._role}/{name}"
        return Pgvector(texts, self._vectors, self._database, namespace, store.ef_search)

    def sentences(self) -> tuple[Vectors | None, str]:
        """As Opened.sentences."""
        if self._vectors is not None and not self.note and self._said.embedder != "hashed":
            return self._vectors, ""
        embedder, why = embed.at_hand(self._said.embedder, config_dir=self._config_dir)
        return (None, why) if embedder is None else (self._kept(embedder), "")

    def _kept(self, embedder: Embedder) -> Vectors:
        return Vectors(embedder, cache_dir() / "vectors", self._told)

    def record(self) -> dict[str, Any]:
        """The embedder and how many texts it had to embed, where one was used."""
        if self._vectors is None:
            return {"embedder": None}
        return {
            "embedder": self._vectors.embedder.id,
            "stand_in": bool(self.note),
            "embedded": self._vectors.embedded,
            "store": self._said.store.kind,
        }

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


@contextlib.contextmanager
def open(
    settings: Settings,
    role: Role,
    train: Sequence[Task],
    held_out: Sequence[str] = (),
    *,
    run: Path | None = None,
    told: Progress | None = None,
) -> Iterator[Opened]:
    """What the settings ask for, read, indexed and ready; connections are closed after.

    Args:
        train: the rows among which neighbours are.
        held_out: texts of the other splits: nothing that gives one away is ever found.
        run: the folder of the run itself, which is not among its own earlier runs.

    Raises:
        ConfigError, MissingArtifact, ResourceError: a source cannot be used, with cause and fix.
    """
    generate = settings.generate
    said = generate.retriever
    means = _Means(settings, told)

    def rows(texts: Sequence[str]) -> Ranking:
        return means.searchable(
            "train", texts, said.neighbours_by if generate.neighbours else "bm25"
        )

    try:
        examples = Examples(train, held_out, rows)
        guard = Guard(held_out if said.sources else ())
        shelf = sources.Shelf(settings.role.name, guard, means.searchable, said.search, run)
        places = [sources.opened(name, one, shelf) for name, one in said.sources.items()]
        yield Opened(Retriever(role, examples, generate.neighbours, places, said.passages), means)
    finally:
        means.close()


def _group(task: Task) -> str:
    return str(task.meta.get("group") or f"\0{task.id}")
