"""generate/report.html: what was written, what was turned down and why, and how varied the set is.

Problems, steps and reasons are other people's and models' text: the template escapes all of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from srlr.core.types import Trajectory
from srlr.evaluation.page import environment
from srlr.stages import generate_plots
from srlr.stages.generate_report import tally

SAMPLES = 9
REASONS = 20


def html(
    identity: Mapping[str, Any],
    summary: Mapping[str, Any],
    quality: Mapping[str, Any],
    *,
    prompts: Sequence[str],
    accepted: Sequence[Trajectory],
    rejected: Sequence[Trajectory],
) -> str:
    """The page in one file: no script, no request, no asset; the same text for equal values.

    Args:
        identity: role, tier, run and teacher, as the page's first line names them.
        prompts: of all drawn tasks.
    """
    reasons = tally(issue for one in rejected for issue in one.issues)
    return environment("srlr.stages").get_template("generate.html.j2").render(
        identity=identity,
        summary=summary,
        quality=quality,
        headline=headline(summary),
        checks=_checks((*accepted, *rejected)),
        reasons=list(reasons.items())[:REASONS],
        more_reasons=max(0, len(reasons) - REASONS),
        cost=list(_flat(summary.get("cost") or {})),
        samples=_spread(accepted, SAMPLES),
        turned_down=_by_reason(rejected, SAMPLES),
        drawings=_drawings(summary, quality, prompts, rejected),
    )  # fmt: skip


def headline(summary: Mapping[str, Any]) -> str:
    """What came out, as a sentence."""
    asked, accepted = summary["asked"], summary["accepted"]
    if not asked:
        return f"No trajectories were asked for: {summary['drawn']:,} tasks go to RLVR."
    return f"{accepted:,} of {asked:,} trajectories passed the verifier ({accepted / asked:.1%})."


def _drawings(
    summary: Mapping[str, Any],
    quality: Mapping[str, Any],
    prompts: Sequence[str],
    rejected: Sequence[Trajectory],
) -> dict[str, Markup]:
    whence = {"agreed": summary["agreed"], **summary["overridden"], "rejected": summary["rejected"]}
    outcomes = {name: count for name, count in whence.items() if count}
    checks = tally(issue.partition(":")[0] for one in rejected for issue in one.issues)
    distinct = {
        f"{what}, {n} word{'s' if n != '1' else ''}": share
        for what, shares in quality["distinct"].items()
        for n, share in shares.items()
    }
    found = {
        "outcomes": generate_plots.bars("Trajectories", outcomes, generate_plots.GREEN),
        "rejects": generate_plots.bars("Reasons by check", checks, generate_plots.OCHRE),
        "labels": generate_plots.bars("Labels drawn", quality["labels"]["counts"]),
        "distinct": generate_plots.bars("Different word runs", distinct),
        "quotas": generate_plots.quotas(quality["edge_cases"]),
        "lengths": generate_plots.lengths(prompts),
    }
    # safe: generate_plots escapes every text in them
    return {name: Markup(drawing) for name, drawing in found.items()}


def _checks(trajectories: Sequence[Trajectory]) -> list[tuple[str, Counter[str]]]:
    """By check how often it passed, failed and could not judge, over every attempt."""
    said: dict[str, Counter[str]] = {}
    for one in trajectories:
        for check, outcome in one.meta.get("checks", {}).items():
            said.setdefault(check, Counter())[outcome] += 1
    return list(said.items())


def _spread(trajectories: Sequence[Trajectory], most: int) -> list[Trajectory]:
    """Some from all over the set, in its order."""
    if len(trajectories) <= most:
        return list(trajectories)
    return [trajectories[place * len(trajectories) // most] for place in range(most)]


def _by_reason(rejected: Sequence[Trajectory], most: int) -> list[Trajectory]:
    """The first that was turned down for each different set of checks, then others."""
    first: dict[tuple[str, ...], Trajectory] = {}
    for one in rejected:
        first.setdefault(tuple(issue.partition(":")[0] for issue in one.issues), one)
    chosen = list(first.values())
    return (chosen + [one for one in rejected if one not in chosen][: most - len(chosen)])[:most]


def _flat(cost: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """A cost's figures as lines, nested ones with their group's name before them."""
    for key, value in cost.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name} ")
        elif isinstance(value, float):
            yield name, f"{value:,.6g}"
        else:
            yield name, f"{value:,}" if isinstance(value, int) else str(value)
