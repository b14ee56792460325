"""Plots as inline SVG whose colours are CSS variables, so one drawing reads in light and in dark.

matplotlib draws with sentinel colours; `svg` replaces them by var(--ink) and its like, prefixes
every id so that several drawings share a page, and drops what would differ between two identical
calls or reach for the network.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from srlr.evaluation.metrics import INVALID
from srlr.evaluation.sentences import metric_name
from srlr.evaluation.value import METRIC_TITLES, STAGES, TITLES, Calibration, ModelRow

Points = Sequence[tuple[int, float]]
Figures = Mapping[str, Points]

INK, MUTED, GRID = "#010203", "#010204", "#010205"
SERIES = ("#010206", "#010207", "#010208", "#010209")
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    **{colour: f"--series-{n}" for n, colour in enumerate(SERIES, 1)},
}
STAGE_DASHES = {"baseline": ":", "srl": "--", "rlvr": "-"}
COLOURS = {"baseline": SERIES[0], "srl": SERIES[1], "rlvr": SERIES[2]}
OTHERS = (MUTED, INK)
"""A panel's first line has its stage's colour, the others these in turn."""
DASHES = ("-", "--", ":", "-.")
"""Lines differ by dash as well as by colour."""

SIZE = (4.6, 2.7)
"""Inches; drawn at a phone's width, so that text is never scaled below its size."""


def before_after(table: Sequence[ModelRow], word: str) -> str:
    """One bar a model for the metric, with its interval as a whisker and its value in figures."""
    rows = [(row, figure) for row in table if (figure := row.metrics.get(word)) is not None]
    if not rows:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, (row, got) in enumerate(rows):
            colour = COLOURS.get(row.model, SERIES[3])
            axes.barh(place, got.value, height=0.62, color=colour, linewidth=0)
            axes.plot([got.low, got.high], [place, place], color=INK, linewidth=1.1)
            for end in (got.low, got.high):
                axes.plot([end, end], [place - 0.13, place + 0.13], color=INK, linewidth=1.1)
            axes.text(
                max(got.high, got.value) + 0.02, place, f"{got.value:.3f}", va="center", color=INK
            )
        axes.set_yticks(range(len(rows)), [row.title for row, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, max(1.0, *(got.high for _, got in rows)) * 1.12)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)

    said = ", ".join(f"{row.title} {got.value:.3f}" for row, got in rows)
    return svg("bars", f"{METRIC_TITLES.get(word, word)} by model: {said}", draw, (4.6, 3.0))


def learning(curves: Mapping[str, Figures], main: str) -> str:
    """Held-out figures by step, SRL on the left and RLVR on the right of one scale."""
    words = list(dict.fromkeys((main, "accuracy", "macro_f1", "validity")))
    lines = {
        stage: {w: curves[stage][f"dev_{w}"] for w in words if f"dev_{w}" in curves[stage]}
        for stage in STAGES
        if stage in curves
    }
    shown = {
        stage: {METRIC_TITLES.get(w, w): points for w, points in figures.items()}
        for stage, figures in lines.items()
    }
    said = f"Held-out {metric_name(main)} by training step"
    return _panels("learning", said, shown, share_y=True, marker="o")


def losses(curves: Mapping[str, Figures]) -> str:
    """Training loss by step; SRL and RLVR minimise different things, so each has its scale."""
    return _panels("loss", "Training loss by step", _only(curves, ("loss",)))


def rewards(curves: Mapping[str, Figures]) -> str:
    """RLVR's reward and its named parts by step."""
    figures = curves.get("rlvr", {})
    parts = {
        "total" if name == "reward" else name.removeprefix("reward_").replace("_", " "): points
        for name, points in figures.items()
        if name == "reward" or name.startswith("reward_")
    }
    return _panels("reward", "Mean reward and its parts by RLVR step", {"rlvr": parts})


def divergence(curves: Mapping[str, Figures]) -> str:
    """KL to the reference by step, in nats a token, and the weight beta that holds it."""
    title = "KL to the reference and its weight by step"
    return _panels("kl", title, _only(curves, ("kl", "beta")))


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str) -> str:
    """Gold labels down, answers across; the shade is the share of the gold label's rows."""
    from matplotlib.patches import Rectangle

    cut = [short(label) for label in labels]
    names = [*cut, INVALID] if any(line[-1] for line in counts) else cut
    crowded = len(names) > 8

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for y, line in enumerate(counts):
            for x in range(len(names)):
                share = line[x] / max(1, sum(line))
                cell = Rectangle(
                    (x - 0.48, y - 0.46), 0.96, 0.92, color=SERIES[2], alpha=0.06 + 0.4 * share
                )
                cell.set_linewidth(0)
                axes.add_patch(cell)
                weight = "bold" if x == y else "normal"
                above = 0 if crowded else 0.09
                axes.text(x, y - above, str(line[x]), ha="center", weight=weight, va="center")
                if not crowded:
                    axes.text(x, y + 0.22, f"{share:.0%}", ha="center", va="center", size=7.5)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(counts) - 0.5, -0.5)
        tilt = 90 if crowded else 30 if sum(map(len, names)) > 40 else 0
        axes.set_xticks(
            range(len(names)), names, rotation=tilt, ha="right" if tilt == 30 else "center"
        )
        axes.set_yticks(range(len(counts)), cut)
        axes.set_xlabel("answered")
        axes.set_ylabel("gold")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return svg("confusion", f"Confusion matrix of {title}", draw, (4.6, max(3.0, 0.3 * len(names))))


def reliability(calibration: Mapping[str, Calibration]) -> str:
    """Share right against confidence, a point a bin, larger for more rows."""
    if not calibration:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        for model, value in calibration.items():
            colour, dash = COLOURS.get(model, SERIES[3]), STAGE_DASHES.get(model, "-.")
            total = sum(b.rows for b in value.bins)
            x, y = [b.confidence for b in value.bins], [b.accuracy for b in value.bins]
            axes.plot(x, y, color=colour, linestyle=dash, label=TITLES.get(model, model))
            axes.scatter(x, y, s=[10 + 90 * b.rows / total for b in value.bins], color=colour)
        axes.set_xlim(0, 1.03)
        axes.set_ylim(0, 1.03)
        axes.set_xlabel("confidence")
        axes.set_ylabel("share right")
        legend(figure, *axes.get_legend_handles_labels())

    return svg("reliability", "Reliability: share right against confidence", draw, (4.6, 3.0))


def _only(curves: Mapping[str, Figures], names: Sequence[str]) -> dict[str, dict[str, Points]]:
    shown = {"kl": "KL", "beta": "β"}
    return {
        stage: {shown.get(n, n): curves[stage][n] for n in names if n in curves[stage]}
        for stage in STAGES
        if stage in curves
    }


def _panels(
    name: str,
    title: str,
    panels: Mapping[str, Figures],
    *,
    share_y: bool = False,
    marker: str = "",
) -> str:
    """One panel a stage, lines told apart by dash as well as by colour; '' without lines."""
    filled = {stage: lines for stage, lines in panels.items() if lines}
    if not filled:
        return ""

    from matplotlib.lines import Line2D

    def draw(figure: Any) -> None:
        every = figure.subplots(1, len(filled), sharey=share_y, squeeze=False)[0]
        names = list(dict.fromkeys(label for lines in filled.values() for label in lines))
        for axes, (stage, lines) in zip(every, filled.items(), strict=True):
            for label, points in lines.items():
                n = names.index(label)
                x, y = zip(*points, strict=True)
                axes.plot(
                    x,
                    y,
                    color=COLOURS[stage] if n == 0 else OTHERS[n % 2],
                    linestyle=DASHES[n % 4],
                    marker=marker if n == 0 else "",
                    markersize=3,
                    label=label,
                )
            axes.set_title(TITLES[stage], loc="left", color=INK, size=9, weight="bold")
            axes.set_xlabel("step")
            axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            axes.margins(x=0.03)
        if len(names) > 1:
            # the first line's colour differs between panels, its dash does not
            keys = [Line2D([], [], color=INK, linestyle=DASHES[n % 4]) for n in range(len(names))]
            legend(figure, keys, names)

    return svg(name, title, draw, SIZE)


def legend(figure: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    figure.legend(
        handles,
        [short(label) for label in labels],
        loc="outside upper left",
        ncols=4 if sum(map(len, labels)) < 40 else 2,
        frameon=False,
        handlelength=2.2,
        columnspacing=1.4,
        borderpad=0,
    )


def short(text: str) -> str:
    """At most 18 characters: a longer label would leave the drawing no room."""
    return text if len(text) <= 18 else text[:17] + "…"


def svg(
    name: str, title: str, draw: Callable[[Any], None], size: tuple[float, float] = SIZE
) -> str:
    """The drawing as an <svg> element for a page that defines the CSS variables."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        out = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return _inline(out.getvalue(), name, title)


def _inline(text: str, name: str, title: str) -> str:
    body = text[text.index("<svg") :]
    head, body = body.split(">", 1)
    view = re.search(r'viewBox="[^"]+"', head)
    for noise in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->"):
        body = re.sub(noise, "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r"font-family: [^;\"]+", "font-family: inherit", body)
    # the shorthand `font:` names DejaVu Sans, whose wide metrics the layout was computed with
    body = re.sub(r"(font: [^;\"]*?\d(?:\.\d+)?px) [^;\"]+", r"\g<1> var(--sans)", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    label = f'class="plot" role="img" aria-label={quoteattr(title)}'
    return f"<svg {label} {view[0] if view else ''}><title>{escape(title)}</title>{body.strip()}"


_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a label with a $ in it is a label
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlepad": 6,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
}
