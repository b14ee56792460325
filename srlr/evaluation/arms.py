"""Ways of training side by side: figures over seeds, and paired differences.

An arm is one way of training, run with several seeds; every run answers the same tasks. A figure's
interval resamples seeds and tasks both, so it covers other trainings and other test sets; a
difference is a mean over seeds whose interval and p resample tasks, and each seed's own is told.
Axes: S seeds, B resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from srlr.evaluation import sampled
from srlr.evaluation.compare import (
    Difference,
    Interval,
    Resampling,
    additive,
    align,
    bounds,
    pooled_paired,
    weights,
)
from srlr.evaluation.markdown import plain, table
from srlr.evaluation.metrics import Metric, accuracy
from srlr.evaluation.outcomes import Attempt, Floats, Schema, outcomes
from srlr.evaluation.sentences import metric_name, p_value, signed


@dataclass(frozen=True, slots=True)
class Answers:
    """What one run said: greedily, and drawn (none where nothing was)."""

    greedy: Sequence[Attempt]
    drawn: Sequence[Attempt]


Runs = Mapping[int, Answers]
"""An arm's answers by seed."""


def figures(runs: Runs, word: str, schema: Schema, how: Resampling) -> dict[str, Any]:
    """An arm's metric by seed, its mean with an interval, and avg@k likewise where answers were
    drawn.

    Raises:
        ConfigError: the runs were asked different tasks, or the metric cannot be resampled.
    """
    metric = additive(word, schema)
    by_seed = {seed: metric(one.greedy, schema) for seed, one in runs.items()}
    first = next(iter(runs.values())).greedy
    features = []
    for one in runs.values():
        rows = [row for _, row in align(first, one.greedy).values()]
        features.append(metric.features(outcomes(rows, schema)))
    found: dict[str, Any] = {
        "by_seed": by_seed,
        "mean": asdict(over_seeds(features, metric, how)),
        "avg": None,
    }
    if all(one.drawn for one in runs.values()):
        shares = [sampled.shares(one.drawn, schema) for one in runs.values()]
        each = [sampled.features_of(one, list(shares[0])) for one in shares]
        found["avg"] = asdict(over_seeds(each, accuracy, how))
    return found


def over_seeds(features_S: Sequence[Floats], metric: Metric, how: Resampling) -> Interval:
    """The mean over seeds of a metric, with an interval from seeds and tasks drawn anew.

    Args:
        features_S: of each seed's run, a row for each of the same tasks.
    """
    of_tasks, of_seeds = np.random.default_rng(how.seed).spawn(2)
    value = float(np.mean([metric.value(one.sum(axis=0)) for one in features_S]))
    drawn = []
    for w in weights(of_tasks, len(features_S[0]), how.samples):
        each_BS = np.stack([metric.value(w @ one) for one in features_S], axis=1)
        chosen_BS = of_seeds.integers(0, len(features_S), size=each_BS.shape)
        drawn.append(np.take_along_axis(each_BS, chosen_BS, axis=1).mean(axis=1))
    return Interval(value, *bounds(np.concatenate(drawn), how.level))


def difference(
    first: Runs, second: Runs, word: str, schema: Schema, how: Resampling
) -> dict[str, Any] | None:
    """second − first over the seeds both have, in the metric and in avg@k; None without such seeds.

    Raises:
        ConfigError: two runs were asked different tasks.
    """
    seeds = [seed for seed in first if seed in second]
    if not seeds:
        return None
    both = [(first[seed].greedy, second[seed].greedy) for seed in seeds]
    gap = pooled_paired(both, word, schema, how)
    found: dict[str, Any] = {"seeds": seeds, "metric": asdict(gap), "avg": None}
    if all(side[seed].drawn for side in (first, second) for seed in seeds):
        pairs = [
            (sampled.shares(first[s].drawn, schema), sampled.shares(second[s].drawn, schema))
            for s in seeds
        ]
        found["avg"] = asdict(sampled.pooled(pairs, how))
    return found


# -- the table -------------------------------------------------------------------------------------


def markdown(study: Mapping[str, Any]) -> str:
    """The study's tables, as management.ablation has it in JSON."""
    name = metric_name(study["metric"])
    budget = f"{study['budget']:,} tokens" if study["budget"] else "no budget"
    seeds = ", ".join(map(str, study["seeds"]))
    head = (
        f"# {study['name']}\n\n"
        f"Role {plain(study['role'])}, model {plain(study['model'])}. An arm may put {budget} "
        f"through the model, forward and backward, held-out scoring left out. Seeds {seeds}; "
        f"{study['tasks']} {study['split']} tasks, {study['level']:.0%} intervals over seeds and "
        f"tasks."
    )
    parts = [head, _results(study, name)]
    parts += [_gaps(study, other, name) for other in study["against"]]
    parts += [f"## Trials, on {study['dev_tasks']} dev tasks, seed {study['seeds'][0]}"]
    parts += [_trials(study, name)]
    failed = [f"- failed: {_code(one['cell'])}: {plain(one['what'])}" for one in study["failed"]]
    parts.append("\n".join(failed))
    return "\n\n".join(part for part in parts if part) + "\n"


def _results(study: Mapping[str, Any], name: str) -> str:
    seeds = [str(seed) for seed in study["seeds"]]
    drawn = [f"avg@{study['samples']}"] if study["samples"] > 1 else []
    head = ["arm", "tokens", "time", *(f"seed {seed}" for seed in seeds), f"{name}, mean", *drawn]
    lines = []
    for arm, one in study["arms"].items():
        test = one["test"] or {"by_seed": {}, "mean": None, "avg": None}
        by_seed = {str(seed): value for seed, value in test["by_seed"].items()}
        lines.append(
            [
                _code(arm),
                "–" if one["tokens"] is None else f"{one['tokens']:,.0f}",
                "–" if one["seconds"] is None else f"{one['seconds']:,.0f} s",
                *(_number(by_seed.get(seed)) for seed in seeds),
                _interval(test["mean"]),
                *([_interval(test["avg"])] if drawn else []),
            ]
        )
    return table(head, lines)


def _gaps(study: Mapping[str, Any], other: str, name: str) -> str:
    drawn = [f"avg@{study['samples']}", "p "] if study["samples"] > 1 else []
    lines = []
    for arm, one in study["arms"].items():
        gap = one["against"].get(other)
        if gap is None:
            continue
        cells = [_code(arm), *_gap(gap["metric"])]
        lines.append([*cells, *(_gap(gap["avg"]) if drawn else ())])
    body = table([f"minus {_code(other)}", name, "p", *drawn], lines)
    return f"## Against {_code(other)}, on the same tasks and seeds\n\n{body}" if body else ""


def _trials(study: Mapping[str, Any], name: str) -> str:
    lines = []
    for arm, one in study["arms"].items():
        for number, trial in enumerate(one["trials"]):
            words = " ".join(map(_code, trial["words"])) or "–"
            chosen = "chosen" if number == one["chosen"] else ""
            lines.append([f"{_code(arm)}, {number + 1}", words, _number(trial["dev"]), chosen])
    return table(["trial", "words", f"dev {name}", ""], lines)


def _code(word: str) -> str:
    """A word as it is typed; nothing in it ends the code or the cell."""
    return "`" + word.replace("`", "'").replace("|", "/") + "`"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "–"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _gap(value: Mapping[str, Any] | None) -> list[str]:
    if value is None:
        return ["–", "–"]
    gap = Difference(**{**value, "runs": tuple(value["runs"])})
    return [signed(gap), plain(p_value(gap.p))]
