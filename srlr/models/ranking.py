"""Which base model fits a role best: one weighted sum of criteria (models.criteria) for each that
meets the constraints (models.constraints). Pure functions of the facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srlr.core.errors import ConfigError
from srlr.core.layers import nearest
from srlr.models.candidate import Candidate, Demands
from srlr.models.criteria import FAMILIES, SPREAD, WORDS


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of one candidate: its share of the weight, its score in [0, 1], what it rests
    on."""

    name: str
    family: str
    weight: float
    score: float
    note: str
    basis: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score in [0, 1], the weighted sum of its criteria.

    `criteria` are all of them, those that weigh nothing too, in the same order for every candidate.
    """

    name: str
    score: float
    criteria: tuple[Criterion, ...]

    @property
    def weighed(self) -> tuple[Criterion, ...]:
        """Those that weigh something."""
        return tuple(one for one in self.criteria if one.weight > 0)


def shares(weights: Mapping[str, float], said_by: str = "role.weights") -> dict[str, float]:
    """The weight of every criterion, together 1; a family's is shared among its criteria evenly.

    Raises:
        ConfigError: a weight is for no criterion, negative or no number, or all are 0.
    """
    wrong = [name for name in weights if name not in WORDS]
    if wrong:
        close = nearest(wrong[0], WORDS)
        raise ConfigError(
            f"{said_by}: no such criterion {', '.join(map(repr, wrong))}",
            f"did you mean {close!r}?" if close else f"there is {', '.join(WORDS)}",
        )
    bad = [f"{name}: {weight:g}" for name, weight in weights.items() if not 0 <= weight < 1e308]
    if bad:
        raise ConfigError(
            f"{said_by}: not a weight: {', '.join(bad)}", "write a number of 0 or more"
        )
    total = sum(weights.values())
    if total <= 0:
        raise ConfigError(f"{said_by}: every weight is 0", "give one criterion a weight")
    found = {name: 0.0 for judges in FAMILIES.values() for name in judges}
    for word, weight in weights.items():
        among = SPREAD.get(word, (word,))
        for name in among:
            found[name] += weight / total / len(among)
    return found


def rank(
    candidates: Sequence[Candidate],
    weights: Mapping[str, float],
    demands: Demands,
    said_by: str = "role.weights",
) -> list[Ranked]:
    """The candidates by falling score, equal ones by name."""
    parts = shares(weights, said_by)
    ranked = [_scored(one, parts, demands) for one in candidates]
    return sorted(ranked, key=lambda one: (-one.score, one.name))


def _scored(one: Candidate, parts: Mapping[str, float], demands: Demands) -> Ranked:
    criteria = []
    for family, judges in FAMILIES.items():
        for name, judge in judges.items():
            mark = judge(one, demands)
            criteria.append(Criterion(name, family, parts[name], mark.score, mark.note, mark.basis))
    # rounded, so that the last bit of a sum cannot break a tie
    return Ranked(one.name, round(sum(c.weight * c.score for c in criteria), 12), tuple(criteria))
