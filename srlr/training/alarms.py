"""When a training loop is going wrong, as its own figures tell: a pure policy over what it logged.

    decide(history, settings, stage, main) -> [Alarm(name, step, why, advice, action), …]

    nan             loss, divergence or gradient no finite number in `nan_steps` steps in a row
    spike           gradient or loss over `spike_deviations` · 1.4826 · MAD above the median of the
                    4 windows before, and more than once that median above it
    kl              the window's divergence over `kl_over_target` times its target
    entropy         the window's entropy below `entropy_share_min` of the first window's
    length          the window's answers `length_factor` times longer or shorter than the first's
    zero_spread     all answers worth the same in `zero_spread_share` of the window's groups
    reward_hacking  the reward has risen while the held-out figure fell

A window is `window` steps and speaks with its median, so one odd step raises nothing but `spike`.

An imitation has to go as far from its reference as its loss falls, a nat for a nat: its target is
max_kl and that fall.

Held-out figures fall by chance too. Reward hacking wants the last two of them below the best by
`reward_hacking_fall` and by a standard error of a difference on `eval_tasks` tasks, or the last one
by twice as much, and a reward risen by over two standard errors. Where the reward is flat it is
silent whatever the held-out figure does: then patience ends the run.

The defaults were checked against 11 imitation and 7 GRPO runs of SmolLM2-135M-Instruct on sentiment
(44 to 143 and 10 to 36 steps) and raise nothing in them. Nearest came a gradient 8.8 deviations
high, a divergence of 2.2 (imitation) and 4.1 times its target (GRPO), an entropy 0.37 of the first,
answers 0.87 times as long, 87 % of the groups without spread, a held-out fall of 0.04 in a run that
recovered and one of 0.12 without a rise of the reward.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from srlr.core.training import ByTrl, Loop

Row = Mapping[str, Any]
"""One line of a loop's log: its step, and a step's figures or held-out figures (dev_…)."""

MAD_TO_DEVIATION = 1.4826
"""The standard deviation of normal numbers over the median of their distances from the median."""
MEDIAN_ERROR = 1.2533
"""√(π/2): how much less sure a median of normal numbers is than their mean."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """`why` has the figures, `advice` the key to change and to what, `action` what is done."""

    name: str
    step: int
    why: str
    advice: str
    action: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A history in order of steps: all that were taken, those that had something to learn from, and
    the held-out figures as (step, figure).
    """

    taken: Sequence[Row]
    learnt: Sequence[Row]
    held_out: Sequence[tuple[int, float]]
    settings: Loop | ByTrl
    stage: str

    def key(self, name: str, value: float) -> str:
        """An override: `rlvr.learning_rate=5e-06`; of a warm-up's keys, only this is its own."""
        node = self.stage if name == "learning_rate" else self.stage.removesuffix(".warm_up")
        return f"{node}.{name}={value:g}"

    def slower(self) -> str:
        return self.key("learning_rate", self.settings.learning_rate / 2)

    def nearer(self) -> str:
        if isinstance(self.settings, ByTrl):
            return self.slower()
        return self.key("kl_penalty_weight", self.settings.kl_penalty_weight * 2 or 0.01)


Check = Callable[[Trace], tuple[str, str] | None]
"""Why an alarm is raised and the advice, or None."""


def decide(history: Sequence[Row], settings: Loop | ByTrl, stage: str, main: str) -> list[Alarm]:
    """The alarms that the last step raises.

    Args:
        history: what the loop has logged, in order.
        stage: the config node of the settings, for the advice.
        main: the held-out figure to be high.
    """
    taken = [row for row in history if "loss" in row]
    if not taken:
        return []
    figure = f"dev_{main}"
    trace = Trace(
        taken,
        [row for row in taken if row.get("kept_share", 1.0) > 0.0],
        [(row["step"], row[figure]) for row in history if math.isfinite(row.get(figure, math.nan))],
        settings,
        stage,
    )
    raised = []
    for name, check in CHECKS.items():
        action = getattr(settings.alarms, name)
        found = check(trace) if action != "off" else None
        if found is not None:
            raised.append(Alarm(name, taken[-1]["step"], *found, action))
    return raised


def actions(settings: Loop | ByTrl) -> set[str]:
    """What the alarms may do, taken together."""
    return {getattr(settings.alarms, name) for name in CHECKS}


def column(rows: Sequence[Row], name: str) -> list[float]:
    """A figure's finite values."""
    return [row[name] for row in rows if math.isfinite(row.get(name, math.nan))]


def deviation(values: Sequence[float]) -> float:
    """The standard deviation as the median of distances from the median tells it."""
    centre = median(values)
    return MAD_TO_DEVIATION * median(abs(value - centre) for value in values)


def _ends(trace: Trace, name: str) -> tuple[float, float] | None:
    """The median of a figure's first window and of its last, where they do not overlap."""
    values, window = column(trace.learnt, name), trace.settings.alarms.window
    if len(values) < 2 * window:
        return None
    return median(values[:window]), median(values[-window:])


def _nan(trace: Trace) -> tuple[str, str] | None:
    steps = trace.settings.alarms.nan_steps
    last = trace.taken[-steps:]
    names = ("loss", "kl", "grad_norm")
    broken = [not all(math.isfinite(row.get(name, 0.0)) for name in names) for row in last]
    if len(last) < steps or not all(broken):
        return None
    return (
        f"loss or gradient was not a finite number in {steps} steps in a row, which were left out",
        f"{trace.slower()}, and hardware.compute_dtype=float32 where it is bfloat16",
    )


def _spike(trace: Trace) -> tuple[str, str] | None:
    if trace.learnt[-1:] != trace.taken[-1:]:
        return None  # nothing was learnt in the last step
    node = trace.settings.alarms
    for name, title in (("grad_norm", "gradient norm"), ("loss", "loss")):
        before = column(trace.learnt[-4 * node.window - 1 : -1], name)
        last = trace.learnt[-1].get(name, math.nan)
        if len(before) < 2 * node.window or not math.isfinite(last):
            continue
        centre, spread = median(before), deviation(before)
        above = last - centre
        if (centre or spread) and above > max(node.spike_deviations * spread, abs(centre)):
            many = f"{above / spread:.0f} deviations" if spread else "far"
            return (
                f"{title} {last:.3g}, {many} above its median of {centre:.3g}",
                f"{trace.key('max_grad_norm', trace.settings.max_grad_norm / 2)}, "
                f"or {trace.slower()}",
            )
    return None


def _kl(trace: Trace) -> tuple[str, str] | None:
    node = trace.settings.alarms
    values = column(trace.learnt, "kl")[-node.window :]
    if len(values) < node.window or isinstance(trace.settings, ByTrl):
        return None
    target, moved = trace.settings.max_kl, median(values)
    if "reward" not in trace.taken[-1]:
        loss = _ends(trace, "loss")
        target += math.inf if loss is None else max(0.0, loss[0] - loss[1])
    if moved <= node.kl_over_target * target:
        return None
    return (
        f"the divergence is {moved:.3g} nats a token, {moved / target:.2g} times its target of "
        f"{target:.3g}",
        f"{trace.nearer()}, or {trace.slower()}",
    )


def _entropy(trace: Trace) -> tuple[str, str] | None:
    ends = _ends(trace, "entropy")
    if ends is None or ends[1] >= trace.settings.alarms.entropy_share_min * ends[0]:
        return None
    return (
        f"entropy fell from {ends[0]:.3g} to {ends[1]:.3g} nats a token: answers hardly vary",
        f"{trace.slower()}, or {trace.nearer()}",
    )


def _length(trace: Trace) -> tuple[str, str] | None:
    ends, factor = _ends(trace, "response_tokens"), trace.settings.alarms.length_factor
    if ends is None or ends[0] / factor <= ends[1] <= ends[0] * factor:
        return None
    way = "longer" if ends[1] > ends[0] else "shorter"
    return (
        f"answers grew {way}: from {ends[0]:.3g} to {ends[1]:.3g} tokens",
        f"look whether a reward pays for {way} answers (role.rewards), then {trace.nearer()}",
    )


def _zero_spread(trace: Trace) -> tuple[str, str] | None:
    node = trace.settings.alarms
    differ = column(trace.taken, "spread_share")  # where groups without spread are kept
    kept = (differ or column(trace.taken, "kept_share"))[-node.window :]
    if len(kept) < node.window or 1.0 - fmean(kept) < node.zero_spread_share:
        return None
    samples = getattr(trace.settings, "samples_per_prompt", 8)
    return (
        f"in {1.0 - fmean(kept):.0%} of the groups of {node.window} steps all answers are worth "
        f"the same, {fmean(column(trace.taken, 'reward')[-node.window :] or [0.0]):.2f} on average",
        f"{trace.key('samples_per_prompt', 2 * samples)}, or other tasks: these are always or "
        "never solved",
    )


def _reward_hacking(trace: Trace) -> tuple[str, str] | None:
    rows = [row for row in trace.taken if math.isfinite(row.get("reward", math.nan))]
    if not trace.held_out or not rows:
        return None
    best_step, best = max(trace.held_out, key=lambda one: one[1])
    chance = math.sqrt(max(0.0, 2.0 * best * (1.0 - best)) / trace.settings.eval_tasks)
    least = max(trace.settings.alarms.reward_hacking_fall, chance)
    falls = [best - figure for step, figure in trace.held_out if step > best_step]
    rewards = _before_and_after(rows, best_step, 2 * trace.settings.alarms.window)
    if rewards is None or not _has_fallen(falls, least) or not _has_risen(*rewards):
        return None
    first, last = map(median, rewards)
    return (
        f"the reward rose from {first:.3f} to {last:.3f} while the held-out figure fell from "
        f"{best:.3f} at step {best_step} to {best - falls[-1]:.3f}",
        "read answers the reward likes and change role.rewards; until then "
        + (trace.key("max_steps", best_step) if best_step else trace.nearer()),
    )


def _before_and_after(
    rows: Sequence[Row], step: int, most: int
) -> tuple[list[float], list[float]] | None:
    """Rewards up to a step and the last ones; the halves of the rest where that step is too
    early; None below 3 in each.
    """
    rewards = column(rows, "reward")
    early = sum(row["step"] <= step for row in rows)
    if early < 3:
        early += (len(rewards) - early) // 2
    before, after = rewards[:early][-most:], rewards[early:][-most:]
    return (before, after) if min(len(before), len(after)) >= 3 else None


def _has_fallen(falls: Sequence[float], least: float) -> bool:
    twice = len(falls) >= 2 and min(falls[-2:]) > least
    return bool(falls) and falls[-1] > least and (twice or falls[-1] > 2 * least)


def _has_risen(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether the medians differ by more than two standard errors, upwards."""
    variance = deviation(before) ** 2 / len(before) + deviation(after) ** 2 / len(after)
    return median(after) - median(before) > 2 * MEDIAN_ERROR * math.sqrt(variance)


CHECKS: Mapping[str, Check] = {
    "nan": _nan,
    "spike": _spike,
    "kl": _kl,
    "entropy": _entropy,
    "length": _length,
    "zero_spread": _zero_spread,
    "reward_hacking": _reward_hacking,
}
