"""Tests in Python's own words, and which of them a program passes.

assert add(2, 3) == 5             asked of the program here, compared here
assert abs(root(2) - 1.41) < .1   anything else runs in a sandbox of its own, which asks the
                                  program over a pipe; so does a whole `def check(candidate)`
"""

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from srlr.core.sandboxing import Sandbox
from srlr.sandbox import process
from srlr.sandbox.replies import Call, Reply

LONGEST = 100_000
"""Characters of a program; a longer one passes nothing."""

_UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
_ENDED = {
    "time": "it took too long",
    "output": "it said too much",
    "died": "it was stopped",
    "done": "it ended early",
}


@dataclass(frozen=True, slots=True)
class Program:
    """A program and its tests; `support` is what the tests need beside its functions."""

    code: str
    tests: tuple[str, ...]
    support: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """For each test what is wrong, or ''."""

    faults: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of the tests that passed; 0 where there are none."""
        return sum(not fault for fault in self.faults) / max(len(self.faults), 1)


@dataclass(frozen=True, slots=True)
class Plain:
    """A test of one call with a known value."""

    call: Call
    value: Any


def judge(program: Program, settings: Sandbox) -> Judged:
    """Runs the program and its tests.

    Raises:
        ResourceError: this machine cannot isolate it.
        MissingArtifact: bubblewrap is not installed.
    """
    if len(program.code) > LONGEST:
        return Judged(("the program is too long",) * len(program.tests))
    plain = [read(test) for test in program.tests]
    known = [one for one in plain if one is not None]
    if len(known) < len(plain) or program.support:
        names = functions(program.tests, program.support)
        ran = process.examine(program.code, program.tests, names, settings, program.support)
        faults = [one.error for one in ran.replies]
    else:
        ran = process.call(program.code, [one.call for one in known], settings)
        faults = [_fault(one, reply) for one, reply in zip(known, ran.replies, strict=False)]
    return Judged((*faults, *(_ENDED[ran.ended],) * (len(program.tests) - len(faults))))


def judge_all(programs: Sequence[Program], settings: Sandbox) -> list[Judged]:
    """As `judge`, several at once."""
    return process.many([partial(judge, one, settings) for one in programs], settings)


def _fault(test: Plain, reply: Reply) -> str:
    if reply.error:
        return reply.error
    same = bool(reply.value == test.value)
    return "" if same else f"it came to {_short(reply.value)}, not to {_short(test.value)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read(test: str) -> Plain | None:
    """A test of the form `assert f(VALUES) == VALUE`, or None for any other."""
    try:
        match ast.parse(test.strip()).body:
            case [
                ast.Assert(
                    test=ast.Compare(
                        left=ast.Call(func=ast.Name(id=name), args=args, keywords=keywords),
                        ops=[ast.Eq()],
                        comparators=[right],
                    )
                )
            ] if all(one.arg for one in keywords):
                given = tuple(map(ast.literal_eval, args))
                named = {str(one.arg): ast.literal_eval(one.value) for one in keywords}
                return Plain(Call(name, given, named), ast.literal_eval(right))
    except _UNREADABLE:
        pass
    return None


def functions(tests: Sequence[str], support: str = "") -> list[str]:
    """The names that tests use and nobody has given: the program's functions."""
    used: dict[str, None] = {}
    given = set(dir(builtins))
    for text in (support, *tests):
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except _UNREADABLE:
            continue
        for node in nodes:
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Load):
                    used[node.id] = None
                else:
                    given.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                given.add(node.name)
            elif isinstance(node, ast.arg):
                given.add(node.arg)
            elif isinstance(node, ast.alias):
                given.add((node.asname or node.name).partition(".")[0])
    return [name for name in used if name not in given]
