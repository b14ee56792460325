"""The six checks before a choice is final, as a pure function of what was measured, what is asked
and what the card claims. None passes that was not made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from srlr.models.costs import Own, usd_per_1m_tokens
from srlr.models.measured import Measured, Probe, Unmeasured

BENCHMARKS = ("ifeval", "mmlu", "gsm8k", "math", "humaneval", "mbpp", "bfcl", "gpqa", "arc", "mt_")
"""How the names of claims about public benchmarks begin."""
CLAIMED = "accuracy"
"""The claim about tasks like the role's own, which can be checked by asking some of them."""
CHECKS = (
    "benchmark_match",
    "hardware_compatible",
    "cost_within_budget",
    "latency_verified",
    "quality_floor",
    "peak_load",
)
"""Their names in the decision record."""
WITHIN = 0.1
"""Of the reported figure."""
Word = Literal["pass", "fail", "not_measured"]


@dataclass(frozen=True, slots=True)
class Result:
    """A check's outcome with the figure it rests on."""

    word: Word
    figure: str

    def __str__(self) -> str:
        return f"{self.word}: {self.figure}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the role and the tier ask, and the machine allows; None where nobody says."""

    memory_gb: float
    latency_max_ms: float | None = None
    """The role's."""
    tier_latency_max_ms: float | None = None
    stands_in: bool = False
    """Whether the model stands in for the tier, whose bound then excludes it not."""
    accuracy_min: float | None = None
    f1_min: float | None = None
    throughput_rps: float | None = None
    requests_per_month: float | None = None
    cost_max_per_1m_tokens: float | None = None
    price_usd_per_hour: float | None = None


def validate(
    found: Measured | Unmeasured, wanted: Wanted, claims: Mapping[str, float]
) -> dict[str, Result]:
    """The checks by the names that the decision record gives them.

    Args:
        claims: the card's figures by name.
    """
    if isinstance(found, Unmeasured):
        results = dict.fromkeys(CHECKS, Result("not_measured", found.why))
        if found.refused:
            results["hardware_compatible"] = Result("fail", found.why)
        return results
    return {
        "benchmark_match": _benchmark(found.probe, claims),
        "hardware_compatible": _hardware(found, wanted),
        "cost_within_budget": _cost(found, wanted),
        "latency_verified": _latency(found, wanted),
        "quality_floor": _quality(found.probe, wanted),
        "peak_load": _peak_load(found, wanted.throughput_rps),
    }


def _benchmark(probe: Probe, claims: Mapping[str, float]) -> Result:
    """A claim can be checked where it is about tasks like the role's own."""
    claimed = claims.get(CLAIMED)
    if claimed is None:
        public = [one for one in sorted(claims) if one.startswith(BENCHMARKS)]
        said = ", ".join(f"{one} {claims[one]:g}" for one in public)
        return Result(
            "not_measured",
            (f"{said} claimed, whose questions are not here" if said else "nothing is claimed")
            + f"; a card's {CLAIMED} would be compared with the probe",
        )
    low, high = (1 - WITHIN) * claimed, (1 + WITHIN) * claimed
    figure = f"{_share(probe)}; {claimed:g} is claimed, {low:.3g} to {high:.3g} is within 10 %"
    if low <= probe.accuracy <= high:
        return Result("pass", figure)
    if probe.high < low or probe.low > high:
        return Result("fail", figure)
    return Result("not_measured", f"too few tasks to tell: {figure}")


def _hardware(found: Measured, wanted: Wanted) -> Result:
    figure = (
        f"peak {found.peak_gb:.2f} of {wanted.memory_gb:.2f} GB allowed on {found.device}; "
        f"computed {found.computed_gb:.2f}"
    )
    return Result("pass" if found.peak_gb <= wanted.memory_gb else "fail", figure)


def _cost(found: Measured, wanted: Wanted) -> Result:
    limit, price = wanted.cost_max_per_1m_tokens, wanted.price_usd_per_hour
    if price is None:
        return Result("not_measured", "hardware.price_usd_per_hour is not stated")
    own = Own(price, found.answers_per_s, found.prompt_tokens, found.answer_tokens)
    usd = usd_per_1m_tokens(own, wanted.requests_per_month)
    volume = wanted.requests_per_month
    load = "with machines always busy" if volume is None else f"at {volume:,.0f} requests a month"
    figure = f"${usd:.3g} per 1M tokens, prompt and answer, {load}"
    if limit is None:
        return Result("not_measured", f"{figure}; the role states no cost_max_per_1m_tokens")
    return Result("pass" if usd <= limit else "fail", f"{figure}; ${limit:g} is allowed")


def _latency(found: Measured, wanted: Wanted) -> Result:
    ms = {name: 1000 * getattr(found.first_token_s, name) for name in ("p50", "p95", "p99")}
    said = ", ".join(f"{name.upper()} {value:{_places(value)}}" for name, value in ms.items())
    figure = f"first token {said} ms, one at a time, of {found.first_token_s.count}"
    role, tier = wanted.latency_max_ms, wanted.tier_latency_max_ms
    if role is None and tier is None:
        return Result("not_measured", f"{figure}; neither role nor tier states a bound")
    missed = [bound for bound in (role, tier) if bound is not None and ms["p95"] > bound]
    if role is not None:
        figure += f"; the role allows {role:g}"
    if tier is not None:
        figure += f"; the tier allows {tier:g}"
    if not (wanted.stands_in and tier in missed):
        return Result("fail" if missed else "pass", figure)
    figure += " and exempts its stand-in, which misses it"
    if role is None:
        return Result("not_measured", f"no other bound: {figure}")
    return Result("fail" if role in missed else "pass", figure)


def _quality(probe: Probe, wanted: Wanted) -> Result:
    """Every floor that the role states, by the ends of its figure's interval."""
    figures, words = [f"{_share(probe)}, untrained"], list[Word]()
    if wanted.accuracy_min is not None:
        figures.append(f"the floor is {wanted.accuracy_min:g}")
        words.append(_floor(probe.low, probe.high, wanted.accuracy_min))
    if wanted.f1_min is not None and probe.f1 is None:
        figures.append(f"no macro F1 to hold against {wanted.f1_min:g}: the role has no labels")
        words.append("not_measured")
    elif wanted.f1_min is not None and probe.f1 is not None:
        value, low, high = probe.f1
        figures.append(
            f"macro F1 {value:.3f} [{low:.3f}, {high:.3f}]; the floor is {wanted.f1_min:g}"
        )
        words.append(_floor(low, high, wanted.f1_min))
    figure = "; ".join(figures)
    if not words:
        return Result("not_measured", f"{figure}; the role states no accuracy_min or f1_min")
    if "fail" in words:
        return Result("fail", figure)
    if "not_measured" in words:
        return Result("not_measured", f"cannot be told: {figure}")
    return Result("pass", figure)


def _floor(low: float, high: float, floor: float) -> Word:
    """A floor within the interval leaves it open: the tasks are too few."""
    return "pass" if low >= floor else "fail" if high < floor else "not_measured"


def _peak_load(found: Measured, rate: float | None) -> Result:
    most = f"{found.answers_per_s:.3g} answers a second, {found.at_once} at once"
    if rate is None:
        return Result("not_measured", f"{most}; the role states no throughput_rps")
    if found.load is None:
        return Result("fail", f"{most}; the role needs {rate:g}")
    load = found.load
    figure = (
        f"{load.offered_rps:g} requests a second for {load.seconds:.3g} s: answered after P50 "
        f"{load.latency_s.p50:.3g}, P95 {load.latency_s.p95:.3g}, P99 {load.latency_s.p99:.3g} s, "
        f"up to {load.at_once_most} at once"
    )
    return Result(
        "pass" if load.kept_up else "fail", figure + ("" if load.kept_up else "; falling behind")
    )


def _places(value: float) -> str:
    """How a figure is written: three digits that count, and no power of ten."""
    return ",.0f" if value >= 100 else ".3g"


def _share(probe: Probe) -> str:
    return (
        f"{probe.accuracy:.3f} right [{probe.low:.3f}, {probe.high:.3f}] of {probe.tasks} dev tasks"
    )
