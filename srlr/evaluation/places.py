"""Whether findings are the known ones: features of attempts, over all rows together.

A finding is right where its line and its CWE are. One that is said twice counts twice among those
that are said, and an answer that cannot be read finds nothing.
Axes: N rows.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from srlr.evaluation.outcomes import Floats, Outcomes

Place = tuple[Any, Any]
"""A line and a CWE."""


def of(answer: Any) -> Counter[Place]:
    """The places of an answer's findings; what is no finding has none."""
    listed = answer.get("findings") if isinstance(answer, Mapping) else None
    found = [one for one in listed or () if isinstance(one, Mapping)]
    return Counter((str(one.get("line")), str(one.get("cwe"))) for one in found)


def precision(o: Outcomes) -> Floats:
    """(N, 2): findings that are said; those of them that are right."""
    return matches(o)[:, [2, 0]]


def recall(o: Outcomes) -> Floats:
    """(N, 2): known findings; those of them that are said."""
    return matches(o)[:, [1, 0]]


def matches(o: Outcomes) -> Floats:
    """(N, 3): findings that are right, known ones, said ones."""
    return np.array(
        [((gold & said).total(), gold.total(), said.total()) for gold, said in _pairs(o)],
        dtype=np.float64,
    )


def lines(o: Outcomes) -> Floats:
    """(N, 2): lines with a known finding; those of them that some finding of the answer names,
    whatever its CWE.
    """
    sets = [({line for line, _ in gold}, {line for line, _ in said}) for gold, said in _pairs(o)]
    return np.array([(len(gold), len(gold & said)) for gold, said in sets], dtype=np.float64)


def _pairs(o: Outcomes) -> list[tuple[Counter[Place], Counter[Place]]]:
    return [(of(row["gold"]), of(row.get("answer"))) for row in o.rows]
