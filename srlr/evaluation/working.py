"""Metrics of worked solutions, a row of features for each attempt."""

from collections.abc import Mapping, Sequence

import numpy as np

from srlr.evaluation.outcomes import Attempt, Floats
from srlr.rewards import equations as equation
from srlr.rewards import symbolic, working


def steps(rows: Sequence[Attempt]) -> Floats:
    """(N, 2): how many calculations an answer writes, and how many of them hold.

    One holds that is true, new, and made of numbers that the problem or an earlier line has. An
    answer without any has one that does not, so that silence is no way to be right.
    """
    counted = [_counted(str(row["prompt"]), str(row["text"])) for row in rows]
    return np.array(counted, dtype=np.float64).reshape(len(rows), 2)


def equations(rows: Sequence[Attempt]) -> Floats:
    """(N, 2): how many lines of an answer are equations of numbers, and how many are true."""
    judged = [[equation.holds(line) for line in str(row["text"]).splitlines()] for row in rows]
    counted = [(sum(one is not None for one in each), each.count(True)) for each in judged]
    return np.array(counted, dtype=np.float64).reshape(len(rows), 2)


def same(rows: Sequence[Attempt]) -> Floats:
    """1 where the answer is the known one as the task compares them, exactly or symbolically.

    Raises:
        MissingArtifact: expressions are to be compared and the package for it is not installed.
    """
    return np.array([_same(row) for row in rows], dtype=np.float64)


def _same(row: Attempt) -> bool:
    answer, gold = row.get("answer"), row["gold"]
    said = answer.get("answer") if isinstance(answer, Mapping) else None
    if said is None:
        return False
    return symbolic.same(str(said), str(gold.get("answer")), gold.get("match", "exact"))


def _counted(prompt: str, text: str) -> tuple[int, int]:
    faults = list(working.faults(prompt, working.calculations(text)))
    return max(1, len(faults)), faults.count("")
