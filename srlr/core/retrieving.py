"""What can be said of the retriever: where it looks, and how it searches."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, Positive, Whole

SearchBy = Literal["bm25", "embeddings", "both"]
SourceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class Source(Node):
    """One place to look, under a name of its own; it has one of path, url and runs."""

    kind: Literal["rules", "knowledge", "examples"]
    """rules that apply to a task, a knowledge base's passages, or solved examples."""
    path: str | None = None
    """rules: a YAML file; knowledge: a folder or file of Markdown, text, PDF; examples: JSONL."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Is sent a POST for each task; see docs/retriever.md."""
    runs: str | None = None
    """examples: a folder of runs, whose accepted trajectories of this role they are."""
    limit: Count = 4
    """How many of its texts a task may get."""
    weight: Positive = 1.0
    """Its passages count this much when those of all sources are put in one order."""
    chunk_chars: Annotated[int, Field(ge=100)] = 1000
    """knowledge: documents are cut at paragraphs into pieces of about so many characters."""
    meta: tuple[str, ...] = ()
    """url: keys of a task's meta that are sent with it, such as domain; none that tells the answer.
    """
    api_key_env: str | None = None
    """url: the environment variable that holds its bearer token; None: it wants none."""
    timeout_s: Positive = 10.0
    """url: how long one answer may take, until its last byte."""
    retries: Whole = 3
    """url: how often it is asked again that did not answer, or with 408, 425, 429 or 5xx."""
    optional: bool = False
    """url: true goes on without it when it fails, and counts how often; false stops."""

    @model_validator(mode="after")
    def _is_one_place(self) -> "Source":
        said = [name for name in ("path", "url", "runs") if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"one of path, url and runs, not {' and '.join(said) or 'none'}")
        if self.runs is not None and self.kind != "examples":
            raise ValueError("runs holds examples: kind=examples")
        if self.url and "@" in urlsplit(self.url).netloc:
            raise ValueError("url: no user and password here; name a variable in api_key_env")
        return self


class Store(Node):
    """Where vectors are searched."""

    kind: Literal["memory", "pgvector"] = "memory"
    """memory: exactly, in this process; pgvector: by an HNSW index in PostgreSQL."""
    url_env: str = "SRLR_PGVECTOR_URL"
    """pgvector: the environment variable with postgresql://user:password@host/database."""
    namespace: str | None = None
    """pgvector: keeps these vectors apart from others in the same database; None: the role."""
    ef_search: Annotated[int, Field(ge=1, le=1000)] = 100
    """pgvector: candidates that the index looks at; more finds more and takes longer."""


class Retriever(Node):
    """What is looked up for each task before a teacher writes."""

    sources: dict[SourceName, Source] = {}
    passages: Whole = 4
    """Texts of knowledge and examples that a task gets, from all sources together."""
    search: SearchBy = "both"
    """How local knowledge and examples are searched."""
    neighbours_by: SearchBy = "bm25"
    """How the nearest training rows are found (generate.neighbours says how many)."""
    embedder: str = "auto"
    """all-minilm-l6-v2, a folder with such a model, or hashed: counts of words and of character
    n-grams, no model. auto: all-minilm-l6-v2, or hashed where it cannot be had, which the record
    then says.
    """
    store: Store = Store()
