"""What a model card claims, as numbers: sizes, bytes to read, memory to train. Facts are claims;
what is absent is None."""

from typing import Any

from srlr.core.settings import ModelCard

TRAINED_BYTES = 16
"""Per parameter when all are trained: float32 weight, gradient and the two moments of AdamW."""

WORKING_GB = 1.0
"""Activations and buffers of a micro-batch beside the weights; the batch's size is set in tokens
to hold it."""

REQUESTS_AT_LOAD = 8
"""Requests that share one read of the weights when a served model is busy; cost is stated at that
load."""

DTYPE_BITS = {"float32": 32, "bfloat16": 16}


def claim(card: ModelCard, name: str) -> Any:
    """The claimed value, or None where the card does not say."""
    fact = card.facts.get(name)
    return None if fact is None else fact.value


def number(card: ModelCard, name: str) -> float | None:
    """The claim as a number; None where it is absent or no number."""
    value = claim(card, name)
    return float(value) if isinstance(value, (int, float)) else None


def weights_gb(parameters_b: float, bits: int) -> float:
    """Size of the weights: 10^9 parameters of 8 bits are 1 GB."""
    return parameters_b * bits / 8


def training_gb(parameters_b: float, reference_bits: int) -> float:
    """Memory of SRL and RLVR with every weight trained: optimiser, frozen reference, working
    memory."""
    return parameters_b * TRAINED_BYTES + weights_gb(parameters_b, reference_bits) + WORKING_GB


def token_ms(active_b: float, bits: int, bandwidth_gb_s: float | None) -> float | None:
    """Time to the first token of a short prompt at batch 1: every active weight is read once.

        t = active parameters * bits / 8 / bandwidth

    None where the machine's bandwidth is not stated.
    """
    return None if bandwidth_gb_s is None else weights_gb(active_b, bits) / bandwidth_gb_s * 1000


def cost_per_1m_tokens(token_ms: float | None, price_usd_per_hour: float | None) -> float | None:
    """US dollars for 10^6 generated tokens with REQUESTS_AT_LOAD requests at once; None where a
    part is unknown."""
    if token_ms is None or price_usd_per_hour is None:
        return None
    return price_usd_per_hour / 3600 * token_ms / 1000 * 1e6 / REQUESTS_AT_LOAD
