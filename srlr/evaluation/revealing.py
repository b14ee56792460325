"""Keys of `meta` that tell the answer: no slice of theirs is a weak spot.

A person's score of a text, or how severe what is to be found is, says what the right answer is.
"Weak where the score is high" then says no more than "weak on harmful texts", which the figures by
label say already, and a rule that a tree makes of it crowds out one that helps.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from srlr.evaluation.outcomes import Attempt, Schema

MOST_ANSWERS = 12
"""Different values up to which a field of the answer is one that can be told."""
MORE_ROWS = 10
"""Rows beyond the number of values: fewer could agree by chance."""


def keys(rows: Sequence[Attempt], schema: Schema) -> frozenset[str]:
    """The keys of which a field of the right answer is a function, or which are a function of it;
    of numbers also those whose size parts the answers.

    Looked at are the role's label and what else both an answer and the right one have. A list is
    told where it is told whether it is empty.
    """
    columns: dict[str, list[Any]] = {
        key: [row["meta"].get(key) for row in rows]
        for key in dict.fromkeys(str(key) for row in rows for key in row["meta"])
    }
    told = list(_answers(rows, schema))
    return frozenset(
        key for key, column in columns.items() if any(_reveals(column, answers) for answers in told)
    )


def _answers(rows: Sequence[Attempt], schema: Schema) -> Iterator[list[Hashable]]:
    """Each field of the right answers that has a few different values."""
    said = {
        str(key) for row in rows if isinstance(row.get("answer"), Mapping) for key in row["answer"]
    }
    for field in dict.fromkeys((schema.label, *sorted(said))):
        column = [_plain(row["gold"].get(field)) for row in rows]
        if 2 <= len(set(column)) <= MOST_ANSWERS:
            yield column


def _plain(value: Any) -> Hashable:
    if isinstance(value, list | tuple | Mapping):
        return bool(value)
    return value if isinstance(value, Hashable) else str(value)


def _reveals(column: Sequence[Any], answers: Sequence[Hashable]) -> bool:
    values = [repr(value) for value in column]
    different = len(set(values))
    if different < 2:
        return False
    few = different + MORE_ROWS <= len(values)
    if few and (_function(values, answers) or _function(answers, values)):
        return True
    return len(values) >= 2 * MORE_ROWS and _parts(column, answers)


def _function(these: Sequence[Hashable], those: Sequence[Hashable]) -> bool:
    """Whether each of these always comes with the same one of those."""
    found: dict[Hashable, set[Hashable]] = defaultdict(set)
    for this, that in zip(these, those, strict=True):
        found[this].add(that)
    return all(len(one) == 1 for one in found.values())


def _parts(column: Sequence[Any], answers: Sequence[Hashable]) -> bool:
    """Whether the answers come one after the other in the order of these numbers."""
    if not all(isinstance(value, int | float) and value == value for value in column):
        return False
    by_value: dict[float, set[Hashable]] = defaultdict(set)
    for value, answer in zip(column, answers, strict=True):
        by_value[value].add(answer)
    ordered = [by_value[value] for value in sorted(by_value)]
    if any(len(one) > 1 for one in ordered):
        return False
    line = [next(iter(one)) for one in ordered]
    changes = sum(one != other for one, other in pairwise(line))
    return changes == len(set(line)) - 1
