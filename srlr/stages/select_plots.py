"""The plots of select's page: what each score is made of, how far weights can move, who wins when
nobody knows them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from srlr.evaluation.plots import GRID, INK, MUTED, SERIES, legend, svg

COLOURS = (SERIES[2], SERIES[1], SERIES[3], SERIES[0], MUTED, INK)
WIDTH = 4.6
"""Inches, as all our plots: drawn at a phone's width."""


def scores(matrix: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> str:
    """One bar a model, stacked of what each criterion adds to its score; the best on top."""
    names = list(matrix)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, name in enumerate(names):
            left = 0.0
            for colour, (criterion, weight) in zip(_colours(weights), weights.items(), strict=True):
                part = weight * matrix[name][criterion]
                label = criterion.replace("_", " ") if place == 0 else None
                axes.barh(
                    place, part, left=left, height=0.62, color=colour, linewidth=0, label=label
                )
                left += part
            axes.text(left + 0.015, place, f"{left:.3f}", va="center", color=INK)
        _models(axes, names)
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.set_xlabel("score")
        legend(figure, *axes.get_legend_handles_labels())

    totals = [
        (name, sum(weights[one] * value for one, value in matrix[name].items())) for name in names
    ]
    said = ", ".join(f"{name} {total:.3f}" for name, total in totals)
    return svg("scores", f"Score by model and criterion: {said}", draw, _size(names))


def sensitivity(moves: Sequence[Mapping[str, Any]]) -> str:
    """For each criterion the weights at which the choice stays, and its weight as a dot."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, one in enumerate(moves):
            axes.barh(place, 1.0, height=0.3, color=GRID, linewidth=0)
            low, high = one["same_choice_from"], one["same_choice_to"]
            axes.barh(
                place, high - low, left=low, height=0.3, color=SERIES[2], alpha=0.55, linewidth=0
            )
            axes.plot([one["weight"]], [place], marker="o", color=INK, markersize=5)
        _models(axes, [one["criterion"].replace("_", " ") for one in moves])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("weight")

    said = ", ".join(
        f"{one['criterion']} {one['same_choice_from']:.2f} to {one['same_choice_to']:.2f}"
        for one in moves
    )
    return svg("moves", f"Weights at which the choice stays: {said}", draw, _size(moves))


def wins(shares: Mapping[str, float]) -> str:
    """One bar a model: the share of random weightings under which it wins."""
    names = sorted(shares, key=lambda name: -shares[name])

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, name in enumerate(names):
            axes.barh(place, shares[name], height=0.62, color=SERIES[1], linewidth=0)
            axes.text(shares[name] + 0.015, place, f"{shares[name]:.0%}", va="center", color=INK)
        _models(axes, names)
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.set_xlabel("share of weightings won")

    said = ", ".join(f"{name} {shares[name]:.0%}" for name in names)
    return svg("wins", f"Wins under random weights: {said}", draw, _size(names))


def _models(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _colours(weights: Mapping[str, float]) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place, _ in enumerate(weights)]


def _size(rows: Sequence[Any]) -> tuple[float, float]:
    return WIDTH, 1.3 + 0.34 * len(rows)
