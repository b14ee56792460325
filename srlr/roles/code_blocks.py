"""What generated functions are made of: small moves from a number, a list or a text to the next.

    keep_even     [4, 1, 2] -> [4, 2]       "keep its even numbers"
    times_each    [4, 2] -> [12, 6]         "multiply each by 3"
    sum           [12, 6] -> 18             "add them up"

A move's code is written once, as the expression a program has; what a function comes to is
computed from the same words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["int", "list", "str", "bool"]
VARIABLES: dict[Kind, str] = {"int": "n", "list": "xs", "str": "s", "bool": "yes"}
_BUILTINS: dict[str, Any] = {
    "abs": abs, "len": len, "max": max, "min": min, "sorted": sorted, "str": str, "sum": sum,
}  # fmt: skip
"""No other name is in a move's code."""


@dataclass(frozen=True, slots=True)
class Block:
    """One move.

    Attributes:
        plan: what is done, in the words an answer plans with; {c} is its constant.
        code: the expression, of the variable of the kind it takes.
        said: the ways a task asks for it.
        low, high: of the constant; both 0 where there is none.
    """

    name: str
    takes: Kind
    gives: Kind
    plan: str
    code: str
    said: tuple[str, ...]
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A block with its constant."""

    block: Block
    constant: int

    def words(self, said: str) -> str:
        return said.replace("{c}", str(self.constant))

    @property
    def code(self) -> str:
        return self.words(self.block.code)


BLOCKS = (
    Block("add", "int", "int", "add {c}", "n + {c}", ("add {c}", "increase it by {c}"), 2, 9),
    Block("subtract", "int", "int", "subtract {c}", "n - {c}",
          ("subtract {c}", "take {c} away"), 2, 9),
    Block("multiply", "int", "int", "multiply by {c}", "n * {c}",
          ("multiply it by {c}", "take it {c} times"), 2, 9),
    Block("divide", "int", "int", "floor divide by {c}", "n // {c}",
          ("divide it by {c} and drop the rest", "see how many times {c} goes into it"), 2, 9),
    Block("remainder", "int", "int", "modulo {c}", "n % {c}",
          ("take the remainder of dividing by {c}", "take it modulo {c}"), 2, 9),
    Block("square", "int", "int", "square", "n * n", ("square it", "multiply it by itself")),
    Block("negate", "int", "int", "negate", "-n", ("change its sign", "negate it")),
    Block("absolute", "int", "int", "absolute value", "abs(n)",
          ("drop its sign", "take its absolute value")),
    Block("at_least", "int", "int", "at least {c}", "max(n, {c})",
          ("raise it to {c} if it is smaller", "make it at least {c}"), 2, 9),
    Block("at_most", "int", "int", "at most {c}", "min(n, {c})",
          ("lower it to {c} if it is larger", "make it at most {c}"), 2, 9),
    Block("even", "int", "bool", "is it even", "n % 2 == 0", ("tell whether it is even",)),
    Block("odd", "int", "bool", "is it odd", "n % 2 == 1", ("tell whether it is odd",)),
    Block("greater", "int", "bool", "is it greater than {c}", "n > {c}",
          ("tell whether it is greater than {c}", "tell whether it is above {c}"), 2, 9),
    Block("less", "int", "bool", "is it less than {c}", "n < {c}",
          ("tell whether it is less than {c}", "tell whether it is below {c}"), 2, 9),
    Block("text", "int", "str", "to text", "str(n)", ("turn it into text", "write it as text")),
    Block("keep_even", "list", "list", "keep even", "[x for x in xs if x % 2 == 0]",
          ("keep its even numbers", "drop its odd numbers")),
    Block("keep_odd", "list", "list", "keep odd", "[x for x in xs if x % 2 == 1]",
          ("keep its odd numbers", "drop its even numbers")),
    Block("keep_above", "list", "list", "keep above {c}", "[x for x in xs if x > {c}]",
          ("keep the numbers above {c}", "keep what is greater than {c}"), 2, 9),
    Block("keep_below", "list", "list", "keep below {c}", "[x for x in xs if x < {c}]",
          ("keep the numbers below {c}", "keep what is less than {c}"), 2, 9),
    Block("add_each", "list", "list", "add {c} to each", "[x + {c} for x in xs]",
          ("add {c} to each", "increase every number by {c}"), 2, 9),
    Block("times_each", "list", "list", "multiply each by {c}", "[x * {c} for x in xs]",
          ("multiply each by {c}", "take every number {c} times"), 2, 9),
    Block("square_each", "list", "list", "square each", "[x * x for x in xs]",
          ("square each", "multiply every number by itself")),
    Block("turn", "list", "list", "reverse", "xs[::-1]", ("reverse it", "turn its order round")),
    Block("sort", "list", "list", "sort", "sorted(xs)",
          ("sort it", "put its numbers in ascending order")),
    Block("first", "list", "list", "first {c}", "xs[:{c}]",
          ("keep its first {c} numbers", "drop all but the first {c}"), 2, 4),
    Block("sum", "list", "int", "sum", "sum(xs)", ("add its numbers up", "give its sum")),
    Block("count", "list", "int", "count", "len(xs)",
          ("count its numbers", "give how many there are")),
    Block("largest", "list", "int", "largest or 0", "max(xs, default=0)",
          ("give the largest number, or 0 if it is empty",)),
    Block("smallest", "list", "int", "smallest or 0", "min(xs, default=0)",
          ("give the smallest number, or 0 if it is empty",)),
    Block("upper", "str", "str", "upper case", "s.upper()",
          ("put it in upper case", "make its letters capitals")),
    Block("lower", "str", "str", "lower case", "s.lower()", ("put it in lower case",)),
    Block("reverse", "str", "str", "reverse text", "s[::-1]",
          ("reverse it", "write it backwards")),
    Block("repeat", "str", "str", "repeat {c} times", "s * {c}",
          ("repeat it {c} times", "write it {c} times in a row"), 2, 4),
    Block("start", "str", "str", "first {c} letters", "s[:{c}]",
          ("keep its first {c} letters", "cut it off after {c} letters"), 2, 4),
    Block("dashes", "str", "str", "spaces to dashes", "s.replace(' ', '-')",
          ("replace its spaces with dashes", "put a dash for every space")),
    Block("length", "str", "int", "length", "len(s)",
          ("count its letters", "give how long it is")),
    Block("words", "str", "int", "count words", "len(s.split())",
          ("count its words", "give how many words it has")),
    Block("vowel", "str", "int", "count a", "s.count('a')",
          ("count the letters a in it", "give how often it has the letter a")),
)  # fmt: skip


def result(moves: Sequence[Move], value: Any) -> Any:
    """What the moves make of a value."""
    for move in moves:
        names = {VARIABLES[move.block.takes]: value}
        value = eval(move.code, {"__builtins__": _BUILTINS}, names)
    return value


def body(moves: Sequence[Move]) -> str:
    """The lines of a function: an assignment for each move but the last, which is returned."""
    lines = [f"    {VARIABLES[move.block.gives]} = {move.code}" for move in moves[:-1]]
    return "\n".join([*lines, f"    return {moves[-1].code}"])
