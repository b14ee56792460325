"""Problems with fractions, equations, percentages and brackets, made with their solutions.

    Solve for x: 3*x + 4 = 19
    3*x = 19 - 4
    3*x = 15
    x = 15/3
    x = 5

Equal options give equal problems on every machine. The numbers of a problem decide its split, so
that none is in two; a split's first problems do not depend on how many are asked for.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from math import lcm
from typing import Any, get_args

from srlr.core.errors import ConfigError
from srlr.core.node import Count, Node, Whole
from srlr.core.types import Split, Task
from srlr.rewards.symbolic import Match
from srlr.roles import role_options
from srlr.roles.data import split_of
from srlr.text.dedup import normalise

ATTEMPTS = 5_000
"""Draws in a row without a new problem after which there are taken to be no more."""


class Options(Node):
    """What `role.options` may say."""

    seed: Whole = 1
    """Of the problems; the run's own seed decides which of them are drawn."""
    train: Count = 2000
    dev: Count = 240
    test: Count = 320
    """Problems of each split."""
    match: Match = "exact"
    """How answers are compared: symbolic needs the extra srlr[math]."""


@dataclass(frozen=True, slots=True)
class Made:
    """A problem with the lines that solve it."""

    text: str
    steps: tuple[str, ...]
    answer: str


def options(said: Mapping[str, Any]) -> Options:
    """`role.options`, checked.

    Raises:
        ConfigError: an unknown key or a value out of range.
    """
    return role_options.read(Options, said)


@lru_cache(maxsize=4)
def everything(asked: Options) -> tuple[Task, ...]:
    """The problems of all splits (`meta["split"]`), the kinds in turn.

    Raises:
        ConfigError: there are not so many.
    """
    return tuple(
        task
        for split in get_args(Split)
        for task in islice(_drawn(asked, split), getattr(asked, split))
    )


def _drawn(asked: Options, split: Split) -> Iterator[Task]:
    rng = random.Random(f"{asked.seed} {split} symbolic")
    seen: set[str] = set()
    misses = 0
    while misses < ATTEMPTS:
        kind = list(KINDS)[len(seen) % len(KINDS)]
        made = KINDS[kind](rng)
        same = normalise(made.text)  # which knows no signs: so does what looks for repeats
        if same in seen or split_of(same) != split:
            misses += 1
            continue
        misses = 0
        seen.add(same)
        key = hashlib.sha256(made.text.encode()).hexdigest()[:12]
        answer = {"answer": made.answer, "steps": list(made.steps)}
        meta = {"kind": kind, "steps": len(made.steps), "split": split}
        yield Task(f"{kind}-{key}", made.text, answer, meta)
    raise ConfigError(
        f"role.options.{split}: there are only {len(seen)} such problems",
        f"role.options.{split}={len(seen)}",
    )


def fractions(rng: random.Random) -> Made:
    """a/b + c/d or a/b - c/d, by a common denominator."""
    b, d = rng.sample(range(2, 13), 2)
    a, c = rng.randint(1, b - 1) if b > 2 else 1, rng.randint(1, d - 1) if d > 2 else 1
    sign = rng.choice("+-")
    below = lcm(b, d)
    first, second = a * below // b, c * below // d
    above = first + second if sign == "+" else first - second
    steps = [
        f"{a}/{b} = {first}/{below}",
        f"{c}/{d} = {second}/{below}",
        f"{first}/{below} {sign} {second}/{below} = {above}/{below}",
    ]
    answer = str(Fraction(above, below))
    if answer != f"{above}/{below}":
        steps.append(f"{above}/{below} = {answer}")
    return Made(f"What is {a}/{b} {sign} {c}/{d}?", tuple(steps), answer)


def equation(rng: random.Random) -> Made:
    """a*x + b = c for a whole x."""
    a, b, x = rng.randint(2, 12), rng.randint(1, 40), rng.randint(1, 20)
    c = a * x + b
    steps = (f"{a}*x = {c} - {b}", f"{a}*x = {c - b}", f"x = {c - b}/{a}", f"x = {x}")
    return Made(f"Solve for x: {a}*x + {b} = {c}", steps, str(x))


def percentage(rng: random.Random) -> Made:
    """p % of n; not of 100, where the question says the answer."""
    p = rng.choice(range(5, 100, 5))
    n = rng.choice([n for n in range(20, 401, 4) if n != 100])
    answer = Fraction(p * n, 100)
    said = str(answer.numerator) if answer.denominator == 1 else f"{float(answer):g}"
    return Made(f"What is {p}% of {n}?", (f"{p} * {n} = {p * n}", f"{p * n} / 100 = {said}"), said)


def brackets(rng: random.Random) -> Made:
    """(x + a)*(x + b), multiplied out."""
    a, b = rng.randint(-12, 12) or 2, rng.randint(-90, 90) or 3
    middle, last = a + b, a * b
    answer = f"x**2{_term(middle, '*x')}{_term(last)}"
    steps = (f"{a} + {_bracketed(b)} = {middle}", f"{a} * {_bracketed(b)} = {last}", answer)
    return Made(f"Multiply out: (x{_term(a)})*(x{_term(b)})", steps, answer)


def _term(number: int, unknown: str = "") -> str:
    """ " + 3*x", " - x", or nothing for 0."""
    if number == 0:
        return ""
    size = "" if abs(number) == 1 and unknown else str(abs(number))
    return f" {'+' if number > 0 else '-'} {size}{unknown if size else unknown.lstrip('*')}"


def _bracketed(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


KINDS: Mapping[str, Callable[[random.Random], Made]] = {
    "fractions": fractions,
    "equation": equation,
    "percentage": percentage,
    "brackets": brackets,
}
