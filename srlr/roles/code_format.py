"""The text of an answer to a function task, and what is read from an untrained model's."""

import ast
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_PARSING = threading.Lock()  # the filters of warnings are all threads' own
LONGEST = 20_000
"""Characters of a text that are read."""

_FORMAT = re.compile(
    r"# (?P<restate>[^\n]+)\n# (?P<plan>[^\n]+)\n"
    r"(?P<code>(?:def|from|import) .+)\n# (?P<check>[^\n]+)",
    re.DOTALL,
)
_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)\n?```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the format holds."""

    restate: str
    plan: str
    code: str
    check: str


def read(text: str) -> Reading | None:
    """The parts of an answer whose code is Python with a function, or None for any other text."""
    match = _FORMAT.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None or not functions(match["code"]):
        return None
    return Reading(**match.groupdict())


def parsed(code: str) -> ast.Module | None:
    """The code's tree, or None where it is not Python."""
    if len(code) > LONGEST:
        return None
    try:
        with _PARSING, warnings.catch_warnings():  # a model's "\\d" is its own affair
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def functions(code: str) -> list[str]:
    """The names of the functions that the code defines, in their order; none if it is no Python."""
    tree = parsed(code)
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []


def imported(code: str) -> set[str]:
    """The modules that the code imports by a statement, by their first name."""
    tree = parsed(code)
    return set(_imports(tree)) if tree else set()


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def signature(code: str) -> str:
    """The last function's head, without annotations: `add(a, b)`; '' where there is none."""
    tree = parsed(code)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    if not found:
        return ""
    names = ", ".join(one.arg for one in (*found[-1].args.posonlyargs, *found[-1].args.args))
    return f"{found[-1].name}({names})"


def outline(code: str) -> str:
    """What the last function does, a word a statement: `set, loop, return`."""
    tree = parsed(code)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    words = {"Assign": "set", "AugAssign": "set", "For": "loop", "While": "loop", "If": "choose"}
    kinds = [type(node).__name__ for node in found[-1].body] if found else []
    return ", ".join(words.get(kind, kind.lower()) for kind in kinds if kind != "Expr") or "nothing"


def fenced(text: str) -> str | None:
    """The code of a text that is one block of Python, with a function, and nothing else."""
    match = _FENCE.fullmatch(text.strip()) if len(text) <= LONGEST else None
    return match[1] if match and functions(match[1]) else None


def found(text: str) -> str | None:
    """The code in a text, as a patient person would find it: in a block, or from the first line of
    a function on, as far as it is Python.
    """
    text = text[:LONGEST]
    for block in _FENCE.findall(text):
        if functions(block):
            return str(block)
    lines = text.replace("```", "").split("\n")
    starts = [n for n, line in enumerate(lines) if re.match(r"(?:def|from|import)\s", line)]
    for start in starts[:1]:
        for end in range(len(lines), start, -1):
            code = "\n".join(lines[start:end]).rstrip()
            if functions(code):
                return code
    return None
