"""Several runs' final models on the same tasks: figures, every two against each other, one page.

    Side("a", report, rows)      a run's report.json and its attempts
    compared([one, two], schema, how)

A figure's interval is its run's own; a difference is paired by task, and its p is adjusted for all
pairs of runs (Holm).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from markupsafe import Markup

from srlr.core.errors import ConfigError
from srlr.evaluation import plots, tables
from srlr.evaluation.compare import Resampling, mcnemar
from srlr.evaluation.effects import effect, holm
from srlr.evaluation.metrics import METRICS, Metric
from srlr.evaluation.outcomes import Attempt, Schema
from srlr.evaluation.page import environment, metric_title


@dataclass(frozen=True, slots=True)
class Side:
    """A run: its name, its report.json and its attempts."""

    name: str
    report: Mapping[str, Any]
    rows: Sequence[Attempt]

    def final(self) -> list[Attempt]:
        """What the final model answered."""
        return [row for row in self.rows if row["model"] == self.report["final"]]

    def figures(self, model: str) -> dict[str, Any]:
        """The figures of one of its models by metric; empty where it has no such model."""
        rows = {row["model"]: row for row in self.report["table"]}
        return dict(rows[model]["metrics"]) if model in rows else {}


def compared(
    sides: Sequence[Side], schema: Schema, how: Resampling, *, common: bool = False
) -> dict[str, Any]:
    """Figures by run, and the difference of every two final models in the first's main metric.

    Args:
        common: compare on the tasks that all runs have, where they were not asked the same.

    Raises:
        ConfigError: the runs were asked different tasks, or have none in common.
    """
    word = sides[0].report["main_metric"]
    answered = _aligned(sides, common=common)
    words = list(dict.fromkeys(w for side in sides for w in side.figures(side.report["final"])))
    both = list(combinations(range(len(sides)), 2))
    gaps = [tables.gap(answered[a], answered[b], word, schema, how) for a, b in both]
    adjusted = iter(holm([gap.p for gap in gaps if gap is not None]))
    return {
        "metric": word,
        "level": how.level,
        "tasks": len(answered[0]),
        "words": words,
        "runs": [_run(side) for side in sides],
        "pairs": [
            {
                "run": sides[b].name,
                "against": sides[a].name,
                "gap": gap and asdict(gap),
                "p_holm": gap and next(adjusted),
                "flips": asdict(mcnemar(answered[a], answered[b], schema)),
                "effect": asdict(effect(answered[a], answered[b], schema)),
            }
            for (a, b), gap in zip(both, gaps, strict=True)
        ],
    }


def _run(side: Side) -> dict[str, Any]:
    report = side.report
    told = {key: report.get(key) for key in ("role", "tier", "model", "seed", "created", "verdict")}
    final = next(row for row in report["table"] if row["model"] == report["final"])
    return {
        "name": side.name,
        **told,
        "final": report["final"],
        "title": final["title"],
        "figures": side.figures(report["final"]),
        "baseline": side.figures("baseline"),
        "latency_s": final["latency_s"],
        "tokens": final["tokens"],
        "seconds": sum((report.get("seconds") or {}).values()),
    }


def _aligned(sides: Sequence[Side], *, common: bool) -> list[list[Attempt]]:
    """Each run's final answers to the same tasks, in the same order."""
    by_task = [{row["task"]: row for row in side.final()} for side in sides]
    shared = [task for task in by_task[0] if all(task in other for other in by_task)]
    most = max(map(len, by_task))
    if not shared or (len(shared) < most and not common):
        hint = "name runs with the same role.data, evaluate.split and evaluate.limit"
        if shared:
            hint = f"--common compares the {len(shared)} tasks that all of them were asked"
        raise ConfigError(
            f"the runs were not asked the same tasks: of {most}, {len(shared)} are in all of them",
            hint,
        )
    return [[rows[task] for task in shared] for rows in by_task]


# -- the page --------------------------------------------------------------------------------------


def html(data: Mapping[str, Any], sides: Sequence[Side], settings: Mapping[str, Any]) -> str:
    """The comparison as one self-contained page; `settings` are those in which the runs differ."""
    falls = [w for w, m in METRICS.items() if isinstance(m, Metric) and m.lower_is_better]
    drawings = {"bars": _bars(data), "learning": _learning(sides, data["metric"])}
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            data=data,
            settings=settings,
            lower_is_better=falls,
            # safe: ours, and plots.svg escapes the names of runs
            drawings={name: Markup(svg) for name, svg in drawings.items()},
        )
    )


def _bars(data: Mapping[str, Any]) -> str:
    """A bar a run for the main metric, with its interval, and a mark where its baseline is."""
    word = data["metric"]
    known = [run for run in data["runs"] if run["figures"].get(word)]
    if not known:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, run in enumerate(known):
            got = run["figures"][word]
            axes.barh(place, got["value"], height=0.6, color=plots.SERIES[2], linewidth=0)
            axes.plot([got["low"], got["high"]], [place] * 2, color=plots.INK, linewidth=1.1)
            if before := run["baseline"].get(word):
                axes.plot([before["value"]] * 2, [place - 0.3, place + 0.3], color=plots.INK)
            axes.text(got["high"], place, f"  {got['value']:.3f}", va="center", color=plots.INK)
        axes.set_yticks(range(len(known)), [plots.short(run["name"]) for run in known])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(left=0)
        axes.margins(x=0.18)

    said = ", ".join(f"{run['name']} {run['figures'][word]['value']:.3f}" for run in known)
    return plots.svg(
        "bars", f"{metric_title(word)} by run: {said}", draw, (4.6, 1 + 0.4 * len(known))
    )


def _learning(sides: Sequence[Side], word: str) -> str:
    """The held-out main figure by step of each run's last stage that has one."""
    lines = {}
    for side in sides:
        curves = side.report.get("curves") or {}
        stages = [s for s in ("rlvr", "srl") if curves.get(s, {}).get(f"dev_{word}")]
        if stages:
            lines[side.name] = curves[stages[0]][f"dev_{word}"]
    if not lines:
        return ""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for n, (name, points) in enumerate(lines.items()):
            x, y = zip(*points, strict=True)
            colour = (*plots.SERIES[1:], plots.INK)[n // 4 % 4]
            axes.plot(x, y, color=colour, linestyle=plots.DASHES[n % 4], label=name)
        axes.set_xlabel("step of the last stage")
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_ylabel(metric_title(word))
        plots.legend(figure, *axes.get_legend_handles_labels())

    return plots.svg("learning", f"Held-out {metric_title(word)} by step of each run", draw)
