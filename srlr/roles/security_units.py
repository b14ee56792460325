"""Statements of bandit's example files, one by one, as text that is easy to move."""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

LONGEST_LINES = 6
LONGEST_CHARS = 240


def units(source: str) -> Mapping[int, str]:
    """Every statement of a file's top level by its first line: its text without comments, if it is
    short enough; empty of a file that is no Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    lines = _without_comments(source).split("\n")
    found = {}
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        text = "\n".join(line for line in lines[first - 1 : node.end_lineno] if line.strip())
        if text and text.count("\n") < LONGEST_LINES and len(text) <= LONGEST_CHARS:
            found[first] = text
    return found


def sources(member: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each example file beside `member`, which is one of them, in order."""
    for path in sorted(member.parent.glob("*.py")):
        yield path.name, path.read_bytes().decode("utf-8", "replace")


def _without_comments(source: str) -> str:
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)
