"""Why a model is not the one that select would choose now: nothing is run or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.hardware import Machine
from srlr.core.layers import nearest
from srlr.core.settings import Settings
from srlr.models.measured import Measured
from srlr.models.ranking import Ranked
from srlr.stages import select, select_record
from srlr.stages.select import Choice, Ground


@dataclass(frozen=True, slots=True)
class Explanation:
    """What keeps a model from being chosen."""

    model: str
    verdict: str
    """selected, excluded, outranked, not measured, or not a candidate."""
    why: tuple[str, ...]
    selected: str | None
    """What would be chosen; None where nothing fits."""
    gaps: tuple[tuple[str, float], ...] = ()
    """By criterion, how much of the difference in score it makes; negative: this model is better.
    """
    score: float | None = None
    selected_score: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "verdict": self.verdict,
            "why": list(self.why),
            "selected": self.selected,
            "score": self.score,
            "selected_score": self.selected_score,
            "gaps": {name: round(gap, 4) for name, gap in self.gaps},
        }


def explain(
    settings: Settings,
    machine: Machine,
    name: str,
    found: Mapping[str, Measured] = MappingProxyType({}),
) -> Explanation:
    """The model by itself against the constraints, and against what would be chosen.

    Args:
        found: what was measured, by model, where the decision rests on that.

    Raises:
        ConfigError: there is no card of that name.
    """
    on = select.ground(settings, machine, found=found)
    card = on.settings.model if on.settings.model.name == name else on.known.get(name)
    if card is None:
        close = nearest(name, list(on.known))
        raise ConfigError(
            f"there is no model {name!r} in the catalog",
            f"did you mean {close!r}?" if close else f"there is {', '.join(on.known)}",
        )
    one, breaches = select.judged(card, on)
    choice, nothing = _choice(on)
    if choice is not None and choice.selected.name == name:
        how = select_record.CHOSEN_BY[choice.how]
        return Explanation(name, "selected", (f"it is the choice, by {how}",), name)
    why = [f"{breach.constraint}: {breach.figure}" for breach in breaches]
    listed = settings.tier.candidates
    if listed and name not in listed:
        why.insert(0, f"tier {settings.tier.name} does not name it in tier.candidates")
    mine = on.rank([one])[0]
    if choice is None:
        return Explanation(name, "excluded", (*why, nothing), None, score=mine.score)
    verdict = "excluded" if breaches else "not a candidate" if why else "outranked"
    if verdict == "outranked" and name in {other.name for other in choice.unmeasured}:
        verdict = "not measured"
    return _against(choice, mine, verdict, why, on)


def _against(choice: Choice, mine: Ranked, verdict: str, why: list[str], on: Ground) -> Explanation:
    """The score beside the chosen model's, where both can be compared."""
    best = choice.selected
    if verdict == "not measured":
        why.append(f"{select_record.NOT_COMPARED}: {mine.score:.3f}")
    elif verdict != "outranked":
        would = "more" if mine.score > best.score else "no more"
        why.append(f"its score would be {mine.score:.3f}, {would} than {best.score:.3f}")
    elif choice.how == "user":
        why.append(f"the user chose {best.name}: model={best.name}")
    else:
        why.append(select_record.behind(best, mine))
    return Explanation(
        model=mine.name,
        verdict=verdict,
        why=tuple(why),
        selected=best.name,
        gaps=tuple(select_record.gaps(best, mine)),
        score=mine.score,
        selected_score=best.score,
    )


def _choice(on: Ground) -> tuple[Choice | None, str]:
    """The choice, or None and in a line why there is none."""
    try:
        return select.choose(on.settings, on.machine, on.today, on.found), ""
    except ConfigError as error:
        return None, error.what.partition("\n")[0]
