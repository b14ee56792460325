import random

import pytest

from srlr.core.swapping import Swap
from srlr.serving.outcomes import Outcome
from srlr.serving.strategies import Facts, carries, decide, plan

RULES = Swap(min_requests=50, min_seconds=60, max_seconds=600)


def answers(count, version="v2", seed=0, errors=0.0, seconds=0.1, **how):
    draw = random.Random(seed)
    return [
        Outcome(
            f"{n}",
            version,
            float(n),
            seconds * draw.uniform(0.8, 1.2),
            draw.random() >= errors,
            **how,
        )
        for n in range(count)
    ]


def facts(new, old=None, step=0, seconds=10.0, carries=100):
    old = answers(400, "v1", seed=9) if old is None else old
    return Facts(step, RULES.steps[step], seconds, len(new), new, old, carries)


def test_a_step_ends_after_enough_answers_or_enough_time():
    assert decide(facts(answers(49)), RULES).do == "hold"
    assert decide(facts(answers(50)), RULES).do == "advance"
    assert decide(facts(answers(3), seconds=60), RULES).do == "advance"
    assert decide(facts([], seconds=60), RULES).do == "advance"


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (answers(200, errors=0.3), "errors"),
        (answers(200, seconds=0.2), "time to an answer"),
        (answers(200, violation=True), "violations"),
        (answers(5, errors=1.0), "all 5 answers failed"),
    ],
)
def test_a_worse_version_is_taken_back_and_the_reason_named(new, why):
    found = decide(facts(new), RULES)

    assert found.do == "rollback"
    assert why in found.why


def test_feedback_counts_where_there_is_some():
    old = answers(200, "v1", quality=0.9)

    assert decide(facts(answers(200, quality=0.5), old), RULES).do == "rollback"
    assert decide(facts(answers(200), old), RULES).do == "advance"


def test_a_version_within_the_margins_stays():
    assert decide(facts(answers(400, seconds=0.115, errors=0.005)), RULES).do == "advance"


def test_of_versions_that_are_alike_few_are_taken_back():
    """alpha bounds it for a whole swap; here one step of five is looked at after each answer."""
    taken = 0
    for seed in range(12):
        new = answers(120, seed=seed, errors=0.05)
        old = answers(120, "v1", seed=seed + 1000, errors=0.05)
        looks = (decide(facts(new[:n], old[:n]), RULES).do for n in (40, 80, 120))
        taken += "rollback" in looks

    assert taken <= 1


def test_no_step_to_more_than_it_carries():
    held = decide(facts(answers(50), carries=4), RULES)

    assert (held.do, held.why) == ("hold", "its workers carry 4 % of the traffic, not 5 %")
    assert decide(facts(answers(50), carries=5), RULES).do == "advance"
    assert decide(facts(answers(50), seconds=600, carries=4), RULES).do == "rollback"


@pytest.mark.parametrize(
    ("room", "per_s", "seconds", "share"),
    [(8, 60, 0.05, 100), (1, 60, 0.05, 33), (8, 100, 1.0, 8), (8, 0, 1.0, 100), (0, 10, 1.0, 0)],
)
def test_what_a_version_carries_is_its_room_over_what_is_needed(room, per_s, seconds, share):
    assert carries(room, per_s, seconds) == share


def test_what_each_strategy_does():
    plans = {
        name: plan(Swap(strategy=name))
        for name in ("gradual", "stateless", "stateful", "emergency")
    }

    assert plans["gradual"].steps == (1, 5, 25, 50, 100)
    assert plans["gradual"].judged
    assert {plans[name].steps for name in ("stateless", "stateful", "emergency")} == {(100,)}
    assert [name for name, one in plans.items() if one.moves_streams] == ["stateful", "emergency"]
