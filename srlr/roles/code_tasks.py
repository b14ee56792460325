"""Function tasks made from blocks, each with its solution and tests.

    Write solve(xs) for a list of whole numbers xs: keep its even numbers, then add them up.
    For example, solve([4, 1, 2]) is 6.

    def solve(xs):
        xs = [x for x in xs if x % 2 == 0]
        return sum(xs)

A task's level is the number of its blocks: level 1 asks for one line, level 3 for three. Equal
options give equal tasks on every machine. From level 2 on, dev and test have chains of blocks that
no training task has; at level 1 they have other constants.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from srlr.core.errors import ConfigError
from srlr.core.node import Count, Node, Whole
from srlr.core.types import Split, Task
from srlr.roles import role_options
from srlr.roles.code_blocks import BLOCKS, VARIABLES, Block, Kind, Move, body, result
from srlr.roles.data import split_of

NAMES = ("solve", "work", "apply", "find", "make", "turn", "calc", "value")
INPUTS: dict[Kind, str] = {
    "int": "a whole number",
    "list": "a list of whole numbers",
    "str": "a text",
}
WORDS = ("sun", "banana", "Hat", "a cat", "Red Car", "tea", "map", "So be it", "Anna", "x y z")
ATTEMPTS = 2_000
"""Draws in a row without a new task after which a level is taken to have no more."""


class Guardrails(Node):
    """What an answer must not have, whatever its tests say."""

    max_code_chars: Count = 2000
    forbidden_modules: tuple[str, ...] = ()
    """An answer that imports one is worth nothing, and is not run."""


class Options(Node):
    """What `role.options` may say."""

    seed: Whole = 1
    """Of the generated tasks; the run's own seed decides which of them are drawn."""
    train: Count = 2400
    dev: Count = 320
    test: Count = 400
    """Generated tasks of each split."""
    levels: tuple[Annotated[int, Field(ge=1, le=3)], ...] = (1, 2)
    """Blocks that a task has, in turn: the curriculum."""
    tests: Annotated[int, Field(ge=3, le=20)] = 6
    """Of each task; the first is told in it."""
    held_out: Literal["generated", "human-eval"] = "generated"
    """What the split `test` has."""
    guardrails: Guardrails = Guardrails()

    @field_validator("levels")
    @classmethod
    def _levels(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if not levels:
            raise ValueError("at least one level")
        return tuple(dict.fromkeys(levels))


def options(said: Mapping[str, Any]) -> Options:
    """`role.options`, checked.

    Raises:
        ConfigError: an unknown key or a value out of range.
    """
    return role_options.read(Options, said)


@lru_cache(maxsize=4)
def everything(asked: Options) -> tuple[Task, ...]:
    """The tasks of all splits (`meta["split"]`), no two of a split alike.

    Raises:
        ConfigError: there are not so many.
    """
    return tuple(task for split in get_args(Split) for task in _some(asked, split))


def _some(asked: Options, split: Split) -> Iterator[Task]:
    """The split's tasks, the levels in turn as long as they last."""
    rng = random.Random(f"{asked.seed} {split}")
    wanted = getattr(asked, split)
    levels = list(asked.levels)
    seen: set[str] = set()
    while levels and len(seen) < wanted:
        for level in tuple(levels)[: wanted - len(seen)]:
            for _ in range(ATTEMPTS):
                task = _drawn(rng, level, asked.tests, split)
                if task is not None and task.meta["group"] not in seen:
                    seen.add(task.meta["group"])
                    yield task
                    break
            else:
                levels.remove(level)
    if len(seen) < wanted:
        raise ConfigError(
            f"role.options.{split}: there are only {len(seen)} such tasks",
            f"role.options.{split}={len(seen)}, or more role.options.levels",
        )


def _drawn(rng: random.Random, level: int, tests: int, split: Split) -> Task | None:
    """A task, or None where what is drawn belongs to another split or says too little."""
    moves = _chain(rng, level)
    names = [move.block.name for move in moves]
    group = " ".join(f"{move.block.name}:{move.constant}" for move in moves)
    if split_of(group if level == 1 else " ".join(names)) != split:
        return None
    kind = moves[0].block.takes
    asked = list(_inputs(rng, kind, tests))
    known = [(value, result(moves, value)) for value in asked]
    if len({repr(value) for _, value in known[1:]}) < 2:
        return None
    name = rng.choice(NAMES)
    variable = VARIABLES[kind]
    parts = [move.words(rng.choice(move.block.said)) for move in moves]
    shown = f"{name}({known[0][0]!r})"
    text = (
        f"Write {name}({variable}) for {INPUTS[kind]} {variable}: {', then '.join(parts)}. "
        f"For example, {shown} is {known[0][1]!r}."
    )
    return Task(
        f"level{level}-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        text,
        {
            "code": f"def {name}({variable}):\n{body(moves)}",
            "tests": [f"assert {name}({value!r}) == {came!r}" for value, came in known],
        },
        {
            "level": level,
            "blocks": names,
            "input": kind,
            "output": moves[-1].block.gives,
            "plan": ", ".join(move.words(move.block.plan) for move in moves),
            "group": group,
            "split": split,
        },
    )


def _chain(rng: random.Random, level: int) -> list[Move]:
    """Moves of which each takes what the one before gives; none is made twice in a row."""
    blocks: list[Block] = []
    while len(blocks) < level:
        last = blocks[-1] if blocks else None
        fit = [one for one in BLOCKS if _fits(one, last, len(blocks) == level - 1)]
        blocks.append(rng.choice(fit))
    return [Move(one, rng.randint(one.low, one.high)) for one in blocks]


def _fits(block: Block, before: Block | None, last: bool) -> bool:
    if block.gives == "bool" and not last:
        return False
    return before is None or (block.takes == before.gives and block.name != before.name)


def _inputs(rng: random.Random, kind: Kind, number: int) -> Iterator[Any]:
    """Different values; an edge of the kind (0, [], '') is always among those that are not told."""
    seen: list[Any] = []
    edge: Any = {"int": 0, "list": [], "str": ""}[kind]
    while len(seen) < number:
        value = edge if len(seen) == 1 else _input(rng, kind)
        if value not in seen and (value or seen):
            seen.append(value)
            yield value


def _input(rng: random.Random, kind: Kind) -> Any:
    if kind == "int":
        return rng.randint(-20, 30)
    if kind == "list":
        return [rng.randint(-5, 15) for _ in range(rng.randint(2, 5))]
    return " ".join(rng.sample(WORDS, rng.randint(1, 2)))
