from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from srlr.serving import slots as moves
from srlr.serving.slots import FOLLOWS, Forbidden, Slot, Slots, chosen, place

VERSIONS = st.sampled_from(["v1", "v2", "v3", "v4"])


def served(**shares):
    """`served(v2=5, v1=95)`: the newest first."""
    return Slots("r", tuple(Slot(v, "serving", share) for v, share in shares.items()))


def brought(slots, version):
    """Loaded, warm and verified."""
    for move in (moves.load, moves.warm, moves.verify):
        slots = move(slots, version)
    return slots


class AnyOrder(RuleBasedStateMachine):
    """Transitions of all kinds on any version: each is made or refused."""

    def __init__(self):
        super().__init__()
        self.slots = Slots("r")
        self.was_served = False

    def attempt(self, move, *args):
        before = self.slots
        try:
            self.slots = move(before, *args)
        except Forbidden:
            return
        self.was_served = self.was_served or self.slots.served
        for slot in self.slots.slots:
            old = before.get(slot.version)
            if old is None:
                assert slot.state == "loading"
            elif old.state != slot.state:
                assert slot.state in FOLLOWS[old.state]

    @rule(version=VERSIONS, how=st.sampled_from(["load", "warm", "verify", "add"]))
    def ahead(self, version, how):
        self.attempt(getattr(moves, how), version)

    @rule(version=VERSIONS)
    def to_traffic(self, version):
        """The whole way, which single steps drawn at random seldom go."""
        for move in (moves.load, moves.warm, moves.verify, moves.add):
            self.attempt(move, version)

    @rule(version=VERSIONS, how=st.sampled_from(["drain", "rest", "unload", "cut"]))
    def back(self, version, how):
        self.attempt(getattr(moves, how), version)

    @rule(version=VERSIONS)
    def fail(self, version):
        self.attempt(moves.fail, version, "it broke")

    @rule(version=VERSIONS, percent=st.integers(-1, 101), most=st.integers(0, 100))
    def shift(self, version, percent, most):
        had = self.slots.get(version)
        self.attempt(moves.shift, version, percent, most)
        if (slot := self.slots.get(version)) and had:
            assert slot.share <= max(most, had.share)

    @invariant()
    def shares_add_up(self):
        total = sum(slot.share for slot in self.slots.slots)

        assert total == (100 if self.was_served else 0)

    @invariant()
    def only_the_serving_have_a_share(self):
        assert all(slot.state == "serving" for slot in self.slots.slots if slot.share)

    @invariant()
    def a_version_is_there_once(self):
        versions = [slot.version for slot in self.slots.slots]

        assert len(versions) == len(set(versions))

    @invariant()
    def every_conversation_has_a_version(self):
        for key in "abc":
            version = chosen(self.slots, key)
            assert (version is not None) == self.was_served
            assert version is None or self.slots.shares[version] > 0


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_first_version_gets_all_traffic_and_the_next_none():
    slots = moves.add(brought(Slots("r"), "v1"), "v1")
    slots = moves.add(brought(slots, "v2"), "v2")

    assert slots.shares == {"v1": 100}
    assert slots.among("serving") == ("v2", "v1")


@pytest.mark.parametrize(
    ("before", "version", "percent", "after"),
    [
        ({"v2": 0, "v1": 100}, "v2", 5, {"v2": 5, "v1": 95}),
        ({"v3": 0, "v2": 50, "v1": 50}, "v3", 1, {"v3": 1, "v2": 50, "v1": 49}),
        ({"v3": 0, "v2": 75, "v1": 25}, "v3", 50, {"v3": 50, "v2": 38, "v1": 12}),
        ({"v2": 5, "v1": 95}, "v2", 0, {"v1": 100}),
    ],
)
def test_the_others_share_the_rest_as_they_did(before, version, percent, after):
    assert moves.shift(served(**before), version, percent).shares == after


@given(st.integers(0, 100), st.integers(0, 100), st.text(max_size=8))
def test_who_has_moved_to_the_new_version_stays_there_while_its_share_grows(one, other, key):
    small, large = sorted((one, other))
    before = chosen(moves.shift(served(v2=0, v1=100), "v2", small), key)
    after = chosen(moves.shift(served(v2=0, v1=100), "v2", large), key)

    assert before == "v1" or after == "v2"


def test_shares_are_met():
    slots = served(v2=5, v1=95)
    new = sum(chosen(slots, f"conversation {n}") == "v2" for n in range(20_000))

    assert 0.045 < new / 20_000 < 0.055


def test_a_place_does_not_change_between_processes():
    assert place("sentiment", "a") == 12.76


def test_no_more_than_it_can_carry():
    with pytest.raises(Forbidden, match="carries 20 % of the traffic, not 25 %"):
        moves.shift(served(v2=5, v1=95), "v2", 25, most=20)


def test_what_carries_too_much_already_may_go_down():
    assert moves.shift(served(v2=50, v1=50), "v2", 40, most=10).shares == {"v2": 40, "v1": 60}


def test_the_only_serving_version_neither_fails_nor_drains_nor_shares():
    slots = served(v1=100)

    for move in (
        lambda: moves.fail(slots, "v1", "ill"),
        lambda: moves.drain(slots, "v1"),
        lambda: moves.shift(slots, "v1", 99),
        lambda: moves.unload(slots, "v1"),
    ):
        with pytest.raises(Forbidden):
            move()


def test_a_failed_version_gives_its_share_back():
    slots = moves.fail(served(v2=25, v1=75), "v2", "slow")

    assert slots.shares == {"v1": 100}
    assert slots.get("v2") == Slot("v2", "failed", 0, "slow")


def test_a_backup_takes_over_at_once():
    slots = moves.cut(brought(served(v1=100), "v2"), "v2")

    assert slots.shares == {"v2": 100}
    assert moves.fail(slots, "v1", "dead").get("v1").state == "failed"


def test_a_failed_version_is_loaded_again_as_the_newest():
    failed = replace(served(v2=100), slots=(*served(v2=100).slots, Slot("v1", "failed")))

    assert moves.load(failed, "v1").slots[0] == Slot("v1", "loading")
