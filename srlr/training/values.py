"""What PPO expects of an answer at each of its tokens, and what a token earned beyond that.

    reward of token t      -β · (log π_old - log π_ref)        how far the token left the reference
    of the last one also   what the answer is worth, less `no_stop_penalty` where it was cut off

From rewards and values come advantages and returns (advantages.gae), once for each rollout.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch.nn import functional

from srlr.core.errors import ConfigError
from srlr.core.training import Ppo
from srlr.models import stack
from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.training import adapters, advantages, kl
from srlr.training.forward import Packed, Row, hidden_states, pack, scores, whole
from srlr.training.groups import Asked, Group, rows_of
from srlr.training.parallel import ALONE, World
from srlr.training.turns import turns


class Head(torch.nn.Module):
    """The value of a state h: w · h / ‖h‖ + b, in float32; 0 at first.

    States are as long as their network likes; by their direction alone, one learning rate suits
    all networks, and no gradient of w is longer than the value is wrong.
    """

    def __init__(self, model: LocalModel) -> None:
        """Raises:
        ConfigError: where the model keeps its final states is not found.
        """
        super().__init__()
        if stack.find(model.model) is None:
            raise ConfigError(
                f"rlvr=ppo: the final states of {model.name}, from which values are made, are not "
                "found in its structure",
                "rlvr=grpo",
            )
        width = model.model.get_output_embeddings().weight.shape[-1]
        self.weight = torch.nn.Parameter(torch.zeros(width, device=model.device))
        self.bias = torch.nn.Parameter(torch.zeros(1, device=model.device))

    def forward(self, states_ND: torch.Tensor) -> torch.Tensor:
        """(N,) values of final states."""
        values_N: torch.Tensor = functional.normalize(states_ND.float(), dim=-1) @ self.weight
        return values_N + self.bias


@dataclass(frozen=True, slots=True)
class Credit:
    """What an answer's tokens teach, an entry for each: advantage, return, value at the rollout."""

    advantages: Sequence[float]
    returns: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Credited:
    """A prompt's answers, each with its credit."""

    asked: Asked
    answers: Sequence[Completion]
    credits: Sequence[Credit]


def credited(
    model: LocalModel,
    head: Head,
    groups: Sequence[Group],
    reference: adapters.Reference | None,
    settings: Ppo,
    kl_weight: float,
    world: World = ALONE,
) -> tuple[list[Credited], dict[str, float]]:
    """Every answer's credit by the policy and the values of the rollout; and figures for the
    record: divergence (k3, nats a token), mean value, explained variance of the returns.
    """
    values, known = _foreseen(model, head, groups, reference, settings, world)
    answers = [answer for group in groups for answer in group.answers]
    worths = [worth.total for group in groups for worth in group.worths]
    credits = []
    for answer, total in zip(answers, worths, strict=True):
        earned = total - (0.0 if answer.stopped else settings.no_stop_penalty)
        rewards = rewarded(answer.logps, known.get(id(answer)), earned, kl_weight)
        expected = values[id(answer)]
        both = advantages.gae(rewards, expected, settings.gamma, settings.gae_lambda)
        credits.append(Credit(*both, expected))
    returns = [one for credit in credits for one in credit.returns]
    expected = [one for credit in credits for one in credit.values]
    figures = {
        "kl": _divergence(answers, known),
        "value": fmean(expected),
        "explained_variance": advantages.explained_variance(returns, expected),
    }
    if settings.whiten_advantages:
        credits = _whitened(credits)
    rest = iter(credits)
    return [
        Credited(group.asked, group.answers, [next(rest) for _ in group.answers])
        for group in groups
    ], figures


def rewarded(
    logps_T: Sequence[float],
    reference_T: Sequence[float] | None,
    earned: float,
    kl_weight: float,
) -> list[float]:
    """Rewards of an answer's tokens: the divergence of each, and at the last what it has earned.

    Source: Ziegler et al. 2019, arXiv 1909.08593, section 2.
    """
    rewards = [0.0] * len(logps_T)
    if reference_T is not None:
        both = zip(logps_T, reference_T, strict=True)
        rewards = [-kl_weight * (logp - known) for logp, known in both]
    rewards[-1] += earned
    return rewards


Tokens = Mapping[int, Sequence[float]]
"""A figure of each token of an answer, by the answer's id()."""

Figures = tuple[int, Sequence[float]]
"""A row's place, and a figure of each token that is scored in it."""


@torch.no_grad()
def _foreseen(
    model: LocalModel,
    head: Head,
    groups: Sequence[Group],
    reference: adapters.Reference | None,
    settings: Ppo,
    world: World,
) -> tuple[Tokens, Tokens]:
    """Values of all answers' tokens, and log-probabilities by the reference if there is one."""
    values: list[Figures] = []
    known: list[Figures] = []
    pairs = list(rows_of(groups))
    seen = [row for row, _ in pairs]
    for turn in turns(seen, settings.micro_batch_tokens, model, world):
        rows = [seen[place] for place in turn.places]
        own = [] if turn.idle else turn.places
        packed = pack(rows, model, idle=turn.idle)
        expected_N = head(_states(model, packed))
        values += zip(own, _shared_out(expected_N, packed, rows), strict=not turn.idle)
        if reference is not None:
            with reference() as untrained:
                logp_N = scores(untrained, packed, settings.temperature)
            known += zip(own, _shared_out(logp_N, packed, rows), strict=not turn.idle)
    every = [[answer for group in own for answer in group.answers] for _, own in pairs]
    return _of_answers(world.chained(values), every), _of_answers(world.chained(known), every)


def _states(model: LocalModel, packed: Packed) -> torch.Tensor:
    return hidden_states(model, packed) if model.abilities.head else whole(model, packed)[1]


def _shared_out(
    figure_N: torch.Tensor, packed: Packed, rows: Sequence[Row]
) -> Iterator[list[float]]:
    """The figures of each row's tokens, those of all its answers one after the other."""
    for piece in torch.split(figure_N[packed.place_M], [row.said for row in rows]):
        yield piece.tolist()


def _of_answers(figures: Sequence[Figures], answers: Sequence[Sequence[Completion]]) -> Tokens:
    found: dict[int, Sequence[float]] = {}
    for place, said in figures:
        rest = iter(said)
        for answer in answers[place]:
            found[id(answer)] = list(itertools.islice(rest, len(answer.tokens)))
    return found


def _divergence(answers: Sequence[Completion], known: Tokens) -> float:
    """The mean k3 over all tokens; 0 without a reference."""
    if not known:
        return 0.0
    logp_M = torch.tensor([one for answer in answers for one in answer.logps])
    reference_M = torch.tensor([one for answer in answers for one in known[id(answer)]])
    return kl.k3(logp_M, reference_M).mean().item()


def _whitened(credits: Sequence[Credit]) -> list[Credit]:
    every = iter(advantages.whitened([one for credit in credits for one in credit.advantages]))
    return [
        replace(credit, advantages=[next(every) for _ in credit.advantages]) for credit in credits
    ]
