"""The stage commands: hands words to the pipeline, shows what it says and what it left."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srlr.cli import closing, render
from srlr.core import log
from srlr.core.errors import GateFailed
from srlr.core.rundir import RunDir
from srlr.core.target import Ask, Target
from srlr.stages import launching, pipeline
from srlr.stages.pipeline import Planned
from srlr.stages.state import NAMES

__all__ = ["Ask", "Manner", "show_plan", "work"]

DONE_WORDS = {
    "run": "started",
    "resume": "continues",
    "skip": "done before",
    "again": "starts from nothing",
    "alarm": "alarm",
    "done": "done",
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak, which changes nothing that is done."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def verbosity(self) -> int:
        return 1 if self.verbose else -1 if self.quiet else 0


def stages_of(command: str) -> tuple[str, ...]:
    """The stages a command brings to done."""
    return NAMES if command == "train" else (command,)


def work(command: str, ask: Ask, manner: Manner) -> None:
    """Runs a stage command and shows its result; also when a gate fails, before that is said.

    Raises:
        SrlrError: as the pipeline does.
    """
    log.setup(manner.verbosity)
    opened: list[RunDir] = []
    tell, begin = telling(manner, opened)
    try:
        with render.progress_sink(quiet=manner.quiet) as sink:
            rundir = pipeline.run(ask, stages_of(command), progress=sink, tell=tell, opened=begin)
    except GateFailed:
        if opened and not manner.as_json:
            _show(command, opened[0])
        raise
    except KeyboardInterrupt as stop:
        where = f", or `srlr {command} --run {opened[0].path}`," if opened else ""
        stop.add_note(f"  fix: the same command{where} goes on from here")
        raise
    render.emit(
        "run", describe(rundir), as_json=manner.as_json, human=lambda: _show(command, rundir)
    )


def telling(
    manner: Manner, opened: list[RunDir]
) -> tuple[Callable[[str, str, str], None], Callable[[RunDir], None]]:
    """The pipeline's `tell` and `opened`: what is noted of stages and of the run, which goes to the
    list too.
    """

    def tell(stage: str, event: str, detail: str) -> None:
        if not manner.quiet:
            render.note(f"{stage}: {DONE_WORDS[event]}" + (f": {detail}" if detail else ""))

    def begin(rundir: RunDir) -> None:
        opened.append(rundir)
        if not manner.quiet:
            render.note(f"run {rundir.path} (seed {rundir.manifest.get('seed')})")

    return tell, begin


def describe(rundir: RunDir) -> dict[str, Any]:
    """A run for machines: where it is, what each stage's manifest entry says, and the report."""
    manifest = rundir.manifest
    report = closing.read(rundir)
    return {
        "run": str(rundir.path),
        "name": rundir.path.name,
        **{key: manifest.get(key) for key in ("role", "tier", "seed", "created", "srlr")},
        "stages": {name: rundir.status(name) for name in NAMES if rundir.status(name)},
        "report": report and {key: report.get(key) for key in closing.SHOWN},
    }


def _show(command: str, rundir: RunDir) -> None:
    report = closing.read(rundir)
    if report is not None and command in {"train", "evaluate"}:
        closing.show(report, rundir)
        return
    entry = rundir.status(stages_of(command)[-1])
    figures = [(name, _figure(value)) for name, value in entry.get("metrics", {}).items()]
    if figures:
        render.table([command, ""], figures, right=("",))
    for note in entry.get("notes", ()):
        render.text(note)
    render.text(str(rundir.path / entry.get("artifact", "")))


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# -- dry run ---------------------------------------------------------------------------------------


def show_plan(command: str, ask: Ask, manner: Manner) -> None:
    """Shows the resolved config and what the command would do and cost."""
    log.setup(manner.verbosity)
    aim, planned = pipeline.plan(ask, stages_of(command))
    price = aim.final.settings.hardware.price_usd_per_hour
    total = totals(planned, price)
    todo = [one.stage for one in planned if one.state != "skip"]
    launch = launching.shown(aim.final.settings, aim.path, todo)
    data = {
        "run": str(aim.path),
        "exists": aim.rundir is not None,
        "config": aim.final.settings.model_dump(mode="json"),
        "changed": list(aim.changed),
        "stages": [
            {"state": one.state, **asdict(one.plan), "cost_usd": cost_usd(one.plan.seconds, price)}
            for one in planned
        ],
        "total": total,
        "launch": launch,
    }
    render.emit(
        "plan", data, as_json=manner.as_json, human=lambda: _show_plan(aim, planned, total, launch)
    )


def cost_usd(seconds: float, price_usd_per_hour: float | None) -> float | None:
    """What a machine costs for that long; None where hardware.price_usd_per_hour is not known."""
    return None if price_usd_per_hour is None else round(price_usd_per_hour * seconds / 3600, 4)


def totals(planned: Sequence[Planned], price: float | None = None) -> dict[str, float | None]:
    """Sums over the stages that would run; memory is the highest of them, for they run in turn."""
    left = [one.plan for one in planned if one.state != "skip"]
    seconds = sum(p.seconds for p in left)
    return {
        "tokens": sum(p.tokens for p in left),
        "seconds": round(seconds, 1),
        "cost_usd": cost_usd(seconds, price),
        "memory_gb": max((p.memory_gb for p in left), default=0.0),
        "disk_gb": round(sum(p.disk_gb for p in left), 3),
    }


def _show_plan(
    aim: Target, planned: Sequence[Planned], total: dict[str, Any], launch: Sequence[str]
) -> None:
    render.text(aim.final.yaml.rstrip() + "\n")
    price = aim.final.settings.hardware.price_usd_per_hour
    figures = ["tokens", "time", "memory", "disk", *([] if price is None else ["cost"])]
    rows = [
        [
            one.stage,
            one.state,
            *_costs({**asdict(one.plan), "cost_usd": cost_usd(one.plan.seconds, price)}),
        ]
        for one in planned
    ]
    rows.append(["together", "", *_costs(total)])
    render.table(["stage", "would", *figures], rows, right=figures)
    for one in planned:
        if one.plan.note:
            render.text(f"{one.stage}: {one.plan.note}")
    budget, cost = aim.final.settings.tier.training_cost_usd, total["cost_usd"]
    if budget is not None and cost is not None and cost > budget:
        render.text(f"cost: more than the ${budget:g} of tier.training_cost_usd")
    for line in launch:
        render.text(line)
    place = "run" if aim.rundir else "new run"
    render.text(f"{place}: {_shown(aim.path)}; nothing was touched")


def _costs(plan: dict[str, Any]) -> list[str]:
    cost = plan["cost_usd"]
    return [
        f"{plan['tokens']:,}",
        render.duration(plan["seconds"]),
        f"{plan['memory_gb']:.1f} GB",
        f"{plan['disk_gb']:.2f} GB",
        *([] if cost is None else [f"${cost:.2f}"]),
    ]


def _shown(path: Path) -> str:
    return str(path)
