"""Tasks whose answer changed between the baseline and the final model, fixed and broken alike."""

import random
from collections.abc import Sequence
from typing import Literal

from srlr.evaluation.compare import align
from srlr.evaluation.outcomes import Attempt, Schema, outcomes
from srlr.evaluation.tables import Rows
from srlr.evaluation.value import STAGES, Example

LIMIT = 6
"""Examples of each kind."""
LONGEST = 600
"""Characters of a prompt or an output that are shown."""

Pair = tuple[Attempt, Attempt]


def changed(models: Rows, final: str, schema: Schema, seed: int) -> tuple[Example, ...]:
    """Up to LIMIT fixed and LIMIT broken tasks, drawn by the seed and not picked by anyone."""
    answered = {
        model: {row["task"]: row for row in rows}
        for model, rows in models.items()
        if model in STAGES
    }
    found: list[Example] = []
    for kind, pairs in _flipped(models, final, schema).items():
        for was, _ in random.Random(seed).sample(pairs, min(LIMIT, len(pairs))):
            rows = {
                model: by_task[was["task"]]
                for model, by_task in answered.items()
                if was["task"] in by_task
            }
            found.append(_example(kind, was, rows, schema))
    return tuple(found)


def counted(models: Rows, final: str, schema: Schema) -> dict[str, int]:
    """{"fixed": n, "broken": n} from the baseline to the final model; empty without both."""
    return {kind: len(pairs) for kind, pairs in _flipped(models, final, schema).items()}


def _flipped(
    models: Rows, final: str, schema: Schema
) -> dict[Literal["fixed", "broken"], list[Pair]]:
    if final == "baseline" or "baseline" not in models:
        return {}
    pairs = list(align(models["baseline"], models[final]).values())
    was = _right([first for first, _ in pairs], schema)
    now = _right([second for _, second in pairs], schema)
    flips = list(zip(pairs, was, now, strict=True))
    return {
        "fixed": [pair for pair, w, n in flips if n and not w],
        "broken": [pair for pair, w, n in flips if w and not n],
    }


def _right(rows: Sequence[Attempt], schema: Schema) -> list[bool]:
    return [bool(right) for right in outcomes(rows, schema).correct]


def _example(
    kind: Literal["fixed", "broken"], asked: Attempt, rows: dict[str, Attempt], schema: Schema
) -> Example:
    return Example(
        task=str(asked["task"]),
        kind=kind,
        prompt=_cut(asked["prompt"]),
        gold=str(asked["gold"][schema.label]),
        answers={
            model: str((row.get("answer") or {}).get(schema.label, "no answer"))
            for model, row in rows.items()
        },
        texts={model: _cut(row.get("text") or "") for model, row in rows.items()},
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
