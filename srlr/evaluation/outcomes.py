"""Attempts as columns: what was asked, what was answered, and whether it was right.

An attempt is one row of evaluate/attempts.jsonl:

    {"model": "srl", "task": "r-17", "prompt": "…", "text": "…", "valid": true,
     "answer": {"label": "positive", "confidence": 0.9}, "gold": {"label": "positive"},
     "meta": {"domain": "reviews"}, "latency_s": 0.12, "tokens": 31}
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile

Attempt = Mapping[str, Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Schema:
    """Where an answer keeps its label and confidence, and which labels there are (none: any)."""

    label: str = "label"
    labels: tuple[str, ...] = ()
    confidence: str | None = None

    @classmethod
    def of(cls, role: RoleProfile) -> "Schema":
        return cls(role.label, role.labels, role.confidence)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Attempts as columns over N rows.

    `gold` and `said` index `Schema.labels`; `said` is K, one past the last, for an invalid answer.
    """

    classes: int
    gold: Ints
    said: Ints
    correct: Floats
    valid: Floats
    confidence: Floats
    """In [0, 1]; NaN where the answer has none that is a number in that range."""
    latency_s: Floats
    tokens: Floats
    rows: Sequence[Attempt]
    """The attempts themselves, for answers that are more than a label."""
    schema: Schema


def outcomes(rows: Sequence[Attempt], schema: Schema) -> Outcomes:
    """The rows as columns, in their order.

    Raises:
        ConfigError: there are no rows, or a row's gold label is missing or unknown to the role.
    """
    if not rows:
        raise ConfigError(
            "there are no attempts to score", "check role.data, role.where and evaluate.limit"
        )
    index = {label: place for place, label in enumerate(schema.labels)}
    gold = [_gold(row, schema) for row in rows]
    said = [_said(row, schema) for row in rows]
    return Outcomes(
        classes=len(index),
        gold=np.array([index.get(label, -1) if index else -1 for label in gold], dtype=np.int64),
        said=np.array(
            [index.get(label, len(index)) if _hashable(label) else len(index) for label in said],
            dtype=np.int64,
        ),
        correct=np.array(
            [s is not None and s == g for s, g in zip(said, gold, strict=True)], dtype=np.float64
        ),
        valid=np.array([bool(row.get("valid")) for row in rows], dtype=np.float64),
        confidence=np.array([_confidence(row, schema) for row in rows]),
        latency_s=np.array([_number(row.get("latency_s")) for row in rows]),
        tokens=np.array([_number(row.get("tokens")) for row in rows]),
        rows=tuple(rows),
        schema=schema,
    )


def finite(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON has no word for."""
    return value if math.isfinite(value) else None


def _gold(row: Attempt, schema: Schema) -> Any:
    gold = row["gold"].get(schema.label)
    if gold is None or (schema.labels and gold not in schema.labels):
        known = f"; the role's labels are {', '.join(schema.labels)}" if schema.labels else ""
        raise ConfigError(
            f"task {row['task']!r} has the gold {schema.label} {gold!r}{known}",
            "correct the row in role.data, or add the label to role.labels",
        )
    return gold


def _said(row: Attempt, schema: Schema) -> Any:
    answer = row.get("answer")
    return answer.get(schema.label) if isinstance(answer, Mapping) else None


def _confidence(row: Attempt, schema: Schema) -> float:
    answer = row.get("answer")
    if schema.confidence is None or not isinstance(answer, Mapping):
        return math.nan
    value = _number(answer.get(schema.confidence))
    return value if 0.0 <= value <= 1.0 else math.nan


def _number(value: Any) -> float:
    """The value as a float; NaN for anything that is not a number (a bool is not)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return math.nan


def _hashable(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)
