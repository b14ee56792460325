"""Metrics of what characters say, a row of features for each attempt.

An attempt's reply is its answer's `reply`; the rules of its scene are fields of its gold answer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from srlr.evaluation.outcomes import Attempt, Floats
from srlr.rewards import speech

Runs = Counter[tuple[str, ...]]


def passed(rows: Sequence[Attempt]) -> Floats:
    """1 for a reply that keeps every constraint of its scene, else 0, also for no reply."""
    return np.array([_passes(row) for row in rows], dtype=np.float64)


def repetition(rows: Sequence[Attempt]) -> Floats:
    """The share of a reply's pairs of words that it has said before; NaN for no reply."""
    said = [_reply(row) for row in rows]
    return np.array(
        [np.nan if text is None else speech.repeated(text) for text in said], dtype=np.float64
    )


def distinct(rows: Sequence[Attempt], n: int) -> Floats:
    """(N, 2): a reply's runs of n words, and what they add to the number of different ones.

        distinct-n = Σ_rows Σ_runs 1/c / Σ_rows runs        c  how often all replies have the run

    A run's one is shared among its occurrences, so that the sum over rows is the number of
    different runs and the rows can be resampled.

    Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation
    Models", arXiv:1510.03055.
    """
    by_row = [_runs(_reply(row) or "", n) for row in rows]
    everywhere: Runs = sum(by_row, Counter())
    return np.array(
        [
            [runs.total(), sum(count / everywhere[run] for run, count in runs.items())]
            for runs in by_row
        ],
        dtype=np.float64,
    ).reshape(len(rows), 2)


def _passes(row: Attempt) -> bool:
    reply = _reply(row)
    return reply is not None and not speech.broken(reply, row["gold"])


def _reply(row: Attempt) -> str | None:
    answer = row.get("answer")
    reply = answer.get("reply") if isinstance(answer, Mapping) else None
    return reply if isinstance(reply, str) else None


def _runs(text: str, n: int) -> Runs:
    said = speech.words(text)
    return Counter(zip(*(said[place:] for place in range(n)), strict=False))
