"""Which decisions are due for review, and what would be decided today: nothing is run or written.

reads   select/decision.yaml of every run, its own config, the catalog and the machine of today
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from srlr.core import target
from srlr.core.errors import SrlrError
from srlr.core.rundir import RunDir, hash_of
from srlr.core.runs import WHERE_NOT_WHAT
from srlr.models import precision
from srlr.stages import select, select_again, select_record
from srlr.stages.select import Choice

CHANGED = 0.005
"""A score that moved by less has not changed in what is shown of it."""


@dataclass(frozen=True, slots=True)
class Review:
    """One decision beside today's."""

    run: str
    role: str
    tier: str
    decided: str
    """UTC, ISO 8601."""
    age_days: float
    model: str
    score: float
    verdict: str
    """same, other, or cannot be decided again."""
    model_today: str | None
    score_today: float | None
    why: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "why": list(self.why)}


@dataclass(frozen=True, slots=True)
class Reviews:
    """What was looked at."""

    due: tuple[Review, ...]
    """The oldest first."""
    fresh: int
    """Decisions that are not due yet."""
    unreadable: tuple[tuple[str, str], ...]
    """Runs whose decision cannot be read, and why."""


def review(runs: Iterable[RunDir], at: datetime, days: float) -> Reviews:
    """The decisions older than so many days, each made again with today's catalog and machine.

    Args:
        at: now, with a time zone.
    """
    due, unreadable, fresh = [], [], 0
    made: dict[str, Choice | SrlrError] = {}
    for rundir in runs:
        if not (rundir.path / select_again.DECISION).is_file():
            continue
        try:
            said = select_again.decision(rundir)
            age = _age_days(said, at)
        except SrlrError as error:
            unreadable.append((str(rundir.path), _first_line(error)))
            continue
        if age > days:
            due.append(_one(rundir, said, age, made))
        else:
            fresh += 1
    due.sort(key=lambda one: (one.decided, one.run))
    return Reviews(tuple(due), fresh, tuple(unreadable))


def _age_days(said: Mapping[str, Any], at: datetime) -> float:
    decided = datetime.fromisoformat(str(said["timestamp"]))
    if decided.tzinfo is None:
        decided = decided.replace(tzinfo=UTC)
    return (at - decided).total_seconds() / 86_400


def _one(
    rundir: RunDir, said: Mapping[str, Any], age: float, made: dict[str, Choice | SrlrError]
) -> Review:
    today = _today(rundir, made)
    was, score = str(said["selected_model"]), float(said["selection_score"])
    if isinstance(today, SrlrError):
        verdict, model, now, why = "cannot be decided again", None, None, [_first_line(today)]
    else:
        model, now = today.selected.name, today.selected.score
        verdict = "same" if model == was else "other"
        why = _changes(said, today)
    return Review(
        run=str(rundir.path),
        role=str(said.get("role")),
        tier=str(said.get("tier")),
        decided=str(said["timestamp"]),
        age_days=round(age, 1),
        model=was,
        score=score,
        verdict=verdict,
        model_today=model,
        score_today=None if now is None else round(now, 4),
        why=tuple(why),
    )


def _today(rundir: RunDir, made: dict[str, Choice | SrlrError]) -> Choice | SrlrError:
    """What the run's own config would choose now, on what its candidates were measured at where it
    was decided on that; the same question is asked once.
    """
    try:
        settings = target.find(target.Ask(run=str(rundir.path)), ()).first.settings
        machine = precision.foreseen(settings.hardware)
        found = select_again.decided_on(rundir, machine)
    except SrlrError as error:
        return error
    dump = settings.model_dump(mode="json", exclude=set(WHERE_NOT_WHAT))
    key = hash_of([dump, {name: one.as_dict() for name, one in found.items()}])
    if key not in made:
        try:
            made[key] = select.choose(settings, machine, found=found)
        except SrlrError as error:
            made[key] = error
    return made[key]


def _changes(said: Mapping[str, Any], today: Choice) -> list[str]:
    """What differs between a record and today, in sentences; empty where nothing does."""
    was, now = str(said["selected_model"]), today.selected
    found = []
    if now.name != was:
        found.append(_instead(was, today))
    before, after = set(said.get("candidates_evaluated", ())), set(today.candidates)
    for word, names in (("new", after - before), ("no longer a", before - after)):
        found += [f"{name} is {word} candidate" for name in sorted(names)]
    old = {(one["name"], one["constraint"]) for one in said.get("excluded", ())}
    new = {
        (name, b.constraint): b.figure for name, all_of in today.excluded.items() for b in all_of
    }
    found += [
        f"{name} is now excluded by its {constraint}: {figure}"
        for (name, constraint), figure in sorted(new.items())
        if (name, constraint) not in old and name in before
    ]
    found += [
        f"{name} is no longer excluded by its {constraint}"
        for name, constraint in sorted(old - set(new))
        if name in after
    ]
    return found + _scores(said, today)


def _instead(was: str, today: Choice) -> str:
    by_name = {one.name: one for one in today.ranked}
    if was in by_name:
        return f"{was} is {select_record.behind(today.selected, by_name[was])}"
    if was in today.excluded:
        first = today.excluded[was][0]
        return f"{was} is excluded by its {first.constraint}: {first.figure}"
    return f"{was} is not a candidate any more"


def _scores(said: Mapping[str, Any], today: Choice) -> list[str]:
    """Criteria of the models that are ranked then and now whose scores moved."""
    found = []
    scores = said.get("scores", {})
    for one in today.ranked:
        for c in one.weighed:
            old = scores.get(one.name, {}).get(c.name)
            if old is not None and abs(c.score - old) > CHANGED:
                found.append(f"{one.name}: {c.name} {old:.3f} then, {c.score:.3f} now, {c.note}")
    return found


def _first_line(error: SrlrError) -> str:
    return error.what.partition("\n")[0]
