"""An open loop: requests come whether or not the ones before are answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.models.load import arrivals, kept_up, open_loop


class Server:
    """A clock that stands still but for sleeping and answering."""

    def __init__(self, seconds):
        self.now, self.seconds, self.batches = 0.0, seconds, []

    def answer(self, numbers):
        self.batches.append(list(numbers))
        self.now += self.seconds(len(numbers))

    def sleep(self, seconds):
        self.now += seconds

    def run(self, due, at_most=10, told=lambda done, total: None):
        return open_loop(
            self.answer,
            1.0,
            due,
            at_most,
            clock=lambda: self.now,
            sleep=self.sleep,
            told=told,
        )


def test_who_waits_is_answered_together():
    """Two come while the first is answered; the fourth comes when nobody waits."""
    server, heard = Server(lambda _: 1.0), []
    load = server.run([0.5, 1.0, 1.2, 5.0], told=lambda *both: heard.append(both))

    assert server.batches == [[0], [1, 2], [3]]
    assert heard == [(1, 4), (3, 4), (4, 4)]
    assert (load.answers, load.seconds, load.at_once_most) == (4, 6.0, 2)
    # answered at 1.5, 2.5, 2.5 and 6.0: after 1.0, 1.5, 1.3 and 1.0 s
    assert (load.latency_s.p50, load.latency_s.p99) == pytest.approx((1.0, 1.5))


def test_no_more_than_so_many_at_once():
    server = Server(lambda _: 1.0)
    server.run([0.0] * 5, at_most=2)

    assert server.batches == [[0, 1], [2, 3], [4]]


def test_a_server_that_is_too_slow_falls_behind():
    slow, fast = Server(lambda n: 1.2 * n), Server(lambda n: 0.8 * n)
    due = [float(n) for n in range(60)]

    assert not slow.run(due, at_most=1).kept_up
    assert fast.run(due, at_most=1).kept_up


def test_two_requests_tell_nothing_of_a_queue():
    assert kept_up([1.0, 9.0])
    assert not kept_up([1.0, 1.0, 9.0])


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40), st.integers(1, 7))
def test_everybody_is_answered_once_and_after_coming(moments, at_most):
    due, server = sorted(moments), Server(lambda n: 0.1 * n)
    load = server.run(due, at_most)

    assert sorted(n for batch in server.batches for n in batch) == list(range(len(due)))
    assert load.at_once_most <= at_most
    assert load.latency_s.p50 > 0


def test_arrivals_have_the_rate_and_are_the_same_each_time():
    found = arrivals(10.0, 100.0)

    assert found == arrivals(10.0, 100.0)
    assert len(found) == pytest.approx(1000, rel=0.1)  # standard deviation 32
    assert found == sorted(found)
    assert found[-1] < 100.0


def test_at_least_one_request_comes():
    assert len(arrivals(0.001, 0.001)) == 1
