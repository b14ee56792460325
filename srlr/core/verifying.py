"""What can be said of the verifier and of a set's quality: nodes of `generate`."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from srlr.core.node import Count, Node, NonNegative, Positive, Share, Whole
from srlr.core.teaching import Price, Url, Variable

Check = Literal[
    "completeness",
    "rewards",
    "format",
    "agreement",
    "arithmetic",
    "leak",
    "rules",
    "criteria",
    "consistency",
    "judge",
]
CHECKS: tuple[str, ...] = get_args(Check)


class Weights(Node):
    """How far a check may lower a score: by all it finds wanting, 1, to not at all, 0 (not run)."""

    completeness: Share = 1.0
    rewards: Share = 1.0
    format: Share = 1.0
    agreement: Share = 1.0
    arithmetic: Share = 1.0
    leak: Share = 1.0
    rules: Share = 1.0
    criteria: Share = 1.0
    consistency: Share = 0.5
    judge: Share = 0.7


class Judge(Node):
    """A language model that marks trajectories, each twice."""

    model: str | None = None
    """None: no model is asked."""
    base_url: Url = "http://localhost:8000/v1"
    api_key_env: Variable | None = None
    """The environment variable that holds the server's key; None: it asks for none."""
    api_key_file: str | None = None
    """A file with the key that its owner alone can read."""
    price_input_usd_per_1m_tokens: Price | None = None
    price_output_usd_per_1m_tokens: Price | None = None
    concurrency: Count = 16
    """Requests under way at once, at most."""
    same_model: bool = False
    """Whether it may be the model that writes the trajectories."""
    tolerance: Share = 0.34
    """Two marks, in [0, 1], that are further apart say nothing."""
    timeout_s: Positive = 120.0


class Verifier(Node):
    weights: Weights = Weights()
    answers: Whole = 0
    """Further answers of the teacher to every task, with which the first should agree."""
    judge: Judge = Judge()


class EarlierRuns(Node):
    """What is done about tasks that earlier runs of the role drew too."""

    do: Literal["nothing", "report", "drop"] = "report"
    most: Count = 20
    """Runs looked at, the newest first."""


class SourceWeights(Node):
    """What makes a source of trajectories good."""

    score: NonNegative = 0.5
    """The mean score of those that were accepted."""
    accepted: NonNegative = 0.3
    """The share of those it wrote that were accepted."""
    variety: NonNegative = 0.2
    """The share of word pairs in its actions that are not repetitions."""


class Quality(Node):
    duplicates: Literal["exact", "minhash"] = "exact"
    """How near-duplicates are found: all of them, or in large sets nearly all of them sooner."""
    near: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Jaccard similarity of word pairs from which two texts are the same."""
    earlier_runs: EarlierRuns = EarlierRuns()
    edge_cases: dict[str, Share] = {}
    """Shares of the drawn tasks that are wanted, by kind; beside and before the role's own."""
    top_up: bool = False
    """Whether tasks of kinds that are missing are drawn in place of others."""
    embedded: Whole = 500
    """Drawn tasks whose sentence embeddings are compared, the first; 0: none."""
    sources: Count = 3
    """The best sources of trajectories are kept, this many."""
    source_weights: SourceWeights = SourceWeights()


def same_model(one: str | None, other: str | None) -> bool:
    """Whether two names mean one model: whoever publishes it, whatever file or case it has."""
    return one is not None and other is not None and _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return name.strip().casefold().rsplit("/", 1)[-1].split(":", 1)[0].removesuffix(".gguf")
