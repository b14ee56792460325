"""A data set's own worked solutions, parted into steps.

    calculations   "He sold 48/2 = <<48/2=24>>24 clips."   ->   48 / 2 = 24
    numbered       "1. Halve 48. 2) …", "Step 3: …", one a line
    paragraphs     parts with an empty line between them
    sentences      parts that end with . ! or ?

`auto` takes the first of these that finds at least two parts (of calculations, one). A role that
defines `solved(task, parts)` makes a trajectory of them in its own form; for another one each part
is an action, and all are worth the same.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from srlr.collaboration.teachers import Item, Unwritten, Written
from srlr.core.types import Role, Step, Task, Trajectory

_CALCULATION = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")
_FINAL = re.compile(r"^\s*####.*$", re.MULTILINE)
_NUMBER = re.compile(r"^\s*(?:step\s*)?\d{1,3}\s*[.):]\s+(?=\S)", re.IGNORECASE | re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[$\\]*[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|No|[A-Z])|^\d{1,3})\.$")
_SIGNS: dict[type[ast.operator], tuple[str, Callable[[int, int], int | float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}


def calculations(text: str) -> list[str]:
    """Every <<a=b>>, as calculations of two whole numbers where it can be written so."""
    return [line for a, b in _CALCULATION.findall(text) for line in _lines(a.strip(), b.strip())]


def numbered(text: str) -> list[str]:
    """What follows each number at the beginning of a line; what stands before the first is lost."""
    return _tidy(_NUMBER.split(text)[1:])


def paragraphs(text: str) -> list[str]:
    """What stands between empty lines."""
    return _tidy(re.split(r"\n\s*\n", text))


def sentences(text: str) -> list[str]:
    """Sentences; a line's end ends one too."""
    found: list[str] = []
    for line in text.splitlines():
        held = ""
        for part in _SENTENCE.split(line):
            held = f"{held} {part}".strip()
            if not _ABBREVIATION.search(held):
                found.append(held)
                held = ""
        found.append(held)
    return _tidy(found)


SPLITS: dict[str, tuple[Callable[[str], list[str]], int]] = {
    "calculations": (calculations, 1),
    "numbered": (numbered, 2),
    "paragraphs": (paragraphs, 2),
    "sentences": (sentences, 2),
}
"""What parts a text, and how many parts there are at least."""


def parts(text: str, split: str) -> list[str] | str:
    """The steps of a solution, or why there are none."""
    text = _FINAL.sub("", text).strip()
    if not text:
        return "the solution is empty"
    most = 0
    for name in SPLITS if split == "auto" else (split,):
        parted, least = SPLITS[name]
        found = parted(text)
        most = max(most, len(found))
        if len(found) >= least:
            return found
    return f"{most} part{'s' * (most != 1)} by split={split}"


class Decomposed:
    """Worked solutions in the column `column` as a teacher."""

    def __init__(self, role: Role, column: str, split: str) -> None:
        self.role, self.column, self.split = role, column, split

    def __call__(self, items: Sequence[Item]) -> list[Written]:
        return [self._written(item.task) for item in items]

    def knows(self, task: Task) -> bool:
        """Whether its solution can be parted."""
        return not isinstance(self.parted(task), str)

    def parted(self, task: Task) -> list[str] | str:
        """The solution's parts, or why there are none."""
        said = task.meta.get(self.column) or task.answer.get(self.column)
        if isinstance(said, list | tuple):
            found = _tidy(map(str, said))
            return found or "the solution is empty"
        if not isinstance(said, str):
            return f"the row has no {self.column!r}"
        return parts(said, self.split)

    def hint(self, task: Task) -> dict[str, Any]:
        """What a model is told that writes the solution in the role's form."""
        found = self.parted(task)
        if isinstance(found, str):
            return {}
        return {"worked solution, to be written as steps in the examples' form": found}

    def _written(self, task: Task) -> Written:
        found = self.parted(task)
        if isinstance(found, str):
            return Unwritten(f"decompose: {found}")
        solved = getattr(self.role, "solved", None)
        if solved is not None:
            trajectory: Trajectory = solved(task, found)
            return trajectory
        share = 1.0 / len(found)
        steps = tuple(Step(part, "", share) for part in found)
        return Trajectory(task, steps, dict(task.answer), "decompose")


def _tidy(found: Iterable[str]) -> list[str]:
    return [text for one in found if (text := " ".join(_CALCULATION.sub("", one).split()))]


def _lines(left: str, right: str) -> Iterator[str]:
    """`left = right` as calculations of two whole numbers each, or as it is."""
    try:
        tree = ast.parse(left.replace("x", "*").replace("×", "*").replace("÷", "/"), mode="eval")
        lines: list[str] = []
        result = _walk(tree.body, lines)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        yield f"{left} = {right}"
        return
    if lines and str(result) == right.replace(",", ""):
        yield from lines
    else:
        yield f"{left} = {right}"


def _walk(node: ast.expr, lines: list[str]) -> int:
    """The node's value; its calculations go to `lines` in the order in which they are made.

    Raises:
        ValueError: a number or a result is not whole, or it is no calculation.
    """
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if not isinstance(node, ast.BinOp) or type(node.op) not in _SIGNS:
        raise ValueError
    sign, calculate = _SIGNS[type(node.op)]
    first, second = _walk(node.left, lines), _walk(node.right, lines)
    result = calculate(first, second)
    if result != int(result):
        raise ValueError
    lines.append(f"{first} {sign} {second} = {int(result)}")
    return int(result)
