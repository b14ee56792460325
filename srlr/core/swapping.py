"""What can be said of a swap from one version of a role to another, and of when one is ill."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, NonNegative, Positive, Share, Whole

Percent = Annotated[int, Field(ge=1, le=100)]


class Swap(Node):
    """How traffic moves to another version, and what makes it move back."""

    strategy: Literal["gradual", "stateless", "stateful", "emergency"] = "gradual"
    to: str | None = None
    """The version, or an alias such as candidate; None: `candidate`, or `backup` where it is an
    emergency.
    """
    steps: tuple[Percent, ...] = (1, 5, 25, 50, 100)
    """Shares of the traffic, one after the other; only gradual looks before the next."""
    min_requests: Count = 50
    """Answers of the new version after which a step may end, or …"""
    min_seconds: NonNegative = 60.0
    """… so long, where fewer come."""
    max_seconds: Positive = 1800.0
    """In one step; then it is taken back: what holds a step so long does not go away."""
    alpha: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """The risk that a version that is no worse is taken back, over all steps and measures."""
    more_errors: Share = 0.01
    """How much larger its share of failed answers may be, …"""
    more_violations: Share = 0.01
    """… its share of answers that a guardrail stopped, …"""
    slower: NonNegative = 0.25
    """… its time to an answer, as a share of the old one's, …"""
    worse: Share = 0.02
    """… and how much lower its feedback, from 0 to 1."""
    smoke: Count = 3
    """Real generations before any traffic."""
    load_timeout_s: Positive = 300.0
    drain_s: Positive = 60.0
    """What the old version may still take to finish; then its streams go on at the new one."""

    @model_validator(mode="after")
    def _steps_lead_to_all(self) -> Self:
        if not self.steps or self.steps[-1] != 100:
            raise ValueError("steps: the last one is 100, or the old version never ends")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps: each is larger than the one before")
        return self


class Health(Node):
    """When a version counts as degraded or failed, and how long to wait before what is done."""

    check_every_s: Positive = 60.0
    """Between active checks, each a real generation by every worker."""
    check_timeout_s: Positive = 30.0
    window_s: Positive = 120.0
    """Answers that count for the state."""
    min_answers: Count = 20
    """Of these, before their shares say anything."""
    degraded_errors: Share = 0.05
    failed_errors: Share = 0.5
    slo_seconds: Positive | None = None
    """A whole answer's; None: the role's own latency bound is not held against it."""
    degraded_late: Share = 0.2
    """The share of answers slower than that."""
    degraded_invalid: Share = 0.2
    """The share of answers that are not what the role asks for."""
    degraded_drift: Share = 0.5
    """How far the lengths of answers have moved from what they were: a total variation distance."""
    failed_checks: Count = 3
    """Active checks in a row."""
    breaker_failures: Count = 3
    """In a row, after which a worker is asked no more for breaker_s."""
    breaker_share: Share = 0.5
    """Of its last breaker_window answers."""
    breaker_window: Count = 20
    breaker_s: Positive = 5.0
    stall_s: Positive = 120.0
    """Without a piece, after which a worker counts as gone for a request."""
    patience_s: NonNegative = 15.0
    """How long a request waits for a worker where none is left."""
    restart_s: Positive = 0.5
    """Before the second attempt to start a lost worker; each further one waits twice as long."""
    restart_max_s: Positive = 60.0
    act: bool = True
    """Swap to the backup by itself; false: only tell."""
    quiet_s: Whole = 30
    """After a swap, before health decides on another."""
