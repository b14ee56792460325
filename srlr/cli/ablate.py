"""srlr ablate: runs the cells of an ablation one after the other, and shows its tables."""

import re
from typing import Any

from srlr.cli import pipeline, render
from srlr.cli.pipeline import Ask, Manner
from srlr.core import log
from srlr.core.errors import ConfigError
from srlr.evaluation import arms
from srlr.management import ablation, cells
from srlr.management.ablation import Chosen


def chosen(seeds: str | None, names: str | None, share: str) -> Chosen:
    """What the flags mean.

    Raises:
        ConfigError: seeds are not whole numbers, or the share is not I/N with I from 1 to N.
    """
    parts = [one.strip() for one in (seeds or "").split(",") if one.strip()]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"--seeds {seeds!r} are not whole numbers", "--seeds 1,2,3")
    match = re.fullmatch(r"(\d+)/(\d+)", share)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"--cells {share!r} is no share", "--cells 1/2 and --cells 2/2")
    wanted = tuple(one.strip() for one in (names or "").split(",") if one.strip())
    return Chosen(wanted, tuple(map(int, parts)), (int(match[1]), int(match[2])))


def ablate(ask: Ask, wanted: Chosen, manner: Manner) -> int:
    """Runs what is left to do and shows what is known; returns the exit code.

    Raises:
        ConfigError: the words or flags mean no ablation.
    """
    log.setup(manner.verbosity)
    study, settings = ablation.study_of(ask, wanted)

    def tell(stage: str, event: str, detail: str) -> None:
        if manner.quiet:
            return
        if event == "cell":
            render.note(f"== {stage}")
        elif event != "skip":
            said = pipeline.DONE_WORDS[event]
            render.note(f"{stage}: {said}" + (f": {detail}" if detail else ""))

    try:
        with render.progress_sink(quiet=manner.quiet) as sink:
            found = ablation.run(study, wanted, settings, cells.Told(sink, tell))
    except KeyboardInterrupt as stop:
        stop.add_note("  fix: the same command goes on from here")
        raise
    render.emit("ablation", found, as_json=manner.as_json, human=lambda: _show(found, study))
    for one in found["failed"]:
        render.note(f"failed: {one['cell']}: {one['what']}")
    return next((one["exit_code"] for one in found["failed"]), 0)


def _show(found: dict[str, Any], study: cells.Study) -> None:
    render.text(arms.markdown(found))
    render.text(f"table: {study.runs_dir / study.name / 'table.md'}")


def show_plan(ask: Ask, wanted: Chosen, manner: Manner) -> None:
    """Shows the cells and what is left to do in each; nothing is written."""
    log.setup(manner.verbosity)
    study, _ = ablation.study_of(ask, wanted)
    planned = ablation.plan(study, wanted)
    rows: list[dict[str, Any]] = [
        {
            "cell": cells.named(study, cell),
            "words": list(cells.asked(study, cell).words),
            "tokens": one.tokens,
            "seconds": round(one.seconds, 1),
        }
        for cell, one in planned
    ]
    tokens = sum(one.tokens for _, one in planned)
    seconds = round(sum(one.seconds for _, one in planned), 1)

    def human() -> None:
        lines = [[r["cell"], f"{r['tokens']:,}", render.duration(r["seconds"])] for r in rows]
        lines.append(["together", f"{tokens:,}", render.duration(seconds)])
        columns = ["tokens", "time"]
        render.table(["cell", *columns], lines, right=columns, whole=["cell"])
        render.text("other seeds are planned by the first trial; nothing was touched")

    data = {"cells": rows, "total": {"tokens": tokens, "seconds": seconds}}
    render.emit("ablation.plan", data, as_json=manner.as_json, human=human)
