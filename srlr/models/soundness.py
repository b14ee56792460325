"""Whether a card can be true: facts that contradict each other, and what it leaves out.

    total ~ V·h·(1 or 2) + L·(2·h·q + 2·h·k + m·h·i)

V vocabulary, h hidden size, q width of all heads, k of all keys, i intermediate size, L layers; m
is 3 with a gate and 2 without one. Norms and biases are below a thousandth and left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from srlr.core.layers import nearest
from srlr.core.settings import ModelCard
from srlr.models.card import claim, number
from srlr.models.facts import FACTS, day

TOLERANCE = 0.1
"""Of the claimed parameters: as far as what the architecture says may differ."""

API = "api:"
"""What the source of a for-pay model begins with; vendor and model follow."""

WANTED = {
    "parameters_b": "select excludes it: it cannot tell whether it fits",
    "context_tokens": "select excludes it: the role's prompts may not fit",
    "licence": "select excludes it: nobody may use it",
}
"""What a card should say, and what comes of its silence."""

PRICED = dict.fromkeys(
    ("price_input_usd_per_1m", "price_output_usd_per_1m"), "nothing can be compared with its cost"
)
"""The same of a for-pay model, which is never selected."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be true, where, and what to change."""

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix}"


def faults(card: ModelCard, today: date | None = None) -> list[Fault]:
    """All that is wrong with the card, in the order of reading; a sound one has none.

    Args:
        today: facts from later days are refused; None leaves that out.
    """
    single = [*_values(card), *_dates(card, today)]
    broken = {one.where for one in single}
    # a value that means nothing contradicts nothing
    kept = {name: fact for name, fact in card.facts.items() if name not in broken}
    return [*single, *_contradictions(card.model_copy(update={"facts": kept}))]


def gaps(card: ModelCard) -> list[str]:
    """What the card should say and does not, each with what comes of it."""
    wanted = PRICED if claim(card, "for_pay") else WANTED
    return [f"{name}: absent, {why}" for name, why in wanted.items() if name not in card.facts]


def computed_b(card: ModelCard) -> tuple[float, float] | None:
    """Parameters that the architecture makes, without and with a gate, 10^9; None where facts
    are missing, or it is a mixture of experts.
    """
    needed = ("num_layers", "hidden_size", "intermediate_size", "vocabulary", "kv_size")
    sizes = [number(card, name) for name in needed]
    tied, total = claim(card, "tie_embeddings"), number(card, "parameters_b")
    mixture = (number(card, "active_parameters_b") or total) != total or "num_experts" in card.facts
    if mixture or tied is None or None in sizes:
        return None
    layers, hidden, inner, entries, keys = (float(one or 0) for one in sizes)
    attention = 2 * hidden * (_heads_width(card) or hidden) + 2 * hidden * keys
    embeddings = entries * hidden * (1 if tied else 2)
    plain, gated = (
        (embeddings + layers * (attention + matrices * hidden * inner)) / 1e9 for matrices in (2, 3)
    )
    return plain, gated


def _values(card: ModelCard) -> Iterator[Fault]:
    for name, fact in card.facts.items():
        kind = FACTS.get(name)
        if kind is None:
            close = nearest(name, list(FACTS))
            fix = f"did you mean {close!r}?" if close else "see `srlr models facts`"
            yield Fault(name, "there is no such fact", fix)
        elif not kind.fits(fact.value):
            yield Fault(name, f"{_shown(fact.value)} is not {kind.takes}", f"write {kind.takes}")
        if not fact.source.strip():
            yield Fault(name, "it has no source", "say where it was read, or take the fact out")


def _dates(card: ModelCard, today: date | None) -> Iterator[Fault]:
    for name, fact in card.facts.items():
        if today is not None and fact.date > today:
            fix = f"write the day it was read (this machine's clock says {today})"
            yield Fault(name, f"it was read on {fact.date}, which is to come", fix)
    said = card.facts.get("release_date")
    released = None if said is None else day(said.value)
    if said is not None and released is not None and released > said.date:
        what = f"{released} is in the future of {said.date}, when it was read"
        yield Fault("release_date", what, "write the day it was published, or take the fact out")


def _contradictions(card: ModelCard) -> Iterator[Fault]:
    yield from _sizes(card)
    yield from _heads(card)
    yield from _parameters(card)
    yield from _prices(card)


def _sizes(card: ModelCard) -> Iterator[Fault]:
    for small, large in (
        ("active_parameters_b", "parameters_b"),
        ("window_tokens", "context_tokens"),
        ("num_kv_heads", "num_heads"),
    ):
        low, high = number(card, small), number(card, large)
        if low is not None and high is not None and low > high:
            yield Fault(small, f"{low:g} is more than {large} {high:g}", "correct one of them")
    keys, hidden = number(card, "kv_size"), number(card, "hidden_size")
    widest = max(hidden or 0, _heads_width(card) or 0)
    if keys is not None and hidden is not None and keys > widest:
        what = f"{keys:g} is more than the width of all heads, {widest:g}"
        yield Fault("kv_size", what, "it is num_kv_heads * head_size")


def _heads(card: ModelCard) -> Iterator[Fault]:
    heads, of_keys, size = (number(card, n) for n in ("num_heads", "num_kv_heads", "head_size"))
    if heads and of_keys and of_keys < heads and heads % of_keys:
        what = f"{heads:g} heads cannot share {of_keys:g} equally"
        yield Fault("num_kv_heads", what, "correct num_heads or num_kv_heads")
    keys = number(card, "kv_size")
    if of_keys and size and keys and keys != of_keys * size:
        what = f"{keys:g} is not num_kv_heads * head_size = {of_keys:g} * {size:g}"
        yield Fault("kv_size", what, "correct one of the three")


def _parameters(card: ModelCard) -> Iterator[Fault]:
    claimed, made = number(card, "parameters_b"), computed_b(card)
    if claimed is None or made is None:
        return
    low, high = made[0] * (1 - TOLERANCE), made[1] * (1 + TOLERANCE)
    sees = set(claim(card, "modalities") or ()) - {"text"}
    # what reads images has parameters beside the language model
    if claimed < low or (claimed > high and not sees):
        what = f"{claimed:g} claimed, but the architecture makes {made[1]:.3g}"
        fix = "correct parameters_b, num_layers, hidden_size, intermediate_size or vocabulary"
        yield Fault("parameters_b", what, fix)


def _prices(card: ModelCard) -> Iterator[Fault]:
    pay, source = bool(claim(card, "for_pay")), card.source or ""
    priced = [name for name in card.facts if name.startswith("price_")]
    if pay and not source.startswith(API):
        what = f"true, but its weights are said to be at {source!r}"
        yield Fault("for_pay", what, f"source: {API}VENDOR/MODEL, or take for_pay out")
    if pay and card.tuning:
        yield Fault("tuning", "a for-pay model's weights cannot be trained", "take it out")
    if not pay and source.startswith(API):
        yield Fault("source", f"{source!r} is a vendor's API", "add for_pay: true")
    if priced and not pay:
        what = "a price, but its weights can be had: what it costs depends on the machine"
        yield Fault(priced[0], what, "take it out, or add for_pay: true")


def _heads_width(card: ModelCard) -> float | None:
    heads, size = number(card, "num_heads"), number(card, "head_size")
    return heads * size if heads and size else None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
