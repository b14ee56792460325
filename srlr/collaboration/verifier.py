"""The judge of a trajectory: checks that anyone can make, the role's own, and those that cost.

score = Π over checks that could judge of 1 − weight (1 − its score)

So a check of weight 1 that finds nothing right rejects alone, one of weight 0 is not run, and what
cannot be judged neither helps nor harms. `checks` of the verdict says pass, fail or cannot judge.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from srlr.collaboration.checks import arithmetic, consistency, form, judging, leak, own
from srlr.core.errors import ConfigError
from srlr.core.types import Role, Trajectory, Verdict
from srlr.core.verifying import Verifier

Check = Callable[[], Verdict | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """Who can be asked about a trajectory: its teacher again, and another model. None: nobody."""

    again: consistency.Again | None = None
    ask: judging.Ask | None = None


NOBODY = Panel()


def judge(
    trajectory: Trajectory,
    role: Role,
    label: str,
    *,
    settings: Verifier | None = None,
    panel: Panel = NOBODY,
    floor: float = 0.0,
) -> Verdict:
    """What every check says, as one score in [0, 1], with issues that name the step.

    Args:
        label: the field of the answer that must agree with the human one.
        floor: a score that the free checks leave below it is final: nobody is asked.

    Raises:
        ConfigError: the role's criteria return what is no verdict; or further answers or a judge
            are asked for, and the panel has nobody who gives them.
    """
    settings = settings or Verifier()
    _seated(settings, panel)
    free = _free(trajectory, role, label)
    verdict = _judged(Verdict(1.0), free, settings)
    if verdict.score < floor or verdict.score == 0.0:
        return verdict
    return _judged(verdict, _asked(trajectory, label, settings, panel), settings)


def _seated(settings: Verifier, panel: Panel) -> None:
    """A check that was asked for is never left out in silence."""
    if settings.judge.model is not None and panel.ask is None:
        raise ConfigError(
            f"generate.verifier.judge.model: nothing here can ask {settings.judge.model!r}",
            "generate.verifier.judge.model=null judges without a model",
        )
    if settings.answers and panel.again is None:
        raise ConfigError(
            "generate.verifier.answers: this teacher cannot be asked again",
            "generate.verifier.answers=0",
        )


def _free(trajectory: Trajectory, role: Role, label: str) -> Iterator[tuple[str, Check]]:
    yield "rules", partial(own.rules, trajectory, role)
    yield "completeness", partial(form.completeness, trajectory)
    yield "rewards", partial(form.rewards, trajectory)
    yield "format", partial(form.readable, trajectory, role)
    yield "agreement", partial(form.agreement, trajectory, label)
    yield "arithmetic", partial(arithmetic.arithmetic, trajectory)
    yield "leak", partial(leak.leak, trajectory, label)
    yield "criteria", partial(own.criteria, trajectory, role)


def _asked(
    trajectory: Trajectory, label: str, settings: Verifier, panel: Panel
) -> Iterator[tuple[str, Check]]:
    again, ask = panel.again, panel.ask
    if settings.answers and again:
        yield (
            "consistency",
            partial(consistency.consistency, trajectory, label, again, settings.answers),
        )
    if settings.judge.model and ask:
        yield "judge", partial(judging.judge, trajectory, ask, settings.judge.tolerance)


def _judged(before: Verdict, checks: Iterator[tuple[str, Check]], settings: Verifier) -> Verdict:
    """`before` with what the checks say; one of weight 0 is not run."""
    score, issues, said = before.score, list(before.issues), dict(before.checks)
    for name, check in checks:
        weight = getattr(settings.weights, name)
        if weight == 0:
            continue
        verdict = check()
        if verdict is None:
            said[name] = "cannot judge"
            continue
        said[name] = "fail" if verdict.issues else "pass"
        # 1 - 1 (1 - x) is not always x in floating point, and a role's score is compared as it is
        score *= verdict.score if weight == 1 else 1 - weight * (1 - verdict.score)
        issues += verdict.issues
    return Verdict(score, tuple(issues), said)
