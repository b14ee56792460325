"""Does it hold beyond what it was trained and tested on? Changed tasks, other tasks, far tasks.

A changed task is held against the same task unchanged; unseen tasks, and those far from all that
was trained on, against the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from srlr.core.errors import ConfigError
from srlr.evaluation import compare
from srlr.evaluation.compare import Interval, Resampling
from srlr.evaluation.outcomes import Attempt, Floats, Schema
from srlr.evaluation.perturb import TURNS
from srlr.evaluation.value import Contamination, Generalised
from srlr.text import dedup

NGRAM = 8
"""Words; shorter texts are compared as wholes."""
COPIED = 0.5
"""Share of a task's n-grams that training has too, from which it counts as copied."""
EXAMPLES = 5


def changed(
    way: str,
    before: Sequence[Attempt],
    after: Sequence[Attempt],
    schema: Schema,
    how: Resampling,
) -> Generalised:
    """What changing tasks in that way does; both were asked the same tasks by id.

    Raises:
        ConfigError: there are none, or they are not the same.
    """
    pairs = compare.align(before, after)
    moved = [_said(one, schema) != _said(two, schema) for one, two in pairs.values()]
    found: dict[str, Any] = {"what": way, "tasks": len(pairs), "changed": sum(moved) / len(moved)}
    if way in TURNS:
        return Generalised(**found, note="the right answer may have changed too")
    gap = compare.paired(before, after, "accuracy", schema, how)
    return Generalised(
        **found,
        before=gap.first,
        after=gap.second,
        gap=Interval(gap.value, gap.low, gap.high),
    )


def apart(
    what: str, here: Sequence[Attempt], there: Sequence[Attempt], schema: Schema, how: Resampling
) -> Generalised:
    """The accuracy on other tasks against that on those it was tested on.

    Raises:
        ConfigError: one of the two is empty.
    """
    gap = compare.independent(here, there, "accuracy", schema, how)
    first = compare.interval(here, "accuracy", schema, how)
    second = compare.interval(there, "accuracy", schema, how)
    return Generalised(
        what=what,
        tasks=len(there),
        before=first and first.value,
        after=second and second.value,
        gap=gap,
    )


def by_distance(
    rows: Sequence[Attempt],
    vectors_NF: Floats,
    train_NF: Floats,
    schema: Schema,
    how: Resampling,
) -> Generalised | None:
    """The third of the tasks that is farthest from all training tasks against the nearest third, by
    cosine; None where there are too few to tell.
    """
    if len(rows) < 6 or not len(train_NF):
        return None
    nearest_N = (np.asarray(vectors_NF) @ np.asarray(train_NF).T).max(axis=1)
    order = np.argsort(-nearest_N, kind="stable")
    third = len(rows) // 3
    near, far = order[:third], order[-third:]
    return apart(
        "far from training",
        [rows[n] for n in sorted(near)],
        [rows[n] for n in sorted(far)],
        schema,
        how,
    )


def contamination(
    tasks: Mapping[str, str], train: Sequence[str], near: float = dedup.NEAR
) -> Contamination:
    """Which tasks (id → prompt) training has seen: the same text, nearly the same, or half of its
    n-grams.

    Raises:
        ConfigError: there are no tasks.
    """
    if not tasks:
        raise ConfigError("there are no tasks to compare with training", "widen role.where")
    names, prompts = list(tasks), list(tasks.values())
    copies = dedup.repeats(prompts, list(dict.fromkeys(train)), near)
    known = Counter(gram for text in train for gram in _grams(text))
    exact = {place for place, match in copies.items() if match.similarity == 1.0}
    grams = {
        place
        for place, prompt in enumerate(prompts)
        if place not in copies and _overlap(_grams(prompt), known) >= COPIED
    }
    found = sorted({*copies, *grams})
    return Contamination(
        tasks=len(tasks),
        exact=len(exact),
        near=len(copies) - len(exact),
        ngrams=len(grams),
        share=len(found) / len(tasks),
        examples=tuple(names[place] for place in found[:EXAMPLES]),
    )


def _grams(text: str) -> list[str]:
    words = dedup.normalise(text).split()
    return [" ".join(words[n : n + NGRAM]) for n in range(len(words) - NGRAM + 1)]


def _overlap(grams: Sequence[str], known: Mapping[str, int]) -> float:
    return sum(gram in known for gram in grams) / len(grams) if grams else 0.0


def _said(row: Attempt, schema: Schema) -> Any:
    answer = row.get("answer")
    return answer.get(schema.label) if isinstance(answer, Mapping) else None
