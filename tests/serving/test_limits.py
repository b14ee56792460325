"""Places and turns."""

import asyncio

import pytest

from srlr.core.serving import Limits
from srlr.serving.asked import Busy
from srlr.serving.limits import Bucket, Lane, Rooms


async def hold(lane, until, order, name, running=1, waiting=2):
    async with lane.place("it", running, waiting):
        order.append(name)
        await until.wait()


def test_places_are_given_in_order_and_what_is_over_the_queue_is_refused():
    async def run():
        lane, until, order = Lane(), asyncio.Event(), []
        tasks = [asyncio.create_task(hold(lane, until, order, name)) for name in "abc"]
        await asyncio.sleep(0)
        with pytest.raises(Busy) as busy:
            await hold(lane, until, order, "d")
        until.set()
        await asyncio.gather(*tasks)
        return lane, order, busy.value.retry_after_s

    lane, order, retry_after_s = asyncio.run(run())

    assert order == ["a", "b", "c"]
    assert (lane.running, len(lane.queue)) == (0, 0)
    assert retry_after_s >= 1


def test_who_gives_up_waiting_leaves_its_turn_to_the_next():
    async def run():
        lane, until, order = Lane(), asyncio.Event(), []
        tasks = [asyncio.create_task(hold(lane, until, order, name)) for name in "abc"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        until.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return lane, order

    lane, order = asyncio.run(run())

    assert order == ["a", "c"]
    assert (lane.running, len(lane.queue)) == (0, 0)


def test_who_gives_up_as_its_turn_comes_hands_it_on():
    async def run():
        lane, first, order = Lane(), asyncio.Event(), []
        tasks = [asyncio.create_task(hold(lane, first, order, name)) for name in "abc"]
        await asyncio.sleep(0)
        first.set()
        await asyncio.sleep(0)  # a wakes and gives its place to b, which has not woken yet
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return lane, order

    lane, order = asyncio.run(run())

    assert order == ["a", "c"]
    assert lane.running == 0


def test_a_bucket_fills_with_time_and_never_over():
    bucket = Bucket(2.0, 0.0)

    assert [bucket.take(2, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert bucket.take(2, 0.0) == 30.0  # one in half a minute
    assert bucket.take(2, 30.0) == 0.0
    assert [bucket.take(2, 9999.0) for _ in range(3)] == [0.0, 0.0, 30.0]


def test_a_key_that_has_nothing_under_way_is_forgotten():
    async def run():
        rooms = Rooms()
        async with rooms.room("math", "ann", Limits()):
            held = set(rooms.keys)
        return held, rooms

    held, rooms = asyncio.run(run())

    assert held == {"ann"}
    assert rooms.keys == {}
    assert rooms.roles["math"].running == 0
