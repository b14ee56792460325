"""Outcomes of two models as pairs for a test: recorded or live traffic, or two runs' answers.

    {"current": 1, "candidate": 0}                    both answered the same request
    {"arm": "current", "outcome": 1}                  one of them did: the n-th of each are a pair
    {"arm": "current", "outcome": 1, "item": "q7"}    those of one item are a pair

An outcome is true or false, or a number in [0, 1].
"""

import json
import random
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from srlr.core.errors import ConfigError
from srlr.evaluation.compare import align
from srlr.evaluation.outcomes import Attempt, Schema, outcomes

Pairs = Iterator[tuple[float, float]]


def pairs(lines: Iterable[str], first: str, second: str) -> Pairs:
    """(outcome of first, outcome of second), each as soon as its second half is there.

    Raises:
        ConfigError: a line that is no such object, or an outcome that is none; both with its
            number.
    """
    waiting: dict[str, tuple[deque[float], deque[float]]] = defaultdict(lambda: (deque(), deque()))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = _object(line, number)
        if first in row and second in row:
            yield _outcome(row[first], number), _outcome(row[second], number)
            continue
        arm = row.get("arm")
        if arm not in (first, second) or "outcome" not in row:
            raise ConfigError(
                f"line {number} is about neither {first!r} nor {second!r}: {line.strip()[:80]}",
                f'write {{"{first}": 1, "{second}": 0}}, or {{"arm": "{first}", "outcome": 1}}',
            )
        queues = waiting[json.dumps(row.get("item"))]
        queues[arm == second].append(_outcome(row["outcome"], number))
        if queues[0] and queues[1]:
            yield queues[0].popleft(), queues[1].popleft()


def _object(line: str, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {number} is no JSON: {error}", "one object a line") from error
    if not isinstance(row, dict):
        raise ConfigError(f"line {number} is no object: {line.strip()[:80]}", "one object a line")
    return row


def _outcome(value: Any, number: int) -> float:
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        raise ConfigError(
            f"line {number}: the outcome {value!r} is not in [0, 1]",
            "write 1 for right and 0 for wrong, or a score between",
        )
    return float(value)


def answered(first: Sequence[Attempt], second: Sequence[Attempt], schema: Schema) -> Pairs:
    """Whether each of two models was right, task by task, in an order that no result decides.

    Raises:
        ConfigError: they were not asked the same tasks once each, or none.
    """
    aligned = align(first, second)
    both = [aligned[task] for task in sorted(aligned)]
    random.Random(0).shuffle(both)
    one = outcomes([row for row, _ in both], schema).correct
    two = outcomes([row for _, row in both], schema).correct
    yield from zip(one.tolist(), two.tolist(), strict=True)
