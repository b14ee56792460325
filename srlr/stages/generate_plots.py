"""What generate's page draws: bars and a histogram, in the colours every page of ours has."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from srlr.evaluation.plots import INK, MUTED, SERIES, svg

WIDTH = 4.6
"""Inches, as every drawing of a page."""
MOST_BARS = 12
BINS = 24


def bars(name: str, title: str, counts: Mapping[str, float], colour: str = SERIES[1]) -> str:
    """A bar for each of the largest counts; '' without any."""
    rows = list(counts.items())[:MOST_BARS]
    if not rows:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        most = max(value for _, value in rows) or 1
        for place, (_, value) in enumerate(rows):
            axes.barh(place, value, height=0.62, color=colour, linewidth=0)
            axes.text(value + most * 0.015, place, _shown(value), va="center", color=INK)
        _names(axes, [label for label, _ in rows])
        axes.set_xlim(0, most * 1.16)

    said = ", ".join(f"{label} {_shown(value)}" for label, value in rows)
    return svg(name, f"{title}: {said}", draw, _size(len(rows)))


def quotas(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the set has of each kind of edge case, and a mark at what is wanted."""
    shown = [row for row in rows if row["have"] or row["want"]][:MOST_BARS]
    if not shown:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        most = max(max(row["have"], row["want"]) for row in shown)
        for place, row in enumerate(shown):
            colour = SERIES[3] if row["missing"] else SERIES[2]
            axes.barh(place, row["have"], height=0.62, color=colour, linewidth=0)
            if row["want"]:
                ends = [place - 0.4, place + 0.4]
                axes.plot([row["want"]] * 2, ends, color=INK, linewidth=1.6)
            at = max(row["have"], row["want"]) + most * 0.02
            axes.text(at, place, f"{row['have']:,}", va="center", color=INK)
        _names(axes, [row["kind"].replace("_", " ") for row in shown])
        axes.set_xlim(0, most * 1.16)

    said = ", ".join(f"{row['kind']} {row['have']} of {row['want']}" for row in shown)
    return svg("quotas", f"Edge cases, had and wanted: {said}", draw, _size(len(shown)))


def lengths(texts: Sequence[str]) -> str:
    """How many texts have how many words; the last bar holds all that are longer."""
    sizes = sorted(len(text.split()) for text in texts)
    if not sizes:
        return ""
    most = max(1, sizes[int(0.99 * (len(sizes) - 1))])
    step = max(1, -(-most // BINS))
    counts = Counter(min(size, most) // step for size in sizes)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, count in counts.items():
            left = place * step
            axes.bar(left, count, width=step * 0.9, align="edge", color=SERIES[1], linewidth=0)
        middle = sizes[len(sizes) // 2]
        axes.axvline(middle, color=MUTED, linewidth=1.1, linestyle=(0, (2, 2)))
        axes.set_xlabel("words")
        axes.set_ylabel("tasks")
        axes.grid(axis="x", visible=False)

    title = f"Words in a problem, from {sizes[0]} to {sizes[-1]}, half at most {_median(sizes)}"
    return svg("lengths", title, draw)


def _median(sizes: Sequence[int]) -> int:
    return sizes[len(sizes) // 2]


def _names(axes: Any, labels: Sequence[str]) -> None:
    shown = [label if len(label) <= 24 else label[:23] + "…" for label in labels]
    axes.set_yticks(range(len(shown)), shown)
    axes.set_ylim(max(len(shown), 2) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _size(rows: int) -> tuple[float, float]:
    return WIDTH, 0.75 + 0.3 * max(rows, 2)


def _shown(value: float) -> str:
    return f"{value:,}" if float(value).is_integer() else f"{value:.2f}"
