"""srlr select --measure: chooses, then measures what of the choice can be measured here."""

from typing import Any

from srlr.cli import pipeline, render
from srlr.cli.pipeline import Ask, Manner
from srlr.core import log
from srlr.core.rundir import RunDir
from srlr.stages import pipeline as stages
from srlr.stages import select_again, select_costs, select_measure, select_report


def measure(ask: Ask, manner: Manner) -> None:
    """Selects where that is not done, measures what is not measured, and shows it.

    Raises:
        SrlrError: as the pipeline does, and as select_measure.run does.
    """
    log.setup(manner.verbosity)
    opened: list[RunDir] = []
    tell, begin = pipeline.telling(manner, opened)
    try:
        with render.progress_sink(quiet=manner.quiet) as sink:
            rundir = RunDir(stages.run(ask, ("select",), tell=tell, opened=begin).path)
            rundir.subscribe(sink)
            found = select_measure.run(rundir)
    except KeyboardInterrupt as stop:
        if opened:
            stop.add_note(
                f"  fix: `srlr select --measure --run {opened[0].path}` goes on from here; "
                "models that are measured stay so"
            )
        raise
    record = select_again.decision(rundir)
    data = {**pipeline.describe(rundir), "model_selection": record, "measured": found}
    render.emit("measured", data, as_json=manner.as_json, human=lambda: _show(record, rundir))


def _show(record: dict[str, Any], rundir: RunDir) -> None:
    for line in (record["reasoning"][0], *select_report.aside(record)):
        render.text(line)
    rows = [_row(name, one) for name, one in record["measured"].items()]
    heads = ["measured", "first token", "answer", "answers/s", "right", "memory"]
    if rows:
        render.table(heads, rows, right=heads[1:], title="P50 / P95, one at a time; 95 % interval")
    for name, why in record["not_measured"].items():
        render.text(f"{name}: not measured: {why}")
    checks = [(name, *said.split(": ", 1)) for name, said in record["validation_results"].items()]
    render.table(["check", "", "figure"], checks, whole=("check", ""))
    for line in select_costs.told(record["costs"]):
        render.text(line)
    render.text(str(rundir.path / select_again.FILE))


def _row(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    first, whole = one["first_token_ms"], one["answer_ms"]
    return (
        name,
        f"{first['p50']:.0f} / {first['p95']:.0f} ms",
        f"{whole['p50']:.0f} / {whole['p95']:.0f} ms",
        f"{one['answers_per_s']:.3g}",
        "{:.2f} [{:.2f}, {:.2f}]".format(*one["accuracy"]),
        f"{one['peak_memory_gb']:.2f} GB",
    )
