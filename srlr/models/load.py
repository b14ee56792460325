"""Requests that come when they come, answered by a server that takes all who wait at once."""

import random
from collections.abc import Callable, Sequence
from statistics import fmean

from srlr.models.measured import Load, Spread

KEPT_UP = 1.5
"""How many times longer than those of the second third the requests of the last third may wait."""

Answer = Callable[[Sequence[int]], object]
"""answer(numbers of requests): returns when all of them have their answers."""


def arrivals(rate: float, seconds: float, seed: int = 0) -> list[float]:
    """When requests come: `rate` a second in the mean, each independent of the others; one at
    least. In seconds from the start.
    """
    draw, at = random.Random(seed), 0.0
    found: list[float] = []
    while (at := at + draw.expovariate(rate)) < seconds or not found:
        found.append(at)
    return found


def open_loop(
    answer: Answer,
    rate: float,
    due: Sequence[float],
    at_most: int,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Load:
    """Answers requests as they come due; whoever came while others were answered is in the next
    batch, of `at_most` requests.
    """
    began, done = clock(), 0
    ended: list[float] = []
    most = 0
    while done < len(due):
        now = clock() - began
        if due[done] > now:
            sleep(due[done] - now)
            continue
        waiting = sum(one <= now for one in due[done : done + at_most])
        answer(range(done, done + waiting))
        ended += [clock() - began] * waiting
        most, done = max(most, waiting), done + waiting
        told(done, len(due))
    waits = [end - came for end, came in zip(ended, due, strict=True)]
    return Load(rate, len(due), ended[-1], Spread.of(waits), most, kept_up(waits))


def kept_up(waits: Sequence[float]) -> bool:
    """Whether who came in the last third waited about as long as who came in the second; too few
    requests tell nothing, and count as kept up.
    """
    third = len(waits) // 3
    if third == 0:
        return True
    return fmean(waits[-third:]) <= KEPT_UP * fmean(waits[third : 2 * third])
