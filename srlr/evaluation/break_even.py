"""What a month costs by its requests, on own hardware and bought: where the lines cross."""

from collections.abc import Sequence
from typing import Any

from srlr.evaluation import plots
from srlr.models.costs import Offer, Own, break_even, curve

POINTS = 200
DECADES = 2
"""Powers of ten that are shown on either side of what matters."""
LIGHT = (
    "--paper:#fbfbf9;--ink:#1b1f24;--muted:#5a626c;--grid:#e4e6e1;"
    "--series-1:#7d858e;--series-2:#2b6cb0;--series-3:#0b7a5c;--series-4:#a9823a;"
)
DARK = (
    "--paper:#14171a;--ink:#e7eaec;--muted:#a3acb5;--grid:#2b3036;"
    "--series-1:#8d969f;--series-2:#6cabee;--series-3:#45c29a;--series-4:#cba75c;"
)
"""The colours of templates/report.css."""
STYLE = (
    f"<style>svg{{{LIGHT}--sans:sans-serif;font-family:sans-serif;background:var(--paper)}}"
    f"@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}</style>"
)


def drawing(own: Own, offers: Sequence[Offer], expected: float | None, model: str) -> str:
    """An <svg> for a page that defines the colours; the dots are where own hardware begins to be
    cheaper, the upright line is the expected volume.
    """
    offers = sorted(offers, key=lambda one: -one.request_usd(own))  # as the lines lie
    found = [break_even(own, offer, expected, None) for offer in offers]
    volumes = _volumes(own, [one.requests_per_month for one in found], expected)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        x, y = zip(*curve(own, None, volumes), strict=True)
        axes.plot(x, y, color=plots.SERIES[2], linewidth=2.2, label=model)
        for n, (offer, one) in enumerate(zip(offers, found, strict=True)):
            colour = (plots.SERIES[1], plots.SERIES[3], plots.SERIES[0], plots.INK)[n // 4 % 4]
            x, y = zip(*curve(own, offer, volumes), strict=True)
            axes.plot(x, y, color=colour, linestyle=plots.DASHES[(n + 1) % 4], label=offer.name)
            if one.requests_per_month:
                axes.plot(one.requests_per_month, own.monthly_usd, "o", color=colour, markersize=5)
        if expected:
            axes.axvline(expected, color=plots.MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.set_xscale("log")
        axes.set_yscale("log" if own.monthly_usd else "symlog")
        if not own.monthly_usd:
            axes.set_ylim(bottom=0)
        axes.set_xlabel("requests a month")
        axes.set_ylabel("a month")
        for axis, mark in ((axes.xaxis, ""), (axes.yaxis, "$")):
            axis.set_major_formatter(lambda value, _, mark=mark: f"{mark}{short(value)}")
        axes.minorticks_off()
        plots.legend(figure, *axes.get_legend_handles_labels())

    rows = -(-(1 + len(offers)) // 2)
    title = f"What a month costs: {model} on own hardware, and {len(offers)} models by the token"
    return plots.svg("break-even", title, draw, (4.6, 2.6 + 0.17 * rows))


def short(value: float) -> str:
    """A power of ten as people write it: 0.01, 100, 10k, 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def standalone(own: Own, offers: Sequence[Offer], expected: float | None, model: str) -> str:
    """The drawing as a file of its own, in light and in dark."""
    return alone(drawing(own, offers, expected, model))


def alone(text: str) -> str:
    """A page's drawing as a file of its own, with its colours, in light and in dark."""
    text = text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return text.replace(">", f">{STYLE}", 1) + "\n"


def _volumes(own: Own, crossings: Sequence[float | None], expected: float | None) -> list[float]:
    """Where the lines are drawn: around all crossings and the expected volume, evenly in the
    logarithm.
    """
    known = [one for one in (*crossings, expected) if one]
    known = known or [own.monthly_answers]
    low, high = min(known) / 10**DECADES, max(known) * 10 ** (DECADES / 2)
    step = (high / low) ** (1 / (POINTS - 1))
    return [low * step**n for n in range(POINTS)]
