"""What was measured of a model on one machine, never what is claimed of it (models.card)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

Z_95 = 1.959964
"""Of the normal distribution: 95 % lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of some times in seconds, each a time that was measured: the least that so many
    of them do not exceed.
    """

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Of one time at least."""
        ordered = sorted(seconds)

        def rank(share: float) -> float:
            return ordered[math.ceil(share * len(ordered)) - 1]

        return cls(len(ordered), rank(0.5), rank(0.95), rank(0.99))


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that arrived at a rate, whoever was still waiting for an answer."""

    offered_rps: float
    answers: int
    seconds: float
    """From the first request to the last answer."""
    latency_s: Spread
    """From a request to its whole answer, the time in the queue included."""
    at_once_most: int
    kept_up: bool
    """Whether the queue had stopped growing."""

    @property
    def answers_per_s(self) -> float:
        return self.answers / self.seconds


@dataclass(frozen=True, slots=True)
class Probe:
    """The share of right answers to a few dev tasks, with its 95 % interval."""

    tasks: int
    right: int
    valid: float
    """The share of answers in exactly the described format."""
    low: float
    high: float
    f1: tuple[float, float, float] | None = None
    """Macro-averaged, with its bootstrapped interval; None where the role has no labels."""

    @property
    def accuracy(self) -> float:
        return self.right / self.tasks

    @classmethod
    def of(
        cls,
        right: int,
        tasks: int,
        valid: float,
        f1: tuple[float, float, float] | None = None,
    ) -> Self:
        return cls(tasks, right, valid, *wilson(right, tasks), f1)


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on one machine, asked as an untrained model is."""

    model: str
    at: str
    """UTC, ISO 8601."""
    device: str
    dtype: str
    loading_s: float
    first_token_s: Spread
    """One request at a time."""
    answer_s: Spread
    """The same, to the end of the answer."""
    answers_per_s: float
    """As many at once as `at_once`."""
    at_once: int
    load: Load | None
    """None where the role states no rate, or `answers_per_s` is below it."""
    probe: Probe
    peak_gb: float
    """Of the process, or of the GPU's memory where it is on one."""
    computed_gb: float
    """What models.fit says of that peak."""
    prompt_tokens: float
    answer_tokens: float
    busy_cores: float
    """The machine's load average before: what others did makes all times longer."""
    seconds: float
    """What measuring took."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """Raises KeyError or TypeError where a field is missing or unknown."""
        load, probe = said["load"], said["probe"]
        f1 = probe["f1"]
        parts = {
            "first_token_s": Spread(**said["first_token_s"]),
            "answer_s": Spread(**said["answer_s"]),
            "load": load and Load(**{**load, "latency_s": Spread(**load["latency_s"])}),
            "probe": Probe(**{**probe, "f1": f1 and tuple(f1)}),
        }
        return cls(**{**said, **parts})


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A model that was not measured, and why."""

    model: str
    why: str
    refused: bool = False
    """Whether this machine cannot run it: it does not fit, or its process was ended."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def wilson(right: int, tasks: int) -> tuple[float, float]:
    """The 95 % interval of a share: {p : |right/n − p| ≤ z·√(p(1−p)/n)}.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share, extra = right / tasks, Z_95**2 / tasks
    centre = share + extra / 2
    reach = Z_95 * math.sqrt(share * (1 - share) / tasks + extra / (4 * tasks))
    low, high = (centre - reach) / (1 + extra), (centre + reach) / (1 + extra)
    # Rounding would take an end at 0 or 1 a little past it, or past the share.
    return max(0.0, min(low, share)), min(1.0, max(high, share))
