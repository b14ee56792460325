"""Metrics of worked solutions, a row of features for each attempt."""

from collections.abc import Sequence

import numpy as np

from srlr.evaluation.outcomes import Attempt, Floats
from srlr.rewards import working


def steps(rows: Sequence[Attempt]) -> Floats:
    """(N, 2): how many calculations an answer writes, and how many of them hold.

    One holds that is true, new, and made of numbers that the problem or an earlier line has. An
    answer without any has one that does not, so that silence is no way to be right.
    """
    counted = [_counted(str(row["prompt"]), str(row["text"])) for row in rows]
    return np.array(counted, dtype=np.float64).reshape(len(rows), 2)


def _counted(prompt: str, text: str) -> tuple[int, int]:
    faults = list(working.faults(prompt, working.calculations(text)))
    return max(1, len(faults)), faults.count("")
