"""Pairs of a better and a worse answer to one prompt, made from scored answers.

    {"prompt": 7, "reward": 0.61, "tokens": 310,             one line a prompt, in order; tokens
     "pairs": [[better, worse], …]}                          are what was computed to answer it
    better, worse   {"text": "…", "tokens": [5, 2], "total": 0.9, "outcome": 1.0}

A prompt without a pair has its line too, so that the file says how far the drawing has come.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from srlr.core.rundir import write_atomic, writing

Answer = Mapping[str, Any]
Line = dict[str, Any]


def make(answers: Sequence[Answer], at_most: int, min_spread: float) -> list[list[Answer]]:
    """At most so many [better, worse] of a prompt's answers; no answer is in two of them.

    The best by its total goes with the worst whose *outcome* is lower by more than `min_spread`:
    where only shaping tells two answers apart, neither is right and the other wrong. Answers of the
    same tokens count once; an answer whose worth is no number counts not at all. Equal totals keep
    their order.
    """
    different: dict[tuple[int, ...], Answer] = {}
    for one in answers:
        if math.isfinite(one["total"]) and math.isfinite(one["outcome"]):
            different.setdefault(tuple(one["tokens"]), one)
    ranked = sorted(different.values(), key=lambda one: -one["total"])
    pairs: list[list[Answer]] = []
    while ranked and len(pairs) < at_most:
        better = ranked.pop(0)
        for worse in reversed(ranked):
            below = better["outcome"] - worse["outcome"] > min_spread
            if below and better["total"] > worse["total"]:
                ranked.remove(worse)
                pairs.append([better, worse])
                break
    return pairs


def collect(
    path: Path, prompts: int, at_once: int, draw: Callable[[range], Sequence[Line]]
) -> Iterator[list[Line]]:
    """The lines so far, each time more of them are in the file at `path`; all of them in the end.

    What the file has is not drawn again. `draw` is asked for `at_once` prompts at a time, always
    for the same ones, and must answer the same whenever it is asked.
    """
    lines = _read(path)
    lines = lines[: len(lines) // at_once * at_once] if len(lines) < prompts else lines[:prompts]
    yield list(lines)
    for start in range(len(lines), prompts, at_once):
        lines += draw(range(start, min(start + at_once, prompts)))
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, "".join(json.dumps(line) + "\n" for line in lines))
        yield list(lines)


def _read(path: Path) -> list[Line]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
