import signal
import threading
import time

import pytest

from srlr.core.errors import ConfigError
from srlr.core.types import Reward, Task
from srlr.rewards.judging import judged, prejudge

TASK = Task("7", "2 + 2?", {"answer": 4})


def raises(task, text):
    return Reward(1 / 0)


def hangs(task, text):
    while True:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (lambda task, text: Reward(0.25), 0.25),
        (lambda task, text: Reward(-1.0), -1.0),
        (lambda task, text: Reward(True), 1.0),
        (lambda task, text: None, None),
    ],
)
def test_a_value_or_none(function, value):
    assert judged("right", function, TASK, "4") == value


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raises, "ZeroDivisionError"),
        (lambda task, text: Reward(float("nan")), "nan"),
        (lambda task, text: Reward(1.5), "1.5"),
        (lambda task, text: 0.5, "0.5"),
        (hangs, "no result after 0.05 s"),
    ],
)
def test_anything_else_names_the_reward_the_task_and_the_answer(function, said):
    with pytest.raises(ConfigError) as refused:
        judged("right", function, TASK, "four", 0.05)

    for part in ("role.rewards.right", "'7'", "'four'", said):
        assert part in refused.value.what
    assert "mend it" in refused.value.hint


def test_a_reward_may_take_its_time_afterwards():
    """The alarm of one call does not go off in what follows."""
    judged("right", lambda task, text: Reward(1.0), TASK, "4", 0.02)
    time.sleep(0.05)

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_another_thread_it_is_called_without_a_limit():
    found = []
    thread = threading.Thread(
        target=lambda: found.append(judged("right", lambda *_: Reward(1.0), TASK, "4"))
    )
    thread.start()
    thread.join()

    assert found == [1.0]


def test_what_goes_wrong_beforehand_is_left_to_the_rewards(caplog):
    prejudge(lambda answers: raises(*answers[0]), [(TASK, "4")])
    prejudge(lambda answers: hangs(*answers[0]), [(TASK, "4")], limit_s=0.05)
    said = [record.getMessage() for record in caplog.records]

    assert len(said) == 2
    assert "ZeroDivisionError: division by zero" in said[0]
    assert all(one.startswith("answers are judged one by one") for one in said)


def test_without_answers_nothing_is_asked_beforehand(caplog):
    prejudge(lambda answers: raises(TASK, "4"), [])

    assert not caplog.records
