"""Where a model is weaker than elsewhere: slices of the tasks by their `meta`, worst first.

A slice is all rows with one value of one key that does not tell the answer. Numbers with many
values are cut into thirds, lists count for each of their members, and the prompt's length is always
a slice. A key with more than MAX_VALUES names (an id, say) is no slice.
"""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srlr.evaluation import revealing
from srlr.evaluation.compare import Resampling, independent
from srlr.evaluation.metrics import named
from srlr.evaluation.outcomes import Attempt, Schema

MAX_VALUES = 12
LENGTH = "prompt length"


@dataclass(frozen=True, slots=True)
class Slice:
    """One group of rows against all others. `gap` is its score minus theirs."""

    key: str
    value: str
    rows: int
    score: float
    rest: float
    gap: float
    low: float
    high: float
    clear: bool
    """The gap's whole interval lies below 0; at 95 % one slice in 40 does so by chance."""


@dataclass(frozen=True, slots=True)
class Weaknesses:
    """The worst slices, and out of how many."""

    metric: str
    looked_at: int
    slices: tuple[Slice, ...]


def find(
    rows: Sequence[Attempt],
    schema: Schema,
    how: Resampling,
    *,
    word: str = "accuracy",
    min_rows: int = 20,
    limit: int = 8,
) -> Weaknesses:
    """The `limit` slices furthest below the rest, of at least `min_rows` rows inside and outside.

    Accuracy is the default: a small slice often lacks a class, and macro-F1 then measures
    something else.

    Raises:
        ConfigError: no rows, or an unsuitable metric.
    """
    metric = named(word, schema)
    found = []
    groups = slices(rows, min_rows, revealing.keys(rows, schema))
    for (key, value), members in groups.items():
        inside = [row for place, row in enumerate(rows) if place in members]
        outside = [row for place, row in enumerate(rows) if place not in members]
        gap = independent(outside, inside, word, schema, how)
        if gap is None or gap.value >= 0:
            continue
        score, rest = metric(inside, schema), metric(outside, schema)
        low, high = gap.low, gap.high
        found.append(
            Slice(key, value, len(inside), score, rest, gap.value, low, high, clear=high < 0)
        )
    found.sort(key=lambda s: (not s.clear, s.gap))
    return Weaknesses(word, len(groups), tuple(found[:limit]))


def slices(
    rows: Sequence[Attempt], min_rows: int, left_out: Container[str] = ()
) -> dict[tuple[str, str], frozenset[int]]:
    """(key, value) → the places of its rows, for every slice that is large enough on both sides."""
    columns = _columns(rows)
    groups: dict[tuple[str, str], frozenset[int]] = {}
    for key, column in columns.items():
        if key in left_out:
            continue
        named_groups = _thirds(key, column) if _is_measure(column) else _values(column)
        for value, places in named_groups.items():
            if min_rows <= len(places) <= len(rows) - min_rows:
                groups[key, value] = frozenset(places)
    return groups


def _columns(rows: Sequence[Attempt]) -> dict[str, dict[int, Any]]:
    """Key → place → value, of all rows that have the key."""
    columns: dict[str, dict[int, Any]] = defaultdict(dict)
    for place, row in enumerate(rows):
        columns[LENGTH][place] = len(row["prompt"].split())
        for key, value in row["meta"].items():
            columns[str(key)][place] = value
    return columns


def where(rows: Sequence[Attempt], key: str, value: str) -> dict[str, Any]:
    """What picks other tasks of that slice of `rows`, for `is_in`."""
    column = _columns(rows)[key]
    if not _is_measure(column):
        return {"key": key, "value": value}
    low, high = _cuts(column)
    first, last = value.startswith("up to "), value.startswith("over ")
    above = None if first else high if last else low
    up_to = None if last else low if first else high
    return {"key": key, "above": above, "up_to": up_to}


def is_in(where: Mapping[str, Any], row: Attempt) -> bool:
    """Whether a row with a prompt and meta is one of the slice's."""
    key = where["key"]
    value = len(row["prompt"].split()) if key == LENGTH else row["meta"].get(key)
    if "value" in where:
        members = value if isinstance(value, list | tuple) else [value]
        return (key == LENGTH or key in row["meta"]) and where["value"] in map(_name, members)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        return False
    above, up_to = where["above"], where["up_to"]
    return (above is None or value > above) and (up_to is None or value <= up_to)


def _is_measure(column: dict[int, Any]) -> bool:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column.values())
    return numbers and len(set(column.values())) > 3


def _thirds(key: str, column: dict[int, Any]) -> dict[str, list[int]]:
    """Rows by tertile of a number; NaN is in none of them."""
    known = {place: float(v) for place, v in column.items() if np.isfinite(v)}
    if not known:
        return {}
    low, high = _cuts(column)
    unit = " words" if key == LENGTH else ""
    names = (f"up to {low:.3g}{unit}", f"{low:.3g} to {high:.3g}{unit}", f"over {high:.3g}{unit}")
    groups: dict[str, list[int]] = defaultdict(list)
    for place, value in known.items():
        groups[names[int(value > low) + int(value > high)]].append(place)
    return groups


def _cuts(column: dict[int, Any]) -> tuple[float, float]:
    """The tertiles of a number."""
    known = [float(value) for value in column.values() if np.isfinite(value)]
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    return float(low), float(high)


def _values(column: dict[int, Any]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for place, value in column.items():
        members = value if isinstance(value, list | tuple) else [value]
        for member in dict.fromkeys(_name(m) for m in members):
            groups[member].append(place)
    return groups if len(groups) <= MAX_VALUES else {}


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
