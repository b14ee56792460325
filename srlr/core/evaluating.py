"""What is measured of a model, the floors it must reach, and where every evaluation is kept."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, NonNegative, Positive, Share, Whole

Number = Annotated[float, Field(allow_inf_nan=False)]
Gate = dict[str, Number | Literal["significant"] | None]
"""Metric word → its floor, or its ceiling where less is better; `vs_MODEL` → the least gain over
that model, or "significant". None is not checked.
"""
VERSUS = "vs_"
Perturbation = Literal["typos", "paraphrase", "negation", "order", "case"]


class Track(Node):
    """The database in which every evaluation lands, and when a model counts as degraded."""

    enabled: bool = True
    path: str | None = None
    """An SQLite file; None: track.sqlite in runs_dir."""
    url_env: str | None = None
    """The environment variable with postgresql://user:password@host/database, instead of a file."""
    window: Count = 10
    """Earlier evaluations of the same role and model that the newest is held against."""
    min_evaluations: Count = 3
    """Of these, before anything is said."""
    window_days: Positive | None = None
    """How old they may be; None: any age."""
    max_drop: NonNegative = 0.05
    """How far below the window's mean the newest may lie; a share of that mean."""


class Evaluate(Node):
    """What is asked of which models, how sure the figures must be, and what they must reach."""

    split: Literal["dev", "test"] = "test"
    limit: Count | None = None
    shots: tuple[Whole, ...] = (0, 3)
    shots_tasks: Count = 64
    """Dev tasks on which the baseline's number of shots is chosen."""
    samples: Count = 1
    """Answers drawn to each task beside the greedy one, for the share of them that is right
    (avg@k) and the chance that one of k is (pass@k); 1: none is drawn.
    """
    temperature: Positive = 1.0
    """At which they are drawn."""
    latency_tasks: Whole = 8
    """Tasks answered once more, one at a time, to measure what a user would wait."""
    bootstrap_samples: Count = 2000
    confidence_level: Share = 0.95
    gate: Gate = {}
    """Floors the evaluation must reach: any metric of the role, and vs_baseline=significant."""
    embedder: str = "hashed"
    """Finds clusters of like tasks: hashed, all-minilm-l6-v2, a model's folder, or auto."""
    perturb: tuple[Perturbation, ...] = ()
    """Ways in which test tasks are changed and put to the final model again."""
    unseen: dict[str, list[str]] = {}
    """Put in the place of role.where, e.g. {domain: [movies]}: the tasks of the split that it keeps
    are asked too.
    """
    perturb_tasks: Count = 100
    """Tasks that are changed in each of these ways, and unseen ones."""
    max_overlap: Share | None = None
    """The share of the tasks that may repeat training tasks; more is fatal. None: only told."""
    track: Track = Track()

    @model_validator(mode="after")
    def _gate_can_be_read(self) -> Self:
        for word, floor in self.gate.items():
            if floor == "significant" and not word.startswith(VERSUS):
                raise ValueError(
                    f"gate.{word}: a metric's floor is a number; significant goes with vs_baseline"
                )
        return self
