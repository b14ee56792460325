"""What a family's decision tree (conf/trees.yaml, or the user's own) says for one role in one tier,
and by which way it got there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srlr.core.errors import ConfigError
from srlr.core.layers import find, layers, shown
from srlr.core.profile import Branch, RoleProfile, Trees, When
from srlr.core.settings import Select, Tier
from srlr.core.tree import read_file
from srlr.models.constraints import ROUNDED


@dataclass(frozen=True, slots=True)
class Advice:
    """A tree's answer. Where its sizes and the tier's have nothing in common, the tier is what the
    user said: the branch's constraints are set aside and only its weights are left.
    """

    branch: Branch | None
    path: tuple[str, ...]
    """Each branch that was looked at, and why it was taken or not."""
    applied: bool
    """Whether the branch's constraints hold."""
    parameters_b: tuple[float, float]
    weights: Mapping[str, float]
    weights_from: str
    """role.weights, the tree's place, or select.weights."""


def read(config_dir: Path | None = None) -> Trees:
    """The trees; a trees.yaml in the user's config_dir replaces ours.

    Raises:
        ConfigError: the file is wrong; every fault is named.
    """
    from pydantic import ValidationError

    path = find(layers(config_dir), "trees")
    if path is None:
        return Trees({})
    try:
        return Trees.model_validate(read_file(path))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in error.errors()
        ]
        told = "\n  ".join(one.removeprefix(": ") for one in faults)
        raise ConfigError(f"{shown(path)} is wrong:\n  {told}", "mend those lines") from error


def advise(role: RoleProfile, tier: Tier, select: Select, trees: Trees) -> Advice:
    """The role's own weights win over the tree's, these over select.weights."""
    branches = trees.root.get(role.family, ())
    taken, path = _walk(branches, role, tier)
    branch = None if taken is None else branches[taken]
    bounds = _both(branch, tier)
    where = f"trees.{role.family}[{taken}]"
    weights, said_by = (
        (role.weights, "role.weights")
        if role.weights
        else (select.weights, "select.weights")
        if branch is None
        else (branch.weights, where)
    )
    return Advice(
        branch=branch,
        path=path,
        applied=branch is not None and bounds is not None,
        parameters_b=bounds or (tier.parameters_min_b, tier.parameters_max_b),
        weights=weights,
        weights_from=said_by,
    )


def latency_bound(role: RoleProfile, tier: Tier) -> float | None:
    """The lower of what role and tier allow; None where nobody waits."""
    if tier.asynchronous or role.requirements.response == "asynchronous":
        return None
    stated = (role.requirements.latency_max_ms, tier.latency_max_ms)
    return min((bound for bound in stated if bound is not None), default=None)


def _walk(
    branches: Sequence[Branch], role: RoleProfile, tier: Tier
) -> tuple[int | None, tuple[str, ...]]:
    """The place of the first branch whose conditions hold, and what was seen on the way."""
    path = []
    for place, branch in enumerate(branches):
        holds, why = _holds(branch.when, role, tier)
        path.append(f"{place + 1}: {why}: {'taken' if holds else 'not taken'}")
        if holds:
            return place, tuple(path)
    return None, tuple(path)


def _holds(when: When, role: RoleProfile, tier: Tier) -> tuple[bool, str]:
    facts, fits = [], []
    if when.latency_at_most_ms is not None:
        bound = latency_bound(role, tier)
        facts.append(
            f"latency bound {'none' if bound is None else f'{bound:g} ms'}, "
            f"at most {when.latency_at_most_ms:g} wanted"
        )
        fits.append(bound is not None and bound <= when.latency_at_most_ms)
    if when.response is not None:
        response = "asynchronous" if tier.asynchronous else role.requirements.response
        facts.append(f"response {response}, {when.response} wanted")
        fits.append(response == when.response)
    if when.quality is not None:
        facts.append(f"quality {role.requirements.quality}, {when.quality} wanted")
        fits.append(role.requirements.quality == when.quality)
    return all(fits), "; ".join(facts) or "whatever is asked"


def _both(branch: Branch | None, tier: Tier) -> tuple[float, float] | None:
    """The sizes that tree and tier have in common; None where there are none."""
    if branch is None:
        return None
    low = max(branch.parameters_min_b or 0.0, tier.parameters_min_b)
    high = min(branch.parameters_max_b or float("inf"), tier.parameters_max_b)
    return (low, high) if low <= high * (1 + ROUNDED) else None
