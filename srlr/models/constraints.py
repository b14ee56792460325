"""What a model must meet to be a candidate at all. One that does not is excluded with the figure,
never scored low.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from srlr.models.candidate import Candidate, Demands, figure

NON_COMMERCIAL = ("cc-by-nc", "qwen-research", "-nc-", "research")
"""Parts of licence names that forbid commercial use; where a role lists no licences, only these
are refused."""

ROUNDED = 0.02
"""Models are called by rounded sizes: one of 8.03 is an 8B, and within a bound of 8."""

HOPELESS = 9.0
"""The excess of a breach that no other hardware or tier would mend."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A constraint that a candidate does not meet. `excess` orders near misses before hopeless
    ones."""

    constraint: str
    figure: str
    excess: float


def breaches(one: Candidate, demands: Demands) -> list[Breach]:
    """The constraints that the candidate does not meet, in the order in which they are worth
    fixing."""
    found = [
        _outside(one.parameters_b, demands.parameters_min_b, demands.parameters_max_b),
        _mixture(one, demands),
        _memory(one, demands),
        _one_machine(one, demands),
        _hardware(demands),
        _above("latency", _told(one, "latency_ms", "ms"), demands.latency_max_ms, "ms"),
        _above("cost", _told(one, "cost_usd", "$ per 1M tokens"), demands.cost_max_usd, "$"),
        _context(one.context_tokens, demands.context_min_tokens),
        _tools(one, demands),
        _all_of("modalities", one.modalities or ("text",), demands.modalities),
        _languages(one.languages, demands.languages),
        _licence(one.licence, demands.licences),
        Breach("for_pay", "its weights cannot be trained", HOPELESS) if one.for_pay else None,
        Breach("weights", one.unobtainable, 1.0) if one.unobtainable else None,
    ]
    return [breach for breach in found if breach is not None]


def _outside(value: float | None, low: float, high: float) -> Breach | None:
    if value is None:
        return Breach("parameters", "the card does not say how many", HOPELESS)
    if low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED):
        return None
    excess = (low - value) / max(low, 1e-9) if value < low else (value - high) / high
    return Breach("parameters", f"{value:g}B, asked for are {low:g} to {high:g}B", excess)


def _mixture(one: Candidate, demands: Demands) -> Breach | None:
    total, active = one.parameters_b, one.active_b
    if not demands.mixture or (total is not None and active is not None and active < total):
        return None
    return Breach("mixture", "not a mixture of experts, as far as its card says", 1.0)


@dataclass(frozen=True, slots=True)
class _Told:
    """A figure, None where nobody knows it, and in words what it is."""

    value: float | None
    words: str = ""


def _told(one: Candidate, name: str, unit: str) -> _Told:
    """The measured figure of that name, with what was computed beside it; else the computed one."""
    computed, seen = getattr(one, name), one.seen(name)
    if seen is None:
        return _Told(computed, "" if computed is None else f"{figure(computed)} {unit}")
    beside = "nothing" if computed is None else figure(computed)
    return _Told(seen, f"{figure(seen)} {unit} measured ({beside} computed)")


def _above(name: str, told: _Told, limit: float | None, of: str) -> Breach | None:
    if told.value is None or limit is None or told.value <= limit:
        return None
    over = (told.value - limit) / max(limit, 1e-9)
    return Breach(name, f"{told.words}, allowed are {figure(limit)} {of}", over)


def _memory(one: Candidate, demands: Demands) -> Breach | None:
    if one.memory_gb is None:
        return Breach("memory", "unknown: the card does not say how many parameters", HOPELESS)
    return _above("memory", _told(one, "memory_gb", "GB to train"), demands.memory_gb, "GB")


def _one_machine(one: Candidate, demands: Demands) -> Breach | None:
    if not demands.one_machine:
        return None
    told = _told(one, "serving_gb", "GB to answer at the edge")
    return _above("environment", told, demands.memory_gb, "GB")


def _hardware(demands: Demands) -> Breach | None:
    if not demands.hardware:
        return None
    available = ", ".join(demands.hardware_available)
    return Breach("hardware", f"{demands.hardware}, the role has {available}", 1.0)


def _context(value: float | None, needed: int) -> Breach | None:
    if value is not None and value >= needed:
        return None
    said = "unknown" if value is None else f"{value:g} tokens"
    return Breach("context", f"{said}, the role needs {needed}", 1.0)


def _tools(one: Candidate, demands: Demands) -> Breach | None:
    if not demands.tools or one.claims.get("tool_calling", 0.0) > 0:
        return None
    return Breach("tools", "its card does not say that it calls tools", 1.0)


def _all_of(name: str, has: Sequence[str], needed: Sequence[str]) -> Breach | None:
    missing = [one for one in needed if one not in has]
    return (
        Breach(name, f"not {', '.join(missing)}, only {', '.join(has)}", 1.0) if missing else None
    )


def _languages(has: Sequence[str] | None, needed: Sequence[str]) -> Breach | None:
    """A card that names no languages is not held to them."""
    if has is None or "multilingual" in has:
        return None
    known = {one.partition("-")[0] for one in has} | set(has)
    return _all_of("languages", tuple(sorted(known)), needed)


def _licence(value: str | None, accepted: Sequence[str]) -> Breach | None:
    if value is None:
        return Breach("licence", "the card names none", 1.0)
    if accepted:
        fits = value in accepted
        return (
            None if fits else Breach("licence", f"{value}, accepted are {', '.join(accepted)}", 1.0)
        )
    forbidden = any(part in value for part in NON_COMMERCIAL)
    return Breach("licence", f"{value} forbids commercial use", 1.0) if forbidden else None
