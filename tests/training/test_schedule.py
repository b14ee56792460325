import math

import pytest

from srlr.training.schedule import schedule


@pytest.mark.parametrize(
    ("kind", "step", "factor"),
    [
        # 12 steps, a sixth of them warming up: 2, then 10 to come down
        ("constant", 0, 0.5),
        ("constant", 1, 1.0),
        ("constant", 2, 1.0),
        ("constant", 11, 1.0),
        ("linear", 0, 0.5),
        ("linear", 1, 1.0),
        ("linear", 2, 1.0),
        ("linear", 7, 0.55),  # halfway from 1 to 0.1
        ("linear", 11, 1.0 - 0.9 * 0.9),
        ("cosine", 2, 1.0),
        ("cosine", 7, 0.55),
        ("cosine", 11, 0.1 + 0.45 * (1 + math.cos(0.9 * math.pi))),
    ],
)
def test_the_schedule_by_hand(kind, step, factor):
    assert schedule(kind, step, 12, 1 / 6) == pytest.approx(factor)


@pytest.mark.parametrize("kind", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("warmup_share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_the_schedule_always_moves_and_never_exceeds_one(kind, warmup_share, steps):
    factors = [schedule(kind, step, steps, warmup_share) for step in range(steps)]

    assert min(factors) > 0.0
    assert max(factors) == pytest.approx(1.0)
