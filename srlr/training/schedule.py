"""How the learning rate goes over a run."""

import math


def schedule(kind: str, step: int, steps: int, warmup_share: float) -> float:
    """The learning rate's factor in (0, 1] at `step` of `steps` (both counted from 0).

    A linear rise over the first `warmup_share` of the steps, then constant, a line or half a cosine
    down to a tenth (so that the last steps still move).
    """
    warmup = max(1, round(steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return _fall(kind, (step - warmup) / max(1, steps - warmup))


def schedule_at(kind: str, share: float, warmup_share: float) -> float:
    """As `schedule`, where a `share` in [0, 1) of the work is done and its steps are not known.

    The rise begins at a tenth, so that the first step moves too.
    """
    if share < warmup_share:
        return 0.1 + 0.9 * share / warmup_share
    return _fall(kind, (share - warmup_share) / max(1e-9, 1.0 - warmup_share))


def _fall(kind: str, done: float) -> float:
    if kind == "constant":
        return 1.0
    if kind == "linear":
        return 1.0 - 0.9 * done
    return 0.1 + 0.45 * (1.0 + math.cos(math.pi * done))
