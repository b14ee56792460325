"""A worked solution's calculations: what they are, and what is wrong with each.

14 + 23 = 37
37 - 9 = 28
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

NUMBER = r"-?\d{1,9}"
CALCULATION = re.compile(rf"({NUMBER}) ([-+*/]) ({NUMBER}) = ({NUMBER})")


@dataclass(frozen=True, slots=True)
class Calculation:
    """One line: first sign second = result, which need not be true."""

    first: int
    sign: str
    second: int
    result: int

    @property
    def true(self) -> bool:
        return calculated(self.first, self.sign, self.second) == self.result

    def __str__(self) -> str:
        return f"{self.first} {self.sign} {self.second} = {self.result}"


def calculated(first: int, sign: str, second: int) -> int | None:
    """What the calculation comes to; None for a division that leaves a rest, or by 0."""
    if sign == "/":
        return first // second if second and first % second == 0 else None
    return {"+": first + second, "-": first - second, "*": first * second}[sign]


def calculations(text: str) -> Iterator[Calculation]:
    """Those that a text has, in their order."""
    for found in CALCULATION.finditer(text):
        yield Calculation(int(found[1]), found[2], int(found[3]), int(found[4]))


def faults(prompt: str, lines: Iterable[Calculation]) -> Iterator[str]:
    """For each line what is wrong with it, or ''."""
    known = {int(number) for number in re.findall(r"\d{1,9}", prompt)}
    before: set[Calculation] = set()
    for line in lines:
        strange = [number for number in (line.first, line.second) if number not in known]
        if not line.true:
            yield f"{line} is not true"
        elif strange:
            yield f"nothing before it says {strange[0]}"
        elif line in before:
            yield f"{line} is there already"
        else:
            yield ""
        before.add(line)
        known.add(line.result)
