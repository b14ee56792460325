"""Trajectories that somebody else wrote, from a file in the documented form.

    {"problem": "…", "steps": [{"action": "…", "reasoning": "…", "reward": 0.5}, …],
     "expected_outcome": {…}}

One a line; `id` and `author` may be there. A line belongs to the training task with its id, else
to the one with its problem. Where a task has several, the first counts, and the next ones follow
when the verifier turns it down.
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srlr.collaboration.teachers import Item, Unwritten, Written
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.types import Step, Task, Trajectory

SHOWN = 20
"""Bad lines named in one error; of the rest only the number is given."""


class Imported:
    """A file's trajectories as a teacher. `unused` are the lines whose task was never asked for."""

    def __init__(self, path: str, at: str) -> None:
        """Raises ConfigError, which names every bad line, or MissingArtifact."""
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._rows = _rows(Path(path).expanduser(), at)
        for number, row in self._rows.items():
            for name in {str(row[key]).strip() for key in ("id", "problem") if key in row}:
                self._by_name[name].append(number)
        self._used: set[int] = set()

    def __call__(self, items: Sequence[Item]) -> list[Written]:
        return [self._written(item) for item in items]

    def knows(self, task: Task) -> bool:
        """Whether there is a line for the task."""
        return bool(self._lines(task))

    def unused(self) -> int:
        """How many lines nobody has asked for."""
        return len(self._rows) - len(self._used)

    def _lines(self, task: Task) -> list[int]:
        by_id = [
            number
            for number in self._by_name.get(task.id, ())
            if str(self._rows[number].get("id")) == task.id
        ]
        return by_id or self._by_name.get(task.prompt.strip(), [])

    def _written(self, item: Item) -> Written:
        lines = self._lines(item.task)
        self._used.update(lines)
        if not lines:
            return Unwritten("import: the file has no trajectory for it")
        number = lines[min(item.attempt, len(lines) - 1)]
        row = self._rows[number]
        steps = tuple(Step(s["action"], s.get("reasoning", ""), s["reward"]) for s in row["steps"])
        author = str(row.get("author") or "import")
        meta = {"teacher": "import", "line": number}
        return Trajectory(item.task, steps, dict(row["expected_outcome"]), author, meta=meta)


def _rows(path: Path, at: str) -> dict[int, Mapping[str, Any]]:
    """Rows by line number."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise MissingArtifact(f"{at}.path: there is no {str(path)!r}", "name a .jsonl") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ConfigError(
            f"{at}.path: {str(path)!r} cannot be read: {why}", "name a .jsonl"
        ) from None
    rows: dict[int, Mapping[str, Any]] = {}
    bad = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            why = _flaw(row)
        except json.JSONDecodeError as error:
            row, why = None, f"no JSON: {error.msg} at column {error.colno}"
        if why:
            bad.append(f"line {number}: {why}")
        else:
            rows[number] = row
    if bad:
        more = f"\n  and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        listed = "".join(f"\n  {one}" for one in bad[:SHOWN])
        raise ConfigError(
            f"{at}.path: {len(bad)} of {len(bad) + len(rows)} lines of {str(path)!r} are no "
            f"trajectories:{listed}{more}",
            'each line is {"problem": …, "steps": [{"action": …, "reasoning": …, "reward": …}], '
            '"expected_outcome": {…}}, its rewards sum to 1',
        )
    if not rows:
        raise ConfigError(f"{at}.path: {str(path)!r} has no line", "name a file with trajectories")
    return rows


def _flaw(row: Any) -> str:
    """What keeps a row from being a trajectory, or ''."""
    if not isinstance(row, dict):
        return "is no JSON object"
    if not isinstance(row.get("problem"), str) or not row["problem"].strip():
        return "problem is no text"
    if not isinstance(row.get("expected_outcome"), dict):
        return "expected_outcome is no object"
    steps = row.get("steps")
    if not isinstance(steps, list) or not steps:
        return "steps is no list, or an empty one"
    for number, step in enumerate(steps, 1):
        if not isinstance(step, dict) or not isinstance(step.get("action"), str):
            return f"step {number} has no action"
        if not isinstance(step.get("reasoning", ""), str):
            return f"step {number}: reasoning is no text"
        reward = step.get("reward")
        if isinstance(reward, bool) or not isinstance(reward, int | float) or not reward >= 0:
            return f"step {number}: reward is no number from 0"
    total = math.fsum(step["reward"] for step in steps)
    return "" if abs(total - 1) <= 1e-6 else f"rewards sum to {total:g}, not to 1"
