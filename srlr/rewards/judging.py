"""Calling a reward that somebody else wrote: what it may return, and how long it may take."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from srlr.core.errors import ConfigError
from srlr.core.types import Reward, Task

log = logging.getLogger(__name__)

LIMIT_S = 60.0
"""A reward is a small pure function; one that takes longer hangs. It ends the stage, so that no
result ever depends on the clock."""


def judged(
    name: str,
    function: Callable[[Task, str], Reward | None],
    task: Task,
    text: str,
    limit_s: float = LIMIT_S,
) -> float | None:
    """The reward's value in [-1, 1]; None where it cannot judge the answer.

    Raises:
        ConfigError: it raised, took longer than `limit_s`, or returned something else.
    """
    where = f"role.rewards.{name} on the answer {text[:200]!r} to task {task.id!r}"
    try:
        with _limited(limit_s):
            reward = function(task, text)
    except _TooLongError as late:
        raise ConfigError(f"{where}: no result after {limit_s:g} s", _HINT) from late
    except Exception as error:
        raise ConfigError(f"{where}: {type(error).__name__}: {error}", _HINT) from error
    if reward is None:
        return None
    if not isinstance(reward, Reward) or not -1.0 <= reward.value <= 1.0:  # nan is in no range
        raise ConfigError(f"{where}: it returned {reward!r}", _HINT)
    return float(reward.value)


def prejudge(
    function: Callable[[Sequence[tuple[Task, str]]], None],
    answers: Sequence[tuple[Task, str]],
    limit_s: float = LIMIT_S,
) -> None:
    """Shows a role the answers that its rewards are asked about next, so that it can do their work
    in parallel.

    What goes wrong in it is left to the rewards, which meet it again and say for which answer.
    """
    if not answers:
        return
    try:
        with _limited(limit_s * len(answers)):
            function(answers)
    except Exception as error:  # noqa: BLE001 - somebody else's code, and nothing depends on it
        log.warning(
            "answers are judged one by one: role.prejudge: %s: %s", type(error).__name__, error
        )


_HINT = "mend it: a reward returns a Reward with a value from -1 to 1, or None, and raises nothing"


class _TooLongError(Exception):
    pass


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises _TooLongError in the block once the time is up; only a main thread can be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
