"""What a candidate will hold in memory, computed from its card before anything is fetched: where it
learns as the settings say, and where it answers at the role's context and concurrency.
"""

import math
from collections.abc import Mapping
from typing import Any

from srlr.core.hardware import Machine
from srlr.core.profile import Requirements
from srlr.core.settings import ModelCard, Settings
from srlr.core.training import Training
from srlr.core.tuned import NODES, tuning_of
from srlr.models import card as cards
from srlr.models import fit
from srlr.models.fit import Fit
from srlr.stages import memory

SHAPE = ("num_layers", "hidden_size", "vocabulary")
"""Facts without which memory is estimated from the parameters alone."""


def training_gb(card: ModelCard, settings: Settings, machine: Machine) -> float | None:
    """The highest of the stages that learn; None where the card does not say its parameters."""
    size = cards.number(card, "parameters_b")
    if size is None:
        return None
    if not _shaped(card):
        return cards.training_gb(size, cards.DTYPE_BITS[machine.compute_dtype])
    return memory.learning_gb(with_card(card, settings, machine))


def serving_gb(card: ModelCard, settings: Settings, machine: Machine) -> float | None:
    """To answer; None where the card does not say its parameters. Where the hardware says in how
    many bits weights are served, they alone are in those.
    """
    size, bits = cards.number(card, "parameters_b"), settings.hardware.quantisation_bits
    if size is None:
        return None
    weights = cards.weights_gb(size, bits or cards.DTYPE_BITS[machine.compute_dtype])
    if not _shaped(card):
        return weights + cards.WORKING_GB
    found = _serving(card, with_card(card, settings, machine), machine)
    return (
        found.peak_gb
        if bits is None
        else sum(found.parts.values()) - found.parts["weights"] + weights
    )


def with_card(card: ModelCard, settings: Settings, machine: Machine) -> Settings:
    """The settings as a run with this card would have them: what it tunes is taken where it is
    still as nobody has said it.
    """
    dtype = {"compute_dtype": machine.compute_dtype}
    changes: dict[str, Any] = {"hardware": settings.hardware.model_copy(update=dtype)}
    if settings.model.name != card.name:
        changes |= {"model": card, **{name: _tuned(card, settings, name) for name in NODES}}
    return settings.model_copy(update=changes)


def context_tokens(needs: Requirements) -> int:
    """What a model must be able to hold: a usual prompt with its answer, or more where stated."""
    return max(needs.context_min_tokens, needs.input.tokens + needs.output.tokens)


def summary(settings: Settings, machine: Machine) -> dict[str, Any]:
    """Of settings.model, term by term, as the record has it."""
    found = _serving(settings.model, settings, machine)
    nodes = {"srl": settings.srl, "rlvr": settings.rlvr}
    learning = {
        name: {"tuning": memory.tuning(node).method, **_told(memory.update(settings, node))}
        for name, node in nodes.items()
        if isinstance(node, Training)
    }
    needs = settings.role.requirements
    told = {"rows": _rows(needs), "tokens": context_tokens(needs), **_told(found)}
    return {"serving": told, **learning}


def _serving(card: ModelCard, settings: Settings, machine: Machine) -> Fit:
    tokens, new = context_tokens(settings.role.requirements), settings.rollout.max_new_tokens
    return fit.serving(
        fit.of_card(card),
        cards.DTYPE_BITS[machine.compute_dtype] // 8,
        rows=_rows(settings.role.requirements),
        tokens=max(1, tokens - new),
        new=new,
        device=machine.device,
    )


def _rows(needs: Requirements) -> int:
    """As many requests are under way as come in a second, where the role states a rate: answers of
    a second each (Little's law).
    """
    return math.ceil(needs.throughput_rps or cards.REQUESTS_AT_LOAD)


def _tuned(card: ModelCard, settings: Settings, name: str) -> Any:
    node = getattr(settings, name)
    content = node.model_dump()
    fields = type(node).model_fields
    said: Mapping[str, Any] = card.tuning.get(tuning_of(name, content)) or {}
    taken = {
        key: value
        for key, value in said.items()
        if key in fields and getattr(node, key) == fields[key].default
    }
    return type(node).model_validate({**content, **taken}) if taken else node


def _shaped(card: ModelCard) -> bool:
    return all(cards.number(card, name) for name in SHAPE)


def _told(found: Fit) -> Mapping[str, Any]:
    parts = {name: round(gb, 3) for name, gb in found.parts.items()}
    return {"peak_gb": round(found.peak_gb, 3), "parts_gb": parts}
