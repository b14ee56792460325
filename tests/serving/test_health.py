import pytest

from srlr.core.swapping import Health
from srlr.serving.health import Facts, decide, drift, pause_s, state
from srlr.serving.outcomes import Outcome

RULES = Health(min_answers=10, window_s=60, slo_seconds=1.0, quiet_s=30)
NOW = 1000.0


def answers(count=20, bad=0, **how):
    """`bad` of them as `how` says, the others well."""
    well = {"ok": True, "seconds": 0.1, "tokens": 10}
    return [
        Outcome(f"{n}", "v1", NOW - 1, **({**well, **how} if n < bad else well))
        for n in range(count)
    ]


def facts(outcomes=(), **how):
    return Facts("v1", **{"workers": 1, "outcomes": outcomes, "backup": "v0", **how})


@pytest.mark.parametrize(
    ("told", "found", "do"),
    [
        (facts(answers()), "healthy", "keep"),
        (facts(answers(20, 1, ok=False)), "healthy", "keep"),  # 5 % is the limit
        (facts(answers(20, 2, ok=False)), "degraded", "swap"),
        (facts(answers(20, 10, ok=False)), "failed", "emergency"),
        (facts(answers(9, 9, ok=False)), "healthy", "keep"),  # too few to judge by
        (facts(answers(20, 5, seconds=2.0)), "degraded", "swap"),
        (facts(answers(20, 4, seconds=2.0)), "healthy", "keep"),  # 20 % is the limit
        (facts(answers(20, 5, valid=False)), "degraded", "swap"),
        (facts(answers(20, 20, tokens=100), before=answers()), "degraded", "swap"),
        (facts(workers=0), "failed", "emergency"),
        (facts(checks_failed=3), "failed", "emergency"),
        (facts(checks_failed=2), "healthy", "keep"),
        (facts(workers=0, backup=None), "failed", "alarm"),
        (facts(answers(20, 10, ok=False), swapping=True), "failed", "keep"),
        (facts(answers(20, 10, ok=False), swapped_at=NOW - 10), "failed", "keep"),
        (facts(answers(20, 10, ok=False), swapped_at=NOW - 31), "failed", "emergency"),
        (facts(workers=0, swapped_at=NOW - 10), "failed", "emergency"),  # nobody answers at all
    ],
)
def test_what_is_found_and_done(told, found, do):
    assert state(told, NOW, RULES).state == found
    assert decide(told, NOW, RULES).do == do


def test_answers_before_the_window_do_not_count():
    told = facts(answers(20, 20, ok=False))

    assert state(told, NOW + 61, RULES).state == "healthy"


def test_it_only_tells_where_it_may_not_act():
    quiet = RULES.model_copy(update={"act": False})

    assert decide(facts(workers=0), NOW, quiet).do == "alarm"


def test_drift_is_half_the_sum_of_differences():
    short, long_ = answers(4), answers(4, 4, tokens=100)

    assert drift(short, short) == 0.0
    assert drift(short, long_) == 1.0
    assert drift(short, short[:2] + long_[:2]) == 0.5
    assert drift([], long_) == 0.0


def test_pauses_double_up_to_the_longest():
    rules = Health(restart_s=0.5, restart_max_s=3.0)

    assert [pause_s(n, rules) for n in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]
