"""Arithmetic word problems made from templates, with their solutions as calculations.

    Ana buys 4 pens for 3 dollars each and a bag for 5 dollars. How many dollars does Ana pay?
    4 * 3 = 12
    12 + 5 = 17

Equal options give equal problems on every machine. A split's first problems do not depend on how
many are asked for. By default a template belongs to one split, so that dev and test ask for the
same four operations in wordings and combinations that no training problem has; with `held_out:
numbers` every split has all templates, and no numbers of a template are in two splits.
"""

import hashlib
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from srlr.core.errors import ConfigError
from srlr.core.node import Count, Node, Whole
from srlr.core.types import Split, Task
from srlr.rewards.working import calculated
from srlr.roles.data import split_of
from srlr.roles.role_options import read as checked
from srlr.roles.word_templates import TRAIN, Template
from srlr.roles.word_templates_held_out import HELD_OUT
from srlr.text.dedup import normalise

TEMPLATES = (*TRAIN, *HELD_OUT)
NAMES = (
    "Ana", "Ben", "Chloe", "David", "Emma", "Farid", "Grace", "Hugo",
    "Ines", "Jonas", "Kim", "Leo", "Maya", "Nils", "Olga", "Pablo",
)  # fmt: skip
ITEMS = (
    "apples", "balloons", "books", "cards", "cookies", "marbles", "mugs", "pears",
    "pencils", "shells", "stamps", "stickers",
)  # fmt: skip
OPERATIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
RESULTS = "stuv"
"""What the templates call the results of their first, second, third and fourth calculation."""
ATTEMPTS = {"templates": 2_000, "numbers": 20_000}
"""Draws in a row without a new problem after which a template is taken to have no more; where
numbers are held out, most of those drawn belong to another split."""


class Options(Node):
    """What `role.options` may say of generated problems."""

    seed: Whole = 1
    """Of the problems; the run's own seed decides which of them are drawn."""
    train: Count = 2400
    dev: Count = 320
    test: Count = 400
    """Problems of each split."""
    largest: Annotated[int, Field(ge=20)] = 20
    """The largest number in a problem or its solution: how hard they are."""
    held_out: Literal["templates", "numbers"] = "templates"
    """What dev and test have that train has not."""


@dataclass(frozen=True, slots=True)
class Solved:
    """Numbers that fit a template, and its calculations with them, the last one's result last."""

    numbers: Mapping[str, int]
    steps: tuple[str, ...]
    answer: int


def options(said: Mapping[str, Any]) -> Options:
    """`role.options`, checked.

    Raises:
        ConfigError: an unknown key or a value out of range.
    """
    return checked(Options, said)


@lru_cache(maxsize=4)
def everything(asked: Options) -> tuple[Task, ...]:
    """The problems of all splits (`meta["split"]`), no two of a split with the same words, the
    templates in turn as long as they last.

    Raises:
        ConfigError: there are not so many.
    """
    return tuple(
        task
        for split in get_args(Split)
        for task in itertools.islice(problems(TEMPLATES, asked, split), getattr(asked, split))
    )


def problems(known: Sequence[Template], asked: Options, split: Split) -> Iterator[Task]:
    """A split's problems one after the other; the error comes after the last one there is."""
    by_template = asked.held_out == "templates"
    templates = [one for one in known if one.split == split or not by_template]
    rng = random.Random(f"{asked.seed} {split} {asked.held_out}")
    seen: set[str] = set()
    while templates:
        for template in list(templates):
            for _ in range(ATTEMPTS[asked.held_out]):
                task = _drawn(template, rng, asked.largest, split)
                if task is None or normalise(task.prompt) in seen:
                    continue
                if by_template or split_of(task.meta["group"]) == split:
                    seen.add(normalise(task.prompt))
                    yield task
                    break
            else:
                templates.remove(template)
    raise ConfigError(
        f"role.options.{split}: there are only {len(seen)} such problems",
        f"role.options.{split}={len(seen)}, or raise role.options.largest",
    )


def _drawn(template: Template, rng: random.Random, largest: int, split: Split) -> Task | None:
    """A problem, or None where the numbers drawn do not fit."""
    numbers = {
        name: rng.randint(low, min(high, largest)) for name, (low, high) in template.numbers.items()
    }
    solved = solve(template, numbers, largest)
    if solved is None:
        return None
    who, other = rng.sample(NAMES, 2)
    items, more = rng.sample(ITEMS, 2)
    wording = rng.choice(template.wordings)
    text = wording.format(who=who, other=other, items=items, more=more, **numbers)
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    done = [OPERATIONS[step.split()[1]] for step in solved.steps]
    return Task(
        f"{template.name}-{key}",
        text,
        {"answer": solved.answer, "steps": list(solved.steps)},
        {
            "template": template.name,
            "steps": len(solved.steps),
            "operations": done,
            "group": f"{template.name} {' '.join(map(str, numbers.values()))}",
            "split": split,
        },
    )


def solve(template: Template, numbers: Mapping[str, int], largest: int) -> Solved | None:
    """The template's calculations; None where two are the same, or a number is not whole, below 1
    or above `largest`.
    """
    known = dict(numbers)
    steps = []
    for name, step in zip(RESULTS, template.steps, strict=False):
        first, sign, second = step.split()
        result = calculated(known[first], sign, known[second])
        if result is None:
            return None
        known[name] = result
        steps.append(f"{known[first]} {sign} {known[second]} = {result}")
    if len({*steps}) < len(steps) or not all(1 <= number <= largest for number in known.values()):
        return None
    return Solved(numbers, tuple(steps), known[RESULTS[len(steps) - 1]])
