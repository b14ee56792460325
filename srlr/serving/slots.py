"""Which versions of a role there are, in which state, and what share of the traffic each has.

    loading → warm → verified → serving → draining → unloaded
       └────────┴────────┴─────────┴──────────┴──→ failed

    loading    its worker starts           warm      it has made a real generation
    verified   it passed the smoke set: ready for traffic, a warm backup where it stays so
    serving    it may have a share         draining  it has none, and finishes what it has begun

Pure: a transition takes `Slots` and returns other `Slots`, or refuses. Once a role is served, every
transition leaves shares that add up to 100 on serving versions: never below one.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from srlr.core.errors import SrlrError

State = Literal["loading", "warm", "verified", "serving", "draining", "failed", "unloaded"]
FOLLOWS: dict[State, frozenset[State]] = {
    "loading": frozenset({"warm", "failed", "unloaded"}),
    "warm": frozenset({"verified", "failed", "unloaded"}),
    "verified": frozenset({"serving", "failed", "unloaded"}),
    "serving": frozenset({"draining", "failed"}),
    "draining": frozenset({"unloaded", "verified", "serving", "failed"}),
    "failed": frozenset({"loading", "unloaded"}),
    "unloaded": frozenset({"loading"}),
}
ACTIVE = frozenset[State]({"loading", "warm", "verified", "serving", "draining"})
GRAIN = 10_000
"""Into how many parts a role's conversations fall."""


class Forbidden(SrlrError):
    """A transition that the order of states, or the traffic, does not allow."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Slot:
    """One version: its share of the role's traffic in percent, and why it has failed."""

    version: str
    state: State = "loading"
    share: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Slots:
    """The versions of a role, the one that was loaded last first."""

    role: str
    slots: tuple[Slot, ...] = ()

    def get(self, version: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.version == version), None)

    @property
    def served(self) -> bool:
        """Whether the role has traffic at all."""
        return any(slot.share for slot in self.slots)

    def among(self, *states: State) -> tuple[str, ...]:
        """The versions in these states, the newest first."""
        return tuple(slot.version for slot in self.slots if slot.state in states)

    @property
    def shares(self) -> dict[str, int]:
        """Of the versions that have one."""
        return {slot.version: slot.share for slot in self.slots if slot.share}

    @property
    def main(self) -> str | None:
        """The version with the largest share; of two alike, the older one."""
        shares = self.shares
        return max(reversed(shares), key=shares.__getitem__) if shares else None


# -- transitions -----------------------------------------------------------------------------------


def load(slots: Slots, version: str) -> Slots:
    """A version begins, without traffic."""
    slot = slots.get(version)
    if slot is not None and slot.state in ACTIVE:
        raise Forbidden(f"{slots.role}@{version} is {slot.state} already", "it needs no loading")
    rest = tuple(one for one in slots.slots if one.version != version)
    return replace(slots, slots=(Slot(version), *rest))


def warm(slots: Slots, version: str) -> Slots:
    """Its worker has made a real generation."""
    return _become(slots, version, "warm")


def verify(slots: Slots, version: str) -> Slots:
    """It passed the smoke set."""
    return _become(slots, version, "verified")


def add(slots: Slots, version: str) -> Slots:
    """It may get traffic; the first of a role gets all."""
    added = _become(slots, version, "serving")
    return added if added.served else _shared(added, {version: 100})


def shift(slots: Slots, version: str, percent: int, most: int = 100) -> Slots:
    """It has this share, the others keep the rest in the proportions they had.

    Args:
        most: what it can carry; more is refused, unless it has as much already.
    """
    slot = _known(slots, version)
    if slot.state != "serving":
        raise Forbidden(
            f"{slots.role}@{version} is {slot.state}: only a serving version has a share",
            "load → warm → verify → add come first",
        )
    if not 0 <= percent <= 100:
        raise Forbidden(f"{percent} % is no share", "0 to 100")
    if percent > max(most, slot.share):
        raise Forbidden(
            f"{slots.role}@{version} carries {most} % of the traffic, not {percent} %",
            "more workers of this version, or wait until there is less traffic",
        )
    others = [one.version for one in slots.slots if one.state == "serving" and one != slot]
    if percent < 100 and not others:
        raise Forbidden(
            f"{slots.role}@{version} alone serves the role: its share is 100 %",
            "add another version first",
        )
    return _shared(slots, {version: percent, **_rest(slots, others, 100 - percent)})


def drain(slots: Slots, version: str) -> Slots:
    """It gets nothing new. One that has a share is not drained."""
    slot = _known(slots, version)
    if slot.share:
        raise Forbidden(
            f"{slots.role}@{version} has {slot.share} % of the traffic",
            "shift it to another version first",
        )
    return _become(slots, version, "draining")


def rest(slots: Slots, version: str) -> Slots:
    """A drained version stays loaded, as a warm backup."""
    if _known(slots, version).state != "draining":
        raise Forbidden(f"{slots.role}@{version} is not draining", "drain it first")
    return _become(slots, version, "verified")


def unload(slots: Slots, version: str) -> Slots:
    """Its workers may end."""
    return _become(slots, version, "unloaded")


def fail(slots: Slots, version: str, why: str) -> Slots:
    """It is out; its share goes to the other serving versions, in the proportions they have.

    Raises:
        Forbidden: it is the only one that serves: it stays, and its workers are started again.
    """
    slot = _known(slots, version)
    if slot.share:
        others = [v for v in slots.among("serving") if v != version]
        if not others:
            raise Forbidden(
                f"{slots.role}@{version} is the only version that serves",
                "another one, such as a backup, takes over first",
            )
        slots = _shared(slots, {version: 0, **_rest(slots, others, 100)})
    return _become(slots, version, "failed", why)


def cut(slots: Slots, version: str) -> Slots:
    """A verified or serving version has all the traffic, at once."""
    slot = _known(slots, version)
    ready = add(slots, version) if slot.state in ("verified", "draining") else slots
    return shift(ready, version, 100)


# -- routing ---------------------------------------------------------------------------------------


def place(role: str, key: str) -> float:
    """Where a conversation stands between 0 and 100, always the same."""
    digest = hashlib.blake2b(f"{role}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % GRAIN * 100 / GRAIN


def chosen(slots: Slots, key: str) -> str | None:
    """The version that answers this conversation; None where the role is not served.

    Shares lie one after the other from 0 to 100, the newest version's first: while it grows, what
    was its own stays its own.
    """
    at, end = place(slots.role, key), 0
    for version, share in slots.shares.items():
        end += share
        if at < end:
            return version
    return None


# -- parts -----------------------------------------------------------------------------------------


def _known(slots: Slots, version: str) -> Slot:
    slot = slots.get(version)
    if slot is None:
        raise Forbidden(
            f"{slots.role} has no version {version!r} loaded",
            f"one of {', '.join(one.version for one in slots.slots) or 'none'}",
        )
    return slot


def _become(slots: Slots, version: str, state: State, why: str = "") -> Slots:
    slot = _known(slots, version)
    if state not in FOLLOWS[slot.state]:
        raise Forbidden(
            f"{slots.role}@{version} is {slot.state} and cannot become {state}",
            f"from {slot.state} it becomes {' or '.join(sorted(FOLLOWS[slot.state]))}",
        )
    return _with(slots, replace(slot, state=state, why=why))


def _with(slots: Slots, slot: Slot) -> Slots:
    return replace(
        slots, slots=tuple(slot if one.version == slot.version else one for one in slots.slots)
    )


def _shared(slots: Slots, shares: dict[str, int]) -> Slots:
    return replace(
        slots,
        slots=tuple(replace(one, share=shares.get(one.version, one.share)) for one in slots.slots),
    )


def _rest(slots: Slots, versions: list[str], total: int) -> dict[str, int]:
    """`total` over these versions in proportion to their shares, alike where they have none.

    What is left over by rounding goes to the largest remainders.
    """
    weights = {v: slot.share for v in versions if (slot := slots.get(v)) is not None}
    if weights and not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    whole = sum(weights.values())
    shares = {v: total * weight // whole for v, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda v: total * weights[v] % whole, reverse=True)
    for version in by_remainder[: total - sum(shares.values())]:
        shares[version] += 1
    return shares
