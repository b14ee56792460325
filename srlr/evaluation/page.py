"""The report for people: one self-contained HTML page, and Markdown beside it.

Model outputs are untrusted text: the template escapes everything but our own drawings, and the page
forbids scripts and every kind of loading to the browser.
"""

from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from srlr.core.rundir import RunDir
from srlr.evaluation import gate, plots, sentences
from srlr.evaluation.markdown import markdown
from srlr.evaluation.metrics import METRICS, Metric
from srlr.evaluation.value import METRIC_TITLES, STAGES, TITLES, Report

ANSWERS = {
    "better": "Yes.",
    "unclear": "Not clearly.",
    "worse": "No.",
    "untrained": "Not trained yet.",
}


def write(report: Report, rundir: RunDir) -> Path:
    """Writes evaluate/report.json, .md and .html from the one value; returns the page's path.

    Raises:
        ResourceError: the run directory cannot be written.
    """
    rundir.write_text("evaluate/report.json", _json(report))
    rundir.write_text("evaluate/report.md", markdown(report))
    return rundir.write_text("evaluate/report.html", html(report))


def _json(report: Report) -> str:
    without = {"sampled"} if report.sampled is None else None
    return report.model_dump_json(indent=2, exclude=without) + "\n"


def html(report: Report) -> str:
    """The page in one file: no script, no request, no asset; the same text for equal reports."""
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            answer=ANSWERS[report.verdict],
            notes=[note for note in report.notes if note != report.stand_in],
            titles=TITLES,
            stages=STAGES,
            main=sentences.metric_name(report.main_metric),
            lower_is_better=[
                w for w, m in METRICS.items() if isinstance(m, Metric) and m.lower_is_better
            ],
            drawings=drawings(report),
        )
    )


def environment(*packages: str) -> Environment:
    """How our pages are made: everything is escaped, the templates are those of `packages` before
    ours, and report.css is one for all.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, "srlr.evaluation")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=number,
        signed=sentences.signed,
        p=sentences.p_value,
        duration=duration,
        metric=metric_title,
        gated=gate.title,
    )
    return made


def drawings(report: Report) -> dict[str, Markup]:
    """Our own SVG by name, marked as safe for the template; '' where there is nothing to draw."""
    final = report.confusion.get(report.final, ())
    found = {
        "bars": plots.before_after(report.table, report.main_metric),
        "learning": plots.learning(report.curves, report.main_metric),
        "loss": plots.losses(report.curves),
        "reward": plots.rewards(report.curves),
        "kl": plots.divergence(report.curves),
        "confusion": plots.confusion(final, report.labels, TITLES[report.final]) if final else "",
        "reliability": plots.reliability(
            {model: c for model, c in report.calibration.items() if model in STAGES}
        ),
    }
    # safe: matplotlib and plots.svg escape the only foreign texts, names of labels and rewards
    return {name: Markup(svg) for name, svg in found.items()}


def number(value: float | None, digits: int = 3) -> str:
    """The figure with a real minus sign, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def duration(seconds: float) -> str:
    """ "48 s", "6 min 42 s" or "2 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def metric_title(word: str) -> str:
    """The metric's name as a table's heading has it."""
    return METRIC_TITLES.get(word, word)
