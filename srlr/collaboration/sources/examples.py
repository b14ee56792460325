"""Solved examples of earlier: the accepted trajectories of one's own runs, or rows of JSON Lines.

    {"problem": "Is it warm: red?", "steps": ["colour: red"], "expected_outcome": {"label": "warm"}}

Read are the documented form of a trajectory and shorter ones: `problem` or `text` or `prompt`;
`steps`, each a text or an object with `action`; `expected_outcome` or `answer`; `id`; `group`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from srlr.collaboration.sources.texts import Local, Shelf, Text, local
from srlr.core import runs
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.retrieving import Source as Said
from srlr.text.dedup import normalise

SHOWN = 20
TRAJECTORIES = "generate/trajectories.jsonl"


def of_runs(name: str, said: Said, folder: Path, shelf: Shelf) -> Local:
    """The trajectories of this role's other runs, each problem once, the newest run's first.

    Raises:
        MissingArtifact: the folder is not there. One without runs of the role is an empty source.
        ConfigError: a run's file is damaged.
    """
    if not folder.is_dir():
        raise MissingArtifact(
            f"source {name!r}: the folder of runs {str(folder)!r} is not there",
            f"correct generate.retriever.sources.{name}.runs",
        )
    here = shelf.run.resolve() if shelf.run else None
    texts: dict[str, Text] = {}
    used = 0
    for run in runs.all_runs(folder):
        if run.path.resolve() == here or not (run.path / TRAJECTORIES).is_file():
            continue
        rows = [row for row in run.read_jsonl(TRAJECTORIES) if row.get("role") == shelf.role]
        used += bool(rows)
        for row in rows:
            where = f"{name}: {run.path.parent.name}/{run.path.name}, {row.get('id')}"
            if (text := text_of(row, where)) is not None:
                texts.setdefault(normalise(text.searched), text)
    return local(name, said, list(texts.values()), shelf, runs=used)


def of_rows(name: str, said: Said, path: Path, shelf: Shelf) -> Local:
    """The examples of a file, each problem once.

    Raises:
        MissingArtifact: the file is not there.
        ConfigError: rows are not examples (each named with its number), or there are none.
    """
    texts: dict[str, Text] = {}
    problems: list[str] = []
    for number, row in _rows(name, path):
        text = row if isinstance(row, str) else text_of(row, f"{name}: {path.name}, line {number}")
        if isinstance(text, Text):
            texts.setdefault(normalise(text.searched), text)
        else:
            problems.append(f"line {number}: {text or 'no problem, or neither steps nor answer'}")
    if problems or not texts:
        more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        wrong = "\n  ".join(problems[:SHOWN]) + more
        raise ConfigError(
            f"source {name!r}: {str(path)!r} has "
            + (f"rows that are no examples\n  {wrong}" if problems else "no examples"),
            'a row is {"problem": …, "steps": […], "expected_outcome": …}',
        )
    return local(name, said, list(texts.values()), shelf)


def _rows(name: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Each row that is not blank with its number; what is wrong, where it is no object."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise MissingArtifact(
            f"source {name!r}: {str(path)!r} cannot be read: {error.strerror}",
            f"correct generate.retriever.sources.{name}.path",
        ) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                yield number, f"not JSON: {error}"
            else:
                yield number, row if isinstance(row, dict) else "not a JSON object"


def text_of(row: Mapping[str, Any], citation: str) -> Text | None:
    """The example as a text, a step a line; None where it has no problem or no solution."""
    problem = next(
        (row[key] for key in ("problem", "text", "prompt") if isinstance(row.get(key), str)), ""
    ).strip()
    steps = row.get("steps") if isinstance(row.get("steps"), list) else []
    lines = [one.get("action") if isinstance(one, dict) else one for one in steps or []]
    solution = [str(line).strip() for line in lines if line]
    outcome = row.get("expected_outcome", row.get("answer"))
    if outcome is not None:
        solution.append(f"=> {outcome if isinstance(outcome, str) else _json(outcome)}")
    if not problem or not solution:
        return None
    slices = row.get("slices") if isinstance(row.get("slices"), dict) else {}
    group = row.get("group", (slices or {}).get("group"))
    return Text(
        "\n".join((problem, *solution)),
        citation,
        problem,
        str(row["id"]) if row.get("id") is not None else None,
        str(group) if group is not None else None,
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
