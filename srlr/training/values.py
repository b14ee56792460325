"""What PPO expects of an answer at each of its tokens, and what a token earned beyond that.

    reward of token t      -β · (log π_old - log π_ref)        how far the token left the reference
    of the last one also   what the answer is worth, less `no_stop_penalty` where it was cut off

From rewards and values come advantages and returns (advantages.gae), once for each rollout.
"""

from collections.abc import Mapping, Sequence
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
from srlr.training.forward import Packed, hidden_states, micro_batches, pack, scores, whole
from srlr.training.groups import Asked, Group, rows_of


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
) -> tuple[list[Credited], dict[str, float]]:
    """Every answer's credit by the policy and the values of the rollout; and figures for the
    record: divergence (k3, nats a token), mean value, explained variance of the returns.
    """
    values, known = _foreseen(model, head, groups, reference, settings)
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


@torch.no_grad()
def _foreseen(
    model: LocalModel,
    head: Head,
    groups: Sequence[Group],
    reference: adapters.Reference | None,
    settings: Ppo,
) -> tuple[Tokens, Tokens]:
    """Values of all answers' tokens, and log-probabilities by the reference if there is one."""
    values: dict[int, Sequence[float]] = {}
    known: dict[int, Sequence[float]] = {}
    pairs = list(rows_of(groups))
    for batch in micro_batches([row for row, _ in pairs], settings.micro_batch_tokens, model):
        packed = pack([pairs[i][0] for i in batch], model)
        answers = [answer for i in batch for group in pairs[i][1] for answer in group.answers]
        values |= _shared_out(head(_states(model, packed)), packed, answers)
        if reference is not None:
            with reference() as untrained:
                logp_N = scores(untrained, packed, settings.temperature)
            known |= _shared_out(logp_N, packed, answers)
    return values, known


def _states(model: LocalModel, packed: Packed) -> torch.Tensor:
    return hidden_states(model, packed) if model.abilities.head else whole(model, packed)[1]


def _shared_out(
    figure_N: torch.Tensor, packed: Packed, answers: Sequence[Completion]
) -> dict[int, Sequence[float]]:
    figure_M, start = figure_N[packed.place_M].tolist(), 0
    found: dict[int, Sequence[float]] = {}
    for answer in answers:
        found[id(answer)] = figure_M[start : start + len(answer.tokens)]
        start += len(answer.tokens)
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
