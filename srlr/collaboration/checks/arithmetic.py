"""Calculations in a text, and whether they are true: "48 / 2 + 3 = 27", <<48/2=24>>.

Nothing is executed: a parser of a dozen lines reads numbers, + - * / ^ and brackets, and computes
with fractions. What it cannot read (variables, units between numbers) is not judged.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from srlr.collaboration.checks import found
from srlr.core.types import Trajectory, Verdict

LONGEST = 200
"""Characters of one side of a calculation that are read."""
LARGEST_EXPONENT = 20
DEEPEST = 20
"""Brackets in brackets."""

_SIDE = r"[\d\s.,$%()+\-*/^x×÷−–]*\d[\d\s.,$%()+\-*/^x×÷−–]*"
_CHAIN = re.compile(rf"{_SIDE}(?:={_SIDE})+")
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,12})?|\.\d{1,12}"
_TOKEN = re.compile(rf"\s*(?:\$?({_NUMBER})(%?)|(\s[x]\s|[-+*/^()×÷−–]))")
_SIGNS = {"×": "*", "x": "*", "÷": "/", "−": "-", "–": "-"}
_REST = re.compile(r"\s*(?:r(?:emainder|est)?\b|with a remainder|and \d+/|\d)", re.I)


@dataclass(frozen=True, slots=True)
class Calculation:
    """What a text says: `left` is `right`. `result` is the right side's value."""

    text: str
    result: Fraction
    true: bool


def arithmetic(trajectory: Trajectory) -> Verdict | None:
    """Every calculation in an action or its reasoning is true; None where there is none."""
    issues = []
    seen = 0
    for number, step in enumerate(trajectory.steps, 1):
        for text in (step.action, step.reasoning):
            for one in calculations(text):
                seen += 1
                if not one.true:
                    issues.append(f"arithmetic: step {number}: {one.text} is not true")
    return found(issues) if seen else None


def calculations(text: str) -> Iterator[Calculation]:
    """The calculations whose two sides can be read and of which the left one has a sign."""
    if "=" not in text:
        return
    for chain in _CHAIN.finditer(text):
        before = text[: chain.start()][-1:]
        sides = chain[0].split("=")
        for place, (left, right) in enumerate(itertools.pairwise(sides)):
            last = place == len(sides) - 2
            after = text[chain.end() :] if last else ""
            one = _calculation(left, right, "" if place else before, after)
            if one is not None:
                yield one


def _calculation(left: str, right: str, before: str, after: str) -> Calculation | None:
    known = _ending(left, before)
    said = _beginning(right, after)
    if known is None or said is None:
        return None
    (expression, value), (shown, result) = known, said
    text = f"{' '.join(expression.split())} = {shown.strip()}"
    allowed = {result, result * 100} if shown.rstrip().endswith("%") else {result}
    within = _precision(shown)
    true = any(abs(value - one) < within if within else value == one for one in allowed)
    return Calculation(text, result, true)


def _ending(left: str, before: str) -> tuple[str, Fraction] | None:
    """The longest end of `left` that is an expression with a sign, and its value.

    Of "x + 3 - 2" nothing: what the sign before it belongs to is not known.
    """
    glued = left[:1] not in " \t\n,.;(" and (before.isalnum() or before in (":", "_"))
    text = left.strip().rstrip(",.;")[-LONGEST:]
    starts = [0, *(m.end() for m in re.finditer(r"\s+|(?<=\))", text))]
    for start in dict.fromkeys(starts):
        part, passed = text[start:], text[:start].rstrip()
        if passed.endswith(tuple("+-*/^(×÷−–x")) or (start == 0 and glued):
            continue
        if passed[-1:].isdigit() and part[:1].isdigit():  # "1 1/2" is one number
            continue
        if start == 0 and before.isalpha() and re.match(r"[-+−–]", part):
            return None
        value = evaluate(part)
        if value is not None:
            return (part, value) if re.search(r"[\d)%]\s*[-+*/^x×÷−–]", part) else None
    return None


def _beginning(right: str, after: str) -> tuple[str, Fraction] | None:
    """The longest beginning of `right` that is an expression, and its value."""
    text = right[:LONGEST]
    ends = [m.end() for m in re.finditer(r"[\d)%](?![\d%])", text)]
    for end in reversed(ends):
        value = evaluate(text[:end])
        if value is not None:
            rest = text[end:] + after
            return None if _REST.match(rest) or _goes_on(rest) else (text[:end], value)
    return None


def _goes_on(rest: str) -> bool:
    """Whether a sign follows whose other operand cannot be read: "= 3x", "= 5 * apples"."""
    return bool(re.match(r"\s*[*/^×÷]|[a-z](?![a-z])", rest, re.IGNORECASE))


def _precision(shown: str) -> Fraction:
    """How far a rounded figure may be off: 0 for a whole number, less than its last decimal."""
    decimals = re.search(r"\.(\d+)\s*%?\s*$", shown)
    if decimals is None:
        return Fraction(0)
    return Fraction(1, 10 ** len(decimals[1])) / (100 if shown.rstrip().endswith("%") else 1)


def evaluate(expression: str) -> Fraction | None:
    """The value of numbers, + - * / ^ and brackets; None for anything else and for x / 0."""
    tokens = _tokens(expression)
    if not tokens:
        return None
    try:
        value, end = _sum(tokens, 0, 0)
    except (IndexError, ValueError, ZeroDivisionError):
        return None
    return value if end == len(tokens) else None


def _tokens(expression: str) -> list[Fraction | str] | None:
    tokens: list[Fraction | str] = []
    place = 0
    text = expression.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        if match[1]:
            tokens.append(Fraction(match[1].replace(",", "")) / (100 if match[2] else 1))
        else:
            sign = match[3].strip()
            tokens.append(_SIGNS.get(sign, sign))
        place = match.end()
    return tokens


def _sum(tokens: list[Fraction | str], at: int, depth: int) -> tuple[Fraction, int]:
    value, at = _product(tokens, at, depth)
    while at < len(tokens) and tokens[at] in ("+", "-"):
        other, after = _product(tokens, at + 1, depth)
        value, at = (value + other if tokens[at] == "+" else value - other), after
    return value, at


def _product(tokens: list[Fraction | str], at: int, depth: int) -> tuple[Fraction, int]:
    value, at = _power(tokens, at, depth)
    while at < len(tokens) and tokens[at] in ("*", "/"):
        other, after = _power(tokens, at + 1, depth)
        value, at = (value * other if tokens[at] == "*" else value / other), after
    return value, at


def _power(tokens: list[Fraction | str], at: int, depth: int) -> tuple[Fraction, int]:
    value, at = _operand(tokens, at, depth)
    if at < len(tokens) and tokens[at] == "^":
        exponent, at = _operand(tokens, at + 1, depth)
        if exponent.denominator != 1 or abs(exponent) > LARGEST_EXPONENT:
            raise ValueError("no whole, small exponent")
        return value ** int(exponent), at
    return value, at


def _operand(tokens: list[Fraction | str], at: int, depth: int) -> tuple[Fraction, int]:
    """A number, one with a minus, or brackets.

    Raises:
        ValueError: there is neither.
        IndexError: the text ends before it.
    """
    token = tokens[at]
    if isinstance(token, Fraction):
        return token, at + 1
    if token == "-" and (at == 0 or tokens[at - 1] == "("):
        value, at = _operand(tokens, at + 1, depth)
        return -value, at
    if token != "(" or depth >= DEEPEST:
        raise ValueError("no number")
    value, at = _sum(tokens, at + 1, depth + 1)
    if tokens[at] != ")":
        raise ValueError("a bracket is open")
    return value, at + 1
