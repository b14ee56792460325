"""Whether two answers to a problem are the same: as numbers, as texts, or as expressions.

same("1/2", "0.5")                      numbers
same("50 %", "0.5")                     a share; but 1200 % is not 12, which is a step left undone
same("x = 3", "3")                      what an equation comes to
same("So the answer is 12.", "12")      what a sentence comes to, if it says nothing else
same("(x+2)*(x-3)", "x**2 - x - 6")     expressions, with the extra srlr[math]
"""

import re
from fractions import Fraction
from importlib.util import find_spec
from typing import Literal

from srlr.core.errors import MissingArtifact

Match = Literal["exact", "symbolic"]

LONGEST = 200
"""Characters of a number, and of an answer that is compared as an expression."""
MOST_POWERS = 4
"""Powers of an expression that is worked out."""

_NUMBER = re.compile(
    r"(?P<sign>[-−]?)\$?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)?(?P<rest>\.\d+)?"
    r"(?:\s*/\s*(?P<below>\d+))?(?P<percent>\s*%)?"
)
_LEAD = re.compile(
    r"(?:so|thus|hence|therefore|then|finally)?,?\s*"
    r"(?:(?:the|my|our)\s+)?(?:(?:final|right|correct)\s+)?"
    r"(?:(?:answer|result|solution|value(?:\s+of\s+[a-z])?|it|this|that|which|[a-z])\s+)?"
    r"(?:is|are|gives|equals|makes|comes\s+to|is\s+equal\s+to)\s*:?\s+",
    re.IGNORECASE,
)
"""What a sentence says before the answer it states: "So the answer is"."""
_WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:sqrt|pi|sin|cos|tan|log|ln|exp)(?![A-Za-z]))[A-Za-z]{2,}")
"""One that no expression has."""
_POWER = re.compile(r"\*\*|\^")
_SMALL_POWER = re.compile(
    r"(?:\*\*|\^)\s*(?:-?[0-9]{1,2}|[({]\s*-?[0-9]{1,2}\s*[)}]|[a-z])(?![0-9.!]|\s*[)}]*\s*(?:\*\*|\^))"
)
"""One of at most two digits that no other power follows: 9**9**9 would never end."""
_ENDLESS = re.compile(r"!|\\(?:sum|prod|int|lim)")


def number(text: str) -> Fraction | None:
    """The number that a text is, None for any other text: 1,234 · -0.5 · 3/4 · 20 % · $7."""
    match = _NUMBER.fullmatch(text.strip().rstrip(".")) if len(text) <= LONGEST else None
    if match is None or not (match["whole"] or match["rest"]):
        return None
    below = int(match["below"] or 1) * (100 if match["percent"] else 1)
    if below == 0:
        return None
    value = Fraction((match["whole"] or "0").replace(",", "") + (match["rest"] or "")) / below
    return -value if match["sign"] else value


def same(said: str, gold: str, how: Match = "exact") -> bool:
    """Whether the answers are the same; what cannot be read is the same as nothing else.

    Raises:
        MissingArtifact: `how` is symbolic, neither numbers nor texts are alike, and the package
            that compares expressions is not installed.
    """
    first, second = _plain(said), _plain(gold)
    one, other = number(first), number(second)
    if one is not None and other is not None:
        return one == other and (_is_share(first) == _is_share(second) or abs(one) < 1)
    if first == second:
        return bool(first)
    return how == "symbolic" and _equal(first, second)


def stated(text: str) -> str:
    """What a sentence states, or the text as it is: "So the answer is 3." is "3".

    A sentence that says more ("is 3 or 4", "is not 3") states nothing: whoever names two numbers
    has not answered.
    """
    lead = _LEAD.match(text.strip())
    rest = text.strip()[lead.end() :].strip("$* ").rstrip(".").strip("$* ") if lead else ""
    return rest if rest and not _WORD.search(rest) else text


def _plain(text: str) -> str:
    """Without what stands around an answer: "x = 3." is "3"."""
    bare = stated(text).strip().strip("$").rstrip(".").strip().replace("\\%", "%")
    bare = re.sub(r"^[A-Za-z]\s*=\s*", "", bare)
    return re.sub(r"\s+", " ", bare)


def _is_share(text: str) -> bool:
    """Whether it is written as a percentage. One of 100 or more is only the same as another:
    15 % of 80 is 12, and 15 * 80 with a % behind it is the way there.
    """
    return text.rstrip().endswith("%")


def require() -> None:
    """Returns only where expressions can be compared.

    Raises:
        MissingArtifact: the package that compares them is not installed.
    """
    if find_spec("math_verify") is None:
        raise MissingArtifact(
            "comparing expressions needs the package 'math-verify'",
            "pip install 'srlr[math]', or role.options.match=exact",
        )


def _equal(said: str, gold: str) -> bool:
    """As math-verify judges; without its time limits, which would make a reward depend on the
    clock. Texts that could take long are no answers.
    """
    if max(len(said), len(gold)) > LONGEST or _towers(said):
        return False
    require()
    from math_verify import parse, verify

    read = [parse(f"${_as_latex(text)}$", parsing_timeout=None) for text in (gold, said)]
    return bool(verify(*read, timeout_seconds=None))


def _as_latex(text: str) -> str:
    """x**12 as x^{12}."""
    return re.sub(r"(?:\*\*|\^)\s*(-?[0-9]+|[a-z])", r"^{\1}", text)


def _towers(text: str) -> bool:
    """Whether it has powers, sums or factorials that could take for ever."""
    powers = len(_POWER.findall(text))
    small = len(_SMALL_POWER.findall(text))
    return small < powers or powers > MOST_POWERS or _ENDLESS.search(text) is not None
