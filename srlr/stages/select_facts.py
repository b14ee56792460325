"""What select knows: of each card on this machine, and of what the role and the tier ask.
Arithmetic on claims, and on what was measured before; nothing is measured here, nobody is asked.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from srlr.core.hardware import Machine
from srlr.core.settings import ModelCard, Settings
from srlr.models import card as cards
from srlr.models import trees
from srlr.models.candidate import Candidate, Demands, Observed
from srlr.models.costs import HOURS_A_MONTH
from srlr.models.measured import Measured
from srlr.models.trees import Advice
from srlr.stages import select_memory

SECONDS_A_MONTH = HOURS_A_MONTH * 3600
DAYS_A_MONTH = 365.25 / 12
SPARE_FROM = 0.99
"""An availability that one machine does not have."""

WANTED = (
    "parameters_b",
    "context_tokens",
    "licence",
    "release_date",
    "languages",
    "num_layers",
    "hidden_size",
    "tool_calling",
)
"""What a card should say of every model."""


def demands(settings: Settings, machine: Machine, advice: Advice) -> Demands:
    """The constraints and anchors of the role and the tier on this machine."""
    needs, tier = settings.role.requirements, settings.tier
    branch = advice.branch if advice.applied else None
    ceiling, volume = needs.cost_max_per_1m_tokens, needs.expected_requests_per_month
    request = None if ceiling is None else ceiling * needs.output.tokens / 1e6
    waits = not (branch and branch.asynchronous)
    named, allowed = settings.hardware.name, needs.hardware_available
    return Demands(
        parameters_min_b=advice.parameters_b[0],
        parameters_max_b=advice.parameters_b[1],
        memory_gb=min(
            machine.memory_gb * settings.select.memory_share, machine.memory_available_gb
        ),
        context_min_tokens=select_memory.context_tokens(needs),
        licences=needs.licences,
        languages=needs.languages,
        modalities=tuple(dict.fromkeys((*needs.input.modalities, *needs.output.modalities))),
        tools=needs.tools or bool(branch and branch.tools),
        mixture=bool(branch and branch.mixture),
        one_machine=needs.environment != "cloud",
        hardware=named if allowed and named not in (*allowed, "auto") else "",
        hardware_available=allowed,
        latency_max_ms=trees.latency_bound(settings.role, tier) if waits else None,
        cost_max_usd=ceiling,
        requests_per_s=needs.throughput_rps,
        request_max_usd=request,
        training_max_usd=tier.training_cost_usd,
        monthly_max_usd=None if request is None or volume is None else request * volume,
        benchmarks=settings.role.benchmarks,
    )


def candidates(
    chosen: Sequence[ModelCard],
    settings: Settings,
    machine: Machine,
    today: date,
    found: Mapping[str, Measured] = MappingProxyType({}),
) -> list[Candidate]:
    """Each card's facts on this machine, and beside them what was measured of those in `found`."""
    return [_candidate(card, settings, machine, today, found.get(card.name)) for card in chosen]


def _candidate(
    card: ModelCard, settings: Settings, machine: Machine, today: date, found: Measured | None
) -> Candidate:
    size = _number(card, "parameters_b")
    active = _number(card, "active_parameters_b") or size
    bits = settings.hardware.quantisation_bits or cards.DTYPE_BITS[machine.compute_dtype]
    latency = cards.token_ms(active, bits, machine.bandwidth_gb_s) if active else None
    cost = cards.cost_per_1m_tokens(latency, settings.hardware.price_usd_per_hour)
    seconds = latency and latency / 1000 * settings.role.requirements.output.tokens
    pace = cards.REQUESTS_AT_LOAD / seconds if seconds else None
    training = _training_usd(settings, size)
    return Candidate(
        name=card.name,
        parameters_b=size,
        active_b=active,
        context_tokens=_number(card, "context_tokens"),
        licence=cards.claim(card, "licence"),
        memory_gb=select_memory.training_gb(card, settings, machine),
        serving_gb=select_memory.serving_gb(card, settings, machine),
        container_gb=cards.weights_gb(size, 16) if size else None,
        latency_ms=latency,
        requests_per_s=pace,
        cost_usd=cost,
        training_usd=training,
        claims={name: value for name in card.facts if (value := _number(card, name)) is not None},
        age_months=_age_months(cards.claim(card, "release_date"), today),
        facts_stated=sum(name in card.facts for name in WANTED) / len(WANTED),
        modalities=_words(card, "modalities"),
        languages=_words(card, "languages") or None,
        tuning_methods=_words(card, "tuning_methods"),
        libraries=_words(card, "libraries"),
        for_pay=bool(cards.claim(card, "for_pay")),
        observed=None if found is None else _observed(found, settings, training),
        **_spent(settings, pace, cost, training),
    )


def _observed(found: Measured, settings: Settings, training_usd: float | None) -> Observed:
    """The measured figures by the names of claimed ones, and what answers cost at that speed."""
    price, per_s = settings.hardware.price_usd_per_hour, found.answers_per_s
    written = per_s * found.answer_tokens
    cost = None if price is None or not written else price / 3600 / written * 1e6
    return Observed(
        latency_ms=1000 * found.first_token_s.p95,
        requests_per_s=per_s,
        serving_gb=found.peak_gb,
        accuracy=found.probe.accuracy,
        f1=found.probe.f1 and found.probe.f1[0],
        cost_usd=cost,
        **_spent(settings, per_s, cost, training_usd),
    )


def _training_usd(settings: Settings, size: float | None) -> float | None:
    """The tier's budget is for its largest model; compute grows with parameters."""
    budget = settings.tier.training_cost_usd
    return (
        None if budget is None or size is None else budget * size / settings.tier.parameters_max_b
    )


def _spent(
    settings: Settings, pace: float | None, cost: float | None, training: float | None
) -> dict[str, Any]:
    """What follows from answers a second and the price of tokens: of a request, of machines for the
    role's volume, and until when what is saved has paid for the training.
    """
    needs = settings.role.requirements
    volume, price = needs.expected_requests_per_month, settings.hardware.price_usd_per_hour
    monthly = None
    if price is not None and pace and volume is not None:
        spare = int((needs.availability_sla or 0.0) >= SPARE_FROM)
        machines = max(1, math.ceil(volume / SECONDS_A_MONTH / pace)) + spare
        monthly = price * HOURS_A_MONTH * machines
    months, paid = None, needs.paid_now_per_1m_tokens
    if monthly is not None and training is not None and paid is not None and volume is not None:
        tokens = needs.input.tokens + needs.output.tokens
        saved = volume * tokens / 1e6 * paid - monthly
        months = training / saved if saved > 0 else math.inf
    return {
        "request_usd": None if cost is None else cost * needs.output.tokens / 1e6,
        "monthly_usd": monthly,
        "break_even_months": months,
    }


def _number(card: ModelCard, name: str) -> float | None:
    """The claim as a finite number; a flag is 0 or 1."""
    value = cards.number(card, name)
    return value if value is not None and math.isfinite(value) else None


def _words(card: ModelCard, name: str) -> tuple[str, ...]:
    value = cards.claim(card, name)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _age_months(released: Any, today: date) -> float | None:
    """Since a day, at least 0; None where the card does not say one."""
    try:
        day = date.fromisoformat(str(released))
    except ValueError:
        return None
    return max(0.0, (today - day).days / DAYS_A_MONTH)
