"""What is known of a model that could be chosen, and what it is measured against."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observed:
    """What was measured of one model on this machine, and the costs that follow from its speed.
    None was not measured. The names are those of what a Candidate only claims or computes.
    """

    latency_ms: float | None = None
    """P95 of the first token, one request at a time: the figure that a bound is checked with."""
    requests_per_s: float | None = None
    serving_gb: float | None = None
    accuracy: float | None = None
    """The share of right answers to the role's own tasks, before any training."""
    f1: float | None = None
    """Macro-averaged, of the same answers."""
    cost_usd: float | None = None
    request_usd: float | None = None
    monthly_usd: float | None = None
    break_even_months: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model on one machine. None is unknown: no source states it, or it cannot be computed
    here. Money is in US dollars.
    """

    name: str
    parameters_b: float | None = None
    active_b: float | None = None
    """Parameters that a token is computed with, 10^9."""
    context_tokens: float | None = None
    licence: str | None = None
    memory_gb: float | None = None
    """To train it."""
    serving_gb: float | None = None
    """To answer with it."""
    container_gb: float | None = None
    """Its weights in 16 bits, as an image would carry them."""
    latency_ms: float | None = None
    """To the first token, one request at a time."""
    requests_per_s: float | None = None
    """Of the role's usual size, on one machine."""
    cost_usd: float | None = None
    """For 10^6 generated tokens."""
    request_usd: float | None = None
    training_usd: float | None = None
    monthly_usd: float | None = None
    """Of the machines that the role's volume needs."""
    break_even_months: float | None = None
    """Until what is saved has paid for the training; infinite where nothing is saved."""
    claims: Mapping[str, float] = field(default_factory=dict)
    """Published figures by name, most of them shares."""
    age_months: float | None = None
    """Since its release."""
    facts_stated: float | None = None
    """The share of what a card should say that this one does."""
    modalities: tuple[str, ...] = ()
    """Empty where nobody says: then text alone is counted on."""
    languages: tuple[str, ...] | None = None
    tuning_methods: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    for_pay: bool = False
    unobtainable: str = ""
    """Why its weights cannot be had here."""
    observed: Observed | None = None
    """What was measured; never what is claimed, which stays in the fields above."""

    def seen(self, name: str) -> float | None:
        """The measured figure of that name; None where there is none."""
        return None if self.observed is None else getattr(self.observed, name, None)

    def known(self, name: str) -> float | None:
        """The measured figure of that name, else the one that is claimed or computed."""
        seen = self.seen(name)
        claimed: float | None = getattr(self, name)
        return claimed if seen is None else seen


@dataclass(frozen=True, slots=True)
class Demands:
    """What the role and the tier ask, and the machine allows: constraints, and the anchors of the
    criteria. None is no bound.
    """

    parameters_min_b: float
    parameters_max_b: float
    memory_gb: float
    context_min_tokens: int
    licences: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("text",)
    tools: bool = False
    mixture: bool = False
    one_machine: bool = False
    """All of it must fit the memory of one machine to answer, too."""
    hardware: str = ""
    """What this machine is called, where the role may not run on it; else empty."""
    hardware_available: tuple[str, ...] = ()
    latency_max_ms: float | None = None
    cost_max_usd: float | None = None
    requests_per_s: float | None = None
    request_max_usd: float | None = None
    training_max_usd: float | None = None
    monthly_max_usd: float | None = None
    benchmarks: tuple[str, ...] = ("mmlu_redux",)


def figure(value: float) -> str:
    """Three digits, or all of a large number: 0.0124, 58.8, 131,072."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
