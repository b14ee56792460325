"""Answers to one prompt, judged and compared with each other: what policy gradients learn from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol, TypeVar

from srlr.core.training import PolicyGradient
from srlr.models.rollout import Completion
from srlr.training import advantages
from srlr.training.forward import Row
from srlr.training.losses import VARIANTS


@dataclass(frozen=True, slots=True)
class Worth:
    """What an answer is worth: the sum that is learnt from, the outcome that gates, and the parts
    that could be judged.
    """

    total: float
    outcome: float
    parts: Mapping[str, float]


Judge = Callable[[int, Completion], Worth]
"""judge(index of the prompt, an answer to it): pure."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt as tokens: `prompt`, then `given`, the steps that were taken before the answer.

    Those with the same `prompt` are read together in training.
    """

    prompt: Sequence[int]
    given: Sequence[int] = ()

    @property
    def tokens(self) -> list[int]:
        return [*self.prompt, *self.given]


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt's answers and what each did better than the others; `advantages` None: left out."""

    asked: Asked
    answers: Sequence[Completion]
    worths: Sequence[Worth]
    advantages: Sequence[float] | None


class Answered(Protocol):
    """What a row is made of."""

    @property
    def asked(self) -> Asked: ...
    @property
    def answers(self) -> Sequence[Completion]: ...


AnyGroup = TypeVar("AnyGroup", bound=Answered)


def compared(
    drawn: Sequence[tuple[Asked, Sequence[Completion], Sequence[Worth]]],
    settings: PolicyGradient,
    weights: Mapping[str, float] | None = None,
) -> list[Group]:
    """Groups with the advantages of their answers, by the settings' variant.

    A group whose *outcomes* have no spread is left out, whatever its other rewards say: a shaped
    reward keeps separating answers that are all equally right or wrong, and learning from that
    separation replaces the goal by the shaping.

    Args:
        weights: what the parts of a worth weigh, where each is normalised by itself first. Their
            sum is then divided by the batch's deviation and not by the group's once more, so that
            a group in which several rewards agree counts more (GDPO, arXiv 2601.05242).
    """
    scale, least = VARIANTS[settings.variant].scale, settings.min_reward_spread
    teaches = [
        advantages.has_spread([worth.outcome for worth in worths], least) for *_, worths in drawn
    ]
    learnt = [worths for (*_, worths), kept in zip(drawn, teaches, strict=True) if kept]
    if weights is not None:
        scale = "batch" if scale == "group" else scale
        totals = advantages.decoupled([[w.parts for w in worths] for worths in learnt], weights)
    else:
        totals = [[worth.total for worth in worths] for worths in learnt]
    better = iter(advantages.of_groups(totals, scale, least))
    return [
        Group(*one, next(better) if kept else None)
        for one, kept in zip(drawn, teaches, strict=True)
    ]


def rows_of(groups: Sequence[AnyGroup]) -> Iterator[tuple[Row, list[AnyGroup]]]:
    """Groups of the same prompt as one row, its completions group by group, answer by answer."""
    by_prompt: dict[tuple[int, ...], list[AnyGroup]] = {}
    for group in groups:
        by_prompt.setdefault(tuple(group.asked.prompt), []).append(group)
    for prompt, own in by_prompt.items():
        completions, given = [], []
        for group in own:
            for answer in group.answers:
                completions.append([*group.asked.given, *answer.tokens])
                given.append(len(group.asked.given))
        yield Row(prompt, completions, given if any(given) else ()), own


def describe(groups: Sequence[Group]) -> dict[str, float]:
    """Mean rewards and shapes of the answers, for the record."""
    worths = [worth for group in groups for worth in group.worths]
    answers = [answer for group in groups for answer in group.answers]
    return {
        "reward": fmean(worth.total for worth in worths),
        **{
            f"reward_{name}": fmean(w.parts[name] for w in worths if name in w.parts)
            for name in dict.fromkeys(name for worth in worths for name in worth.parts)
        },
        "kept_share": fmean(group.advantages is not None for group in groups),
        "response_tokens": fmean(len(answer.tokens) for answer in answers),
        "stopped_share": fmean(answer.stopped for answer in answers),
    }
