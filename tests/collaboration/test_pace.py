import asyncio
import random

import pytest

from srlr.collaboration.pace import OPENINGS, Pace, backoff_s


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def pace(most=8, failures=3, cool_down_s=10.0):
    clock = Clock()
    return Pace(most, failures, cool_down_s, clock), clock


def test_a_429_halves_what_is_under_way_once_for_a_burst_and_answers_bring_it_back():
    gate, clock = pace()
    gate.busy(entered_at=90.0, retry_after_s=None)
    gate.busy(entered_at=95.0, retry_after_s=None)  # sent before the cut

    assert gate.width == 4
    clock.now = 101.0
    gate.busy(entered_at=100.5, retry_after_s=None)
    assert gate.width == 2
    for _ in range(5):  # 2 + 1/2 + 1/2.5 + …
        gate.well()
    assert gate.width == 3
    for _ in range(200):
        gate.well()
    assert gate.width == 8


def test_it_never_falls_below_one():
    gate, clock = pace()
    for _ in range(20):
        clock.now += 1
        gate.busy(clock.now, None)
    assert gate.width == 1


def test_the_circuit_opens_lets_one_through_and_is_given_up_in_the_end():
    gate, _ = pace()
    for _ in range(3):
        gate.failed()
    assert gate.openings == 1
    assert gate.width == 1
    gate.well()
    assert gate.width == 8
    for _ in range(3 + OPENINGS - 1):
        gate.failed()
    assert gate.given_up


def test_nobody_enters_before_the_moment_that_was_said():
    async def enter():
        gate = Pace(2, 3, 0.0)
        gate.busy(0.0, 0.1)
        began = gate.clock()
        return await gate.enter() - began

    assert asyncio.run(enter()) >= 0.1


def test_no_more_enter_than_there_is_room_for():
    async def crowd():
        gate, most = Pace(3, 3, 0.0), 0

        async def one():
            nonlocal most
            await gate.enter()
            most = max(most, gate.under_way)
            await asyncio.sleep(0.001)
            await gate.leave()

        await asyncio.gather(*(one() for _ in range(20)))
        return most, gate.under_way

    assert asyncio.run(crowd()) == (3, 0)


@pytest.mark.parametrize(("attempt", "most"), [(0, 0.5), (1, 1.0), (3, 4.0), (20, 60.0)])
def test_backoff_is_drawn_evenly_up_to_a_doubling_bound(attempt, most):
    drawn = [backoff_s(0.5, attempt, random.Random(n)) for n in range(400)]

    assert 0 <= min(drawn) < 0.1 * most
    assert 0.9 * most < max(drawn) <= most
