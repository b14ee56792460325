"""select: choose the base model for the role, the tier and this machine.

reads   the catalog of cards (conf/model, the user's own), this machine
writes  select/decision.yaml    the decision record: what was chosen, why, and what was not
        select/report.md        the same for people
        select/report.html      the same with plots, where srlr[train] is installed
        manifest.json           compute_dtype: what the run's models are computed in from here on
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

from srlr.core.errors import ConfigError
from srlr.core.hardware import Machine
from srlr.core.layers import nearest
from srlr.core.rundir import RunDir, now
from srlr.core.settings import ModelCard, Settings
from srlr.core.types import Plan, StageResult
from srlr.models import catalog, constraints, precision, ranking, trees
from srlr.models.candidate import Candidate, Demands
from srlr.models.constraints import Breach
from srlr.models.measured import Measured
from srlr.models.ranking import Ranked
from srlr.models.trees import Advice
from srlr.stages import select_facts, select_record

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
    """Those it was chosen among, the selected first."""
    candidates: Mapping[str, Candidate]
    excluded: Mapping[str, tuple[Breach, ...]]
    breaches: tuple[Breach, ...]
    """Of the selected model: a stand-in's and a user's choice may have some."""
    stand_in_for: str | None
    demands: Demands
    advice: Advice
    unmeasured: tuple[Ranked, ...] = ()
    """Those that fit as well, by their claims, where it was chosen among what was measured."""

    @property
    def is_measured(self) -> bool:
        """Whether it rests on what was measured, and not on claims alone."""
        return self.candidates[self.selected.name].observed is not None


@dataclass(frozen=True, slots=True)
class Ground:
    """What any candidate is judged on: the same for all of them."""

    settings: Settings
    machine: Machine
    known: Mapping[str, ModelCard]
    advice: Advice
    demands: Demands
    today: date
    found: Mapping[str, Measured]
    """What was measured, by model."""

    @property
    def config_dir(self) -> Path | None:
        said = self.settings.config_dir
        return Path(said) if said else None

    def candidates(self, chosen: Sequence[ModelCard]) -> list[Candidate]:
        return select_facts.candidates(chosen, self.settings, self.machine, self.today, self.found)

    def rank(self, chosen: Sequence[Candidate]) -> tuple[Ranked, ...]:
        advice = self.advice
        return tuple(ranking.rank(chosen, advice.weights, self.demands, advice.weights_from))


def plan(settings: Settings) -> Plan:
    return Plan(NAME, seconds=1.0, note=f"would select {preview(settings)}")


def preview(settings: Settings) -> str:
    """The name of the card that `run` would select now; nothing is written."""
    return choose(settings, precision.foreseen(settings.hardware)).selected.name


def run(settings: Settings, rundir: RunDir) -> StageResult:
    """Raises ConfigError where nothing fits and the tier has no stand-in that does."""
    machine = precision.settle(settings.hardware, rundir)
    rundir.progress("candidates", 0, 1)
    choice = choose(settings, machine)
    record = select_record.write(settings, machine, choice, now(), rundir)
    rundir.progress("candidates", 1, 1)
    metrics = {"score": choice.selected.score, "candidates": float(len(choice.candidates))}
    notes = (record["model_selection"]["reasoning"][0],)
    return StageResult(NAME, "select/decision.yaml", metrics, notes)


def choose(
    settings: Settings,
    machine: Machine,
    today: date | None = None,
    found: Mapping[str, Measured] = MappingProxyType({}),
) -> Choice:
    """The decision, from the settings, the catalog, the machine and what was measured.

    What is measured is compared with what is measured: where such models fit, the choice is among
    them, and others, whose figures are claims, are told beside them.

    Args:
        today: ages of models are counted to it; None is this day in UTC.
        found: by model what was measured on this machine; it counts instead of claims.

    Raises:
        ConfigError: nothing fits, or the tier names a card that is not in the catalog.
    """
    on = ground(settings, machine, today, found)
    if settings.model.source is not None:
        return _by_user(on)
    known = on.candidates([named(one, on) for one in settings.tier.candidates or tuple(on.known)])
    excluded = {one.name: tuple(constraints.breaches(one, on.demands)) for one in known}
    fitting = [on.known[one.name] for one in known if not excluded[one.name]]
    for name, why in catalog.out_of_reach(fitting, on.config_dir).items():
        excluded[name] = (Breach("weights", why, 1.0),)
    if all(excluded.values()):
        return _stand_in(on, known, excluded)
    return _ranked(on, known, excluded)


def _ranked(
    on: Ground, known: Sequence[Candidate], excluded: Mapping[str, tuple[Breach, ...]]
) -> Choice:
    """The best of those that fit; of those that were measured, where there are some."""
    left = [one for one in known if not excluded[one.name]]
    measured = [one for one in left if one.observed is not None]
    ranked = on.rank(measured or left)
    return Choice(
        selected=ranked[0],
        how="ranked",
        ranked=ranked,
        candidates={one.name: one for one in known},
        excluded={name: broken for name, broken in excluded.items() if broken},
        breaches=(),
        stand_in_for=None,
        demands=on.demands,
        advice=on.advice,
        unmeasured=on.rank([one for one in left if one.observed is None]) if measured else (),
    )


def ground(
    settings: Settings,
    machine: Machine,
    today: date | None = None,
    found: Mapping[str, Measured] = MappingProxyType({}),
) -> Ground:
    """Everything that does not depend on a candidate."""
    folder = Path(settings.config_dir) if settings.config_dir else None
    advice = trees.advise(settings.role, settings.tier, settings.select, trees.read(folder))
    ranking.shares(advice.weights, advice.weights_from)  # wrong ones are said before anything else
    return Ground(
        settings=settings,
        machine=machine,
        known=catalog.cards(folder),
        advice=advice,
        demands=select_facts.demands(settings, machine, advice),
        today=today or datetime.now(UTC).date(),
        found=found,
    )


def judged(card: ModelCard, on: Ground) -> tuple[Candidate, tuple[Breach, ...]]:
    """One card by itself: its facts, and the constraints that it does not meet."""
    one = on.candidates([card])[0]
    if why := catalog.out_of_reach([card], on.config_dir).get(card.name):
        one = replace(one, unobtainable=why)
    return one, tuple(constraints.breaches(one, on.demands))


def _by_user(on: Ground) -> Choice:
    """The user's own choice: not ranked against others, but held against the same constraints."""
    card, tier = on.settings.model, on.settings.tier
    one, found = judged(card, on)
    if one.for_pay:
        raise ConfigError(
            f"model={card.name}: its vendor sells its answers, not its weights, so it cannot be "
            "trained; its card is there to compare prices with",
            "see `srlr models list` for models with weights",
        )
    ranked = on.rank([one])
    outside = any(breach.constraint == "parameters" for breach in found)
    stands_in = outside and card.name == tier.stand_in
    return Choice(
        selected=ranked[0],
        how="user",
        ranked=ranked,
        candidates={card.name: one},
        excluded={},
        breaches=found,
        stand_in_for=tier.name if stands_in else None,
        demands=on.demands,
        advice=on.advice,
    )


EXEMPT = ("parameters", "mixture")
"""The bounds of the tier and of the tree, from which the tier's declared stand-in is exempt; its
breaches are listed all the same. So are those of which only the tier's or the tree's share binds.
"""


def _stand_in(
    on: Ground, known: Sequence[Candidate], excluded: Mapping[str, tuple[Breach, ...]]
) -> Choice:
    tier = on.settings.tier
    if tier.stand_in is None:
        raise _nothing_fits(on.settings, excluded)
    card = named(tier.stand_in, on)
    one, breaches = judged(card, on)
    fatal = tuple(breach for breach in breaches if not _exempt(breach, one, on))
    if fatal:
        raise _nothing_fits(on.settings, {**excluded, card.name: fatal})
    ranked = on.rank([one])
    return Choice(
        selected=ranked[0],
        how="stand-in",
        ranked=ranked,
        candidates={**{each.name: each for each in known}, card.name: one},
        excluded=excluded,
        breaches=breaches,
        stand_in_for=tier.name,
        demands=on.demands,
        advice=on.advice,
    )


def _exempt(breach: Breach, one: Candidate, on: Ground) -> bool:
    """Whether the stand-in may have it: what the role itself asks for holds for it, too."""
    needs = on.settings.role.requirements
    if breach.constraint == "tools":
        return not needs.tools
    if breach.constraint == "latency":
        return (
            needs.latency_max_ms is None or (one.known("latency_ms") or 0) <= needs.latency_max_ms
        )
    return breach.constraint in EXEMPT


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
    mend = "choose another tier or hardware"
    if first.constraint == "memory":
        mend += ", learn with less (srl.tuning=qlora rlvr.tuning=qlora)"
    lines = "".join(
        f"\n  {one}: " + "; ".join(f"{b.constraint}: {b.figure}" for b in all_of)
        for one, all_of in sorted(excluded.items())
    )
    return ConfigError(
        f"no base model fits role {role!r} in tier {tier!r} on this machine; "
        f"the nearest is {name!r}, excluded by its {first.constraint}: {first.figure}{lines}",
        f"{mend}, or take it all the same: model={name}",
    )


def named(name: str, on: Ground) -> ModelCard:
    """The card that the tier names.

    Raises:
        ConfigError: there is none of that name.
    """
    if name in on.known:
        return on.known[name]
    close = nearest(name, list(on.known))
    raise ConfigError(
        f"tier {on.settings.tier.name!r} names the model {name!r}, and there is no such card",
        f"did you mean {close!r}?" if close else f"there is {', '.join(on.known)}",
    )
