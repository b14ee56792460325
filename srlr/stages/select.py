"""select: choose the base model for the role, the tier and this machine.

reads   the catalog of cards (conf/model, the user's own), this machine
writes  select/decision.yaml   the decision record: what was chosen, why, and what was not
        select/report.md       the same for people
        manifest.json          compute_dtype: what the run's models are computed in from here on
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from srlr.core.errors import ConfigError
from srlr.core.hardware import Machine
from srlr.core.layers import nearest
from srlr.core.rundir import RunDir, now
from srlr.core.settings import ModelCard, Settings
from srlr.core.types import Plan, StageResult
from srlr.models import card as cards
from srlr.models import catalog, precision, ranking
from srlr.models.ranking import Breach, Candidate, Demands, Ranked
from srlr.stages import select_record

NAME = "select"
READS: tuple[str, ...] = ("role", "tier", "hardware", "model", "select", "config_dir")
AFTER: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided and on what grounds; everything the record says is computed from this."""

    selected: Ranked
    how: str
    """"ranked", "stand-in" or "user"."""
    ranked: tuple[Ranked, ...]
    candidates: Mapping[str, Candidate]
    excluded: Mapping[str, tuple[Breach, ...]]
    breaches: tuple[Breach, ...]
    """Of the selected model: a stand-in's and a user's choice may have some."""
    stand_in_for: str | None
    demands: Demands


def plan(settings: Settings) -> Plan:
    return Plan(NAME, seconds=1.0, note=f"would select {preview(settings)}")


def preview(settings: Settings) -> str:
    """The name of the card that `run` would select now; nothing is written."""
    return choose(settings, precision.foreseen(settings.hardware)).selected.name


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises ConfigError where nothing fits and the tier has no stand-in that does."""
    import yaml

    machine = precision.settle(settings.hardware, rundir)
    rundir.progress("candidates", 0, 1)
    choice = choose(settings, machine)
    record = select_record.record(settings, machine, choice, now())
    text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100)
    rundir.write_text("select/decision.yaml", text)
    rundir.write_text("select/report.md", select_record.report(record))
    rundir.progress("candidates", 1, 1)
    metrics = {"score": choice.selected.score, "candidates": float(len(choice.candidates))}
    notes = (record["model_selection"]["reasoning"][0],)
    return StageResult(NAME, "select/decision.yaml", metrics, notes)


def choose(settings: Settings, machine: Machine) -> Choice:
    """The decision, from the settings, the catalog and the machine.

    Raises:
        ConfigError: nothing fits, or the tier names a card that is not in the catalog.
    """
    folder = _config_dir(settings)
    known = catalog.cards(folder)
    demands = _demands(settings, machine)
    if settings.model.source is not None:
        return _by_user(settings, demands, machine)
    names = settings.tier.candidates or tuple(known)
    found = _candidates([_card(one, known, settings) for one in names], settings, machine)
    excluded = {one.name: tuple(ranking.breaches(one, demands)) for one in found}
    fitting = [one for one in found if not excluded[one.name]]
    unreachable = catalog.out_of_reach([known[one.name] for one in fitting], folder)
    for name, why in unreachable.items():
        excluded[name] = (Breach("weights", why, 1.0),)
    ranked = ranking.rank(
        [one for one in found if not excluded[one.name]], _weights(settings), demands
    )
    if not ranked:
        return _stand_in(settings, demands, machine, known, found, excluded)
    return Choice(
        selected=ranked[0],
        how="ranked",
        ranked=tuple(ranked),
        candidates={one.name: one for one in found},
        excluded={name: found for name, found in excluded.items() if found},
        breaches=(),
        stand_in_for=None,
        demands=demands,
    )


def _by_user(settings: Settings, demands: Demands, machine: Machine) -> Choice:
    """The user's own choice: not ranked against others, but measured by the same constraints."""
    card = settings.model
    one = _candidates([card], settings, machine)[0]
    if why := catalog.out_of_reach([card], _config_dir(settings)).get(card.name):
        one = replace(one, unobtainable=why)
    found = tuple(ranking.breaches(one, demands))
    ranked = ranking.rank([one], _weights(settings), demands)
    outside = any(breach.constraint == "parameters" for breach in found)
    stands_in = outside and card.name == settings.tier.stand_in
    return Choice(
        selected=ranked[0],
        how="user",
        ranked=tuple(ranked),
        candidates={card.name: one},
        excluded={},
        breaches=found,
        stand_in_for=settings.tier.name if stands_in else None,
        demands=demands,
    )


EXEMPT = ("parameters", "latency")
"""The tier's own bounds, from which its declared stand-in is exempt; its breaches are listed all
the same."""


def _stand_in(
    settings: Settings,
    demands: Demands,
    machine: Machine,
    known: Mapping[str, ModelCard],
    found: Sequence[Candidate],
    excluded: Mapping[str, tuple[Breach, ...]],
) -> Choice:
    if settings.tier.stand_in is None:
        raise _nothing_fits(settings, excluded)
    card = _card(settings.tier.stand_in, known, settings)
    one = _candidates([card], settings, machine)[0]
    if why := catalog.out_of_reach([card], _config_dir(settings)).get(card.name):
        one = replace(one, unobtainable=why)
    breaches = tuple(ranking.breaches(one, demands))
    fatal = tuple(breach for breach in breaches if breach.constraint not in EXEMPT)
    if fatal:
        raise _nothing_fits(settings, {**excluded, card.name: fatal})
    ranked = ranking.rank([one], _weights(settings), demands)
    return Choice(
        selected=ranked[0],
        how="stand-in",
        ranked=tuple(ranked),
        candidates={**{each.name: each for each in found}, card.name: one},
        excluded=excluded,
        breaches=breaches,
        stand_in_for=settings.tier.name,
        demands=demands,
    )


def _nothing_fits(settings: Settings, excluded: Mapping[str, tuple[Breach, ...]]) -> ConfigError:
    """Names the role, and of the candidate with the fewest and smallest breaches the one that
    excluded it."""
    role, tier = settings.role.name, settings.tier.name
    if not excluded:
        return ConfigError(
            f"no base model for role {role!r} in tier {tier!r}: no card is a candidate",
            "name some: tier.candidates=[…]",
        )
    name, found = min(
        excluded.items(), key=lambda item: (len(item[1]), sum(b.excess for b in item[1]), item[0])
    )
    first = found[0]
    lines = "".join(
        f"\n  {one}: " + "; ".join(f"{b.constraint}: {b.figure}" for b in all_of)
        for one, all_of in sorted(excluded.items())
    )
    return ConfigError(
        f"no base model fits role {role!r} in tier {tier!r} on this machine; "
        f"the nearest is {name!r}, excluded by its {first.constraint}: {first.figure}{lines}",
        f"choose another tier or hardware, or take it all the same: model={name}",
    )


def _demands(settings: Settings, machine: Machine) -> Demands:
    needs, tier = settings.role.requirements, settings.tier
    bounds = [bound for bound in (needs.latency_max_ms, tier.latency_max_ms) if bound is not None]
    share = machine.memory_gb * settings.select.memory_share
    return Demands(
        parameters_min_b=tier.parameters_min_b,
        parameters_max_b=tier.parameters_max_b,
        memory_gb=min(share, machine.memory_available_gb),
        context_min_tokens=needs.context_min_tokens,
        licences=needs.licences,
        latency_max_ms=None if tier.asynchronous else min(bounds, default=None),
        cost_max_usd=needs.cost_max_per_1m_tokens,
    )


def _candidates(
    chosen: Sequence[ModelCard], settings: Settings, machine: Machine
) -> list[Candidate]:
    bits = settings.hardware.quantisation_bits or cards.DTYPE_BITS[machine.compute_dtype]
    found = []
    for card in chosen:
        size = cards.number(card, "parameters_b")
        active = cards.number(card, "active_parameters_b") or size
        latency = cards.token_ms(active, bits, machine.bandwidth_gb_s) if active else None
        reference_bits = cards.DTYPE_BITS[machine.compute_dtype]
        found.append(
            Candidate(
                name=card.name,
                parameters_b=size,
                context_tokens=cards.number(card, "context_tokens"),
                licence=cards.claim(card, "licence"),
                memory_gb=cards.training_gb(size, reference_bits) if size else None,
                latency_ms=latency,
                cost_usd=cards.cost_per_1m_tokens(latency, settings.hardware.price_usd_per_hour),
                claims={
                    claim: value
                    for claim in set(ranking.CLAIMS.values())
                    if (value := cards.number(card, claim)) is not None
                },
                for_pay=bool(cards.claim(card, "for_pay")),
            )
        )
    return found


def _config_dir(settings: Settings) -> Path | None:
    return Path(settings.config_dir) if settings.config_dir else None


def _weights(settings: Settings) -> Mapping[str, float]:
    return settings.role.weights or settings.select.weights


def _card(name: str, known: Mapping[str, ModelCard], settings: Settings) -> ModelCard:
    if name in known:
        return known[name]
    close = nearest(name, list(known))
    raise ConfigError(
        f"tier {settings.tier.name!r} names the model {name!r}, and there is no such card",
        f"did you mean {close!r}?" if close else f"there is {', '.join(known)}",
    )
