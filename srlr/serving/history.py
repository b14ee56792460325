"""How a role's requests went in the last ten minutes, five seconds at a time: what plots show."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

BUCKET_S, BUCKETS = 5.0, 120
KEPT = 200
"""Times of one bucket that its percentile is taken of."""


@dataclass(slots=True)
class Bucket:
    """What ended in five seconds."""

    requests: int = 0
    errors: int = 0
    violations: int = 0
    seconds: list[float] = field(default_factory=list)


class History:
    """The newest buckets of one role."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[int, Bucket] = OrderedDict()

    def add(self, at: float, seconds: float, *, ok: bool) -> None:
        """A request ended; `at` in seconds since the epoch."""
        bucket = self._at(at)
        bucket.requests += 1
        bucket.errors += not ok
        if ok and len(bucket.seconds) < KEPT:
            bucket.seconds.append(seconds)

    def violated(self, at: float) -> None:
        """A guardrail had something against the answer that ended then."""
        self._at(at).violations += 1

    def lines(self, now: float) -> dict[str, list[Any]]:
        """By figure, one value a bucket, the oldest first; None where nothing was asked."""
        last = int(now // BUCKET_S)
        rows = [self._buckets.get(number) for number in range(last - BUCKETS, last)]
        empty = Bucket()
        return {
            "requests_per_s": [(row or empty).requests / BUCKET_S for row in rows],
            "p95_ms": [row and percentile_ms(row.seconds, 0.95) for row in rows],
            "errors": [row and row.errors / max(1, row.requests) for row in rows],
            "violations": [(row or empty).violations for row in rows],
        }

    def _at(self, moment: float) -> Bucket:
        number = int(moment // BUCKET_S)
        if number not in self._buckets:
            self._buckets[number] = Bucket()
            while len(self._buckets) > BUCKETS + 1:
                self._buckets.popitem(last=False)
        return self._buckets[number]


def percentile_ms(seconds: list[float], share: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    if not seconds:
        return None
    return 1000 * sorted(seconds)[math.ceil(share * len(seconds)) - 1]
