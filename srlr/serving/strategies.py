"""How traffic moves to another version: what each way of swapping does, and whether the next step
is taken. Pure.

    gradual    1 → 5 → 25 → 50 → 100 %, each step judged     streams end where they began
    stateless  100 % at once                                  streams end where they began
    stateful   100 % at once                                  streams go on at the new version
    emergency  100 % at once, to a warm backup if there is one; all that runs goes on there

A step of a gradual swap compares the new version's answers in it with the old one's, as pairs: the
k-th since it began of one with the k-th of the other. Where the two are alike the order says
nothing and a pair's difference is 0 on average, which is all that the sequential test needs; and no
pair changes with later answers, so that it may be looked at at any time. The risk alpha is spread
over steps and measures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from srlr.core.swapping import Swap
from srlr.core.types import Decision
from srlr.serving.outcomes import Outcome

PAIRS = 400
"""The first ones of a step; more would make each look slow, and a difference is found in fewer."""
RULED_OUT = 5
"""Answers that failed, of the first in a step, with none that did not: no test is needed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a way of swapping does."""

    steps: tuple[int, ...]
    judged: bool = False
    moves_streams: bool = False
    old_is_failed: bool = False
    """It is marked as failed and started again, instead of drained and ended."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known within a step."""

    step: int
    share: int
    seconds: float
    """Since the step began."""
    answers: int
    """Of the new version in that time."""
    new: Sequence[Outcome]
    """The first ones of these."""
    old: Sequence[Outcome]
    """The old version's first ones; at 100 %, where it has none, its last ones before."""
    carries: int = 100
    """The share that the new version's workers can carry."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared: a value from 0 to 1 for an answer, more is better; None: says nothing."""

    what: str
    of: Callable[[Outcome], float | None]
    margin: float


def plan(settings: Swap) -> Plan:
    """What the settings' strategy does."""
    match settings.strategy:
        case "gradual":
            return Plan(settings.steps, judged=True)
        case "stateless":
            return Plan((100,))
        case "stateful":
            return Plan((100,), moves_streams=True)
        case "emergency":
            return Plan((100,), moves_streams=True, old_is_failed=True)


def decide(facts: Facts, settings: Swap) -> Decision:
    """advance (to the next step; after the last one the swap is done), hold, or rollback."""
    worse = _ruled_out(facts) or _worse(facts, settings)
    if worse is not None:
        return Decision("rollback", f"at {facts.share} %: {worse}")
    enough = facts.answers >= settings.min_requests or facts.seconds >= settings.min_seconds
    seen = f"{facts.answers} answers in {facts.seconds:.0f} s at {facts.share} %"
    if not enough:
        return Decision("hold", seen)
    last = facts.step + 1 >= len(settings.steps)
    following = facts.share if last else settings.steps[facts.step + 1]
    if not last and facts.carries < following:
        why = f"its workers carry {facts.carries} % of the traffic, not {following} %"
        if facts.seconds >= settings.max_seconds:
            return Decision("rollback", f"{why}, for {facts.seconds:.0f} s")
        return Decision("hold", why)
    return Decision("advance", f"{seen}, none of the measures is worse")


def carries(room: int, requests_per_s: float, seconds: float) -> int:
    """The share of the traffic that a version can carry, in percent.

        room / (requests a second · seconds an answer takes)     Little's law

    Args:
        room: answers its workers make at once.
    """
    needed = requests_per_s * seconds
    return 100 if needed <= 0 else max(0, min(100, int(100 * room / needed)))


def measures(old: Sequence[Outcome], settings: Swap) -> tuple[Measure, ...]:
    """What a new version is judged by. Time is measured against twice the old one's median, which
    is 0; so half of it is 0.5, and `slower` by a quarter is a margin of 0.125.
    """
    typical = median([one.seconds for one in old if one.ok] or [0.0]) or 1e-3
    return (
        Measure("errors", lambda one: float(one.ok), settings.more_errors),
        Measure(
            "time to an answer",
            lambda one: max(0.0, 1.0 - one.seconds / (2 * typical)) if one.ok else None,
            settings.slower / 2,
        ),
        Measure("violations", lambda one: float(not one.violation), settings.more_violations),
        Measure("feedback", lambda one: one.quality, settings.worse),
    )


def _worse(facts: Facts, settings: Swap) -> str | None:
    """The first measure by which the new version is surely worse, with its figures."""
    from srlr.evaluation.sequential import Rule, decided

    chosen = measures(facts.old, settings)
    # the test is two-sided and only one side takes a version back, so that twice as much is allowed
    rule = Rule(alpha=min(0.999, 2 * settings.alpha / (len(chosen) * len(settings.steps))))
    for measure in chosen:
        old, new = (
            [value for one in some if (value := measure.of(one)) is not None]
            for some in (facts.old, facts.new)
        )
        size = min(len(old), len(new), PAIRS)
        if not size:
            continue
        allowed = [min(1.0, value + measure.margin) for value in new[:size]]
        found = decided(zip(old[:size], allowed, strict=True), rule)
        if found.verdict == "A":
            return (
                f"{measure.what}: {_mean(new):.3f} after {_mean(old):.3f} in {found.pairs} pairs, "
                f"p = {found.p:.1g}"
            )
    return None


def _ruled_out(facts: Facts) -> str | None:
    if len(facts.new) >= RULED_OUT and not any(one.ok for one in facts.new):
        return f"all {len(facts.new)} answers failed"
    return None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
