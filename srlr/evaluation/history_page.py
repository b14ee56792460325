"""The history of evaluations as one self-contained page: a line a series, a table below."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from srlr.core.types import Decision
from srlr.evaluation import break_even, plots
from srlr.evaluation.degradation import Series
from srlr.evaluation.page import environment, metric_title

MOST = 40
"""Lines of a series's table; the drawing has all."""


def html(found: Sequence[tuple[Series, Decision]], made: str) -> str:
    """The page; the same text for the same history."""
    drawn = [
        (series, decision, Markup(drawing(series, f"history-{n}")))  # safe: ours, names escaped
        for n, (series, decision) in enumerate(found)
    ]
    return environment().get_template("history.html.j2").render(found=drawn, made=made, most=MOST)


def svg(series: Series) -> str:
    """The drawing alone, as a file of its own, in light and in dark."""
    return break_even.alone(drawing(series, "history"))


def drawing(series: Series, name: str) -> str:
    """The figure by date with its intervals; a point for each evaluation."""
    when = [datetime.fromisoformat(entry.at) for entry, _ in series.points]
    values = [figure.value for _, figure in series.points]
    days = [(one - when[0]).total_seconds() / 86400 for one in when]
    # evaluations of one day would lie on each other
    places = days if days[-1] >= len(days) else [float(n) for n in range(len(days))]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.plot(places, values, color=plots.SERIES[2], marker="o", markersize=3.5)
        for x, (_, one) in zip(places, series.points, strict=True):
            if one.low is not None:
                axes.plot([x, x], [one.low, one.high], color=plots.INK, linewidth=1.0)
        axes.set_xlabel("days" if places is days else "evaluation")
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_ylabel(metric_title(series.metric))
        axes.margins(x=0.04, y=0.12)

    title = f"{metric_title(series.metric)} of {series.role} with {series.model}: " + ", ".join(
        f"{value:.3f}" for value in values[-8:]
    )
    return plots.svg(name, title, draw)
