"""What the role itself says: its rules, and criteria that its author may add."""

from collections.abc import Iterable
from typing import Any

from srlr.collaboration.checks import PASSED
from srlr.core.errors import ConfigError
from srlr.core.types import Role, Trajectory, Verdict


def rules(trajectory: Trajectory, role: Role) -> Verdict:
    """The role's verdict from the steps alone."""
    return role.verify(trajectory)


def criteria(trajectory: Trajectory, role: Role) -> Verdict | None:
    """The product of what the role's `criteria(trajectory)` returns: a Verdict, or several.

    None where the role has no such function, or its criteria cannot judge this trajectory.

    Raises:
        ConfigError: it returns something else, or a score outside [0, 1].
    """
    function = getattr(role, "criteria", None)
    if function is None:
        return None
    score, issues, judged = 1.0, [], False
    for verdict in _verdicts(function(trajectory)):
        judged = True
        score *= verdict.score
        issues += [f"criteria: {issue}" for issue in verdict.issues]
        if verdict.score < 1 and not verdict.issues:
            issues.append(f"criteria: scored {verdict.score:g}")
    if not judged:
        return None
    return Verdict(score, tuple(issues)) if issues or score < 1 else PASSED


def _verdicts(said: Any) -> Iterable[Verdict]:
    many = said if isinstance(said, list | tuple) else [said]
    for one in many:
        if one is None:
            continue
        if not isinstance(one, Verdict):
            raise ConfigError(
                f"the role's criteria() returned {type(one).__name__}, not a Verdict",
                "return srlr.core.types.Verdict(score, issues), a list of them, or None",
            )
        if not 0.0 <= one.score <= 1.0:
            raise ConfigError(
                f"the role's criteria() gave the score {one.score!r}", "scores are from 0 to 1"
            )
        yield one
