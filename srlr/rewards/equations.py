"""Whether a line that says what numbers come to is true: "9/12 + 2/12 = 11/12", "3 * (4 - 1) = 9".

Worked out exactly, in fractions; nothing is evaluated as code.
"""

import ast
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

LONGEST = 200
"""Characters of a line that is judged."""
MOST_DIGITS = 12
"""Of a number, before its point and after it."""

_SIDE = re.compile(r"[-+*/(). 0-9]+")
_OPERATIONS: Mapping[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def value(text: str) -> Fraction | None:
    """What an expression of numbers, + - * / and brackets comes to; None for any other text, and
    for a division by 0.
    """
    if len(text) > LONGEST or not _SIDE.fullmatch(text.strip()):
        return None
    plain = re.sub(r"(?<![0-9.])0+(?=[0-9])", "", text.strip())  # Python reads no 007
    if any(len(digits) > MOST_DIGITS for digits in re.findall(r"[0-9]+", plain)):
        return None
    try:
        return _worked(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ZeroDivisionError, ValueError, MemoryError, RecursionError):
        return None


def holds(line: str) -> bool | None:
    """Whether all sides of the line's equation are the same; None where it is none of numbers."""
    sides = [value(side) for side in line.rstrip(". ").split("=")]
    if len(sides) < 2 or None in sides:
        return None
    return len(set(sides)) == 1


def _worked(node: Any) -> Fraction:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _OPERATIONS[type(node.op)](_worked(node.left), _worked(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _worked(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    raise ValueError(f"{type(node).__name__} is no arithmetic")
