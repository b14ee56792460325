"""One update from judged groups: what GRPO, its variants and stepwise SRL have in common.

    loss = Σ w · -objective(ρ, A)  +  β · Σ w · k3(π ‖ π_ref)       both per token of kept groups

    A  the answer's advantage (advantages)     ρ  π / π_old (losses)     w  what a token counts

Where every answer is used for one update, π_old is π and no pass is spent on it: ρ is 1 and its
gradient is the policy's, so that all variants differ by A and w alone. Where it is used again,
π_old is what the rollout drew it with; no forward pass is spent on it either.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from srlr.core.training import OnPolicy, PolicyGradient
from srlr.models.local import LocalModel
from srlr.training import adapters, checkpoint, kl, losses
from srlr.training.forward import (
    Packed,
    Row,
    backward,
    log_probs,
    pack,
    scores,
)
from srlr.training.groups import Group, rows_of
from srlr.training.losses import VARIANTS
from srlr.training.optim import MasterAdamW
from srlr.training.parallel import ALONE, World
from srlr.training.turns import turns

One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Scored:
    """A row, and for each of its M scored tokens: advantage, what it counts, old log-probability.

    `counts` are relative: 1 for all is the mean over tokens. `answers` are the tokens of each
    completion. `old` is None where each answer is used once.
    """

    row: Row
    answers: list[int]
    advantages: list[float]
    counts: list[float]
    old: list[float] | None


def update(
    model: LocalModel,
    groups: Sequence[Group],
    reference: adapters.Reference | None,
    optimiser: MasterAdamW,
    state: checkpoint.State,
    settings: PolicyGradient,
    *,
    factor: float,
    longest: int,
    seed: int,
    world: World = ALONE,
) -> dict[str, float]:
    """Moves the weights by the groups that are kept, and the KL controller in `state`.

    Args:
        factor: of the learning rate.
        longest: the most tokens an answer may have.
        world: of the processes that have the same groups, each of which reads its share.

    Returns:
        means over the updates; all 0 where no group is kept.
    """
    kept = [group for group in groups if group.advantages is not None]
    figures = {"loss": 0.0, "kl": 0.0, "beta": state.kl_weight, "grad_norm": 0.0, "entropy": 0.0}
    figures |= {"lr": optimiser.learning_rate * factor, "tokens": 0.0}
    if not kept:
        return figures
    again = settings.passes * settings.minibatches > 1
    if again and VARIANTS[settings.variant].ratio == "sequence" and model.dtype != torch.float32:
        kept = rescored(model, kept, settings, world)
    found: list[dict[str, float]] = []
    for part in parts(kept, settings, seed, state.step):
        scored = list(weighed(part, settings, longest, again=again))
        found.append(_one(model, scored, reference, optimiser, state, settings, world))
        norm = optimiser.step(factor, settings.max_grad_norm)
        state.updates += math.isfinite(norm)
        found[-1]["grad_norm"] = norm
        found[-1]["tokens"] = float(sum(one.row.length for one in scored))
    figures |= {name: sum(one[name] for one in found) / len(found) for name in found[0]}
    if reference is not None:
        controller = kl.Controller(state.kl_weight, settings.max_kl, settings.kl_horizon)
        samples = sum(len(group.answers) for group in kept)
        state.kl_weight = controller.after(figures["kl"], samples).weight
    return figures


def parts(kept: Sequence[One], settings: OnPolicy, seed: int, step: int) -> Iterator[list[One]]:
    """The groups of each update: all of them, or every pass an own order cut into minibatches."""
    if settings.passes == settings.minibatches == 1:
        yield list(kept)
        return
    for turn in range(settings.passes):
        order = list(range(len(kept)))
        checkpoint.stream(seed, "minibatches", step, turn).shuffle(order)
        for first in range(min(settings.minibatches, len(kept))):
            yield [kept[index] for index in sorted(order[first :: settings.minibatches])]


def weighed(
    groups: Sequence[Group], settings: PolicyGradient, longest: int, *, again: bool
) -> Iterator[Scored]:
    """Rows of the groups with all that the loss needs of each token."""
    answers = sum(len(group.answers) for group in groups)
    said = sum(len(answer.tokens) for group in groups for answer in group.answers)
    mean = VARIANTS[settings.variant].mean

    def counts(tokens: int) -> float:
        share = {"token": said, "sequence": answers * tokens, "constant": answers * longest}
        return said / share.get(mean, answers)

    for row, own in rows_of(groups):
        both = [
            (answer, advantage)
            for group in own
            for answer, advantage in zip(group.answers, group.advantages or (), strict=True)
        ]
        yield Scored(
            row,
            [len(answer.tokens) for answer, _ in both],
            [advantage for answer, advantage in both for _ in answer.tokens],
            [counts(len(answer.tokens)) for answer, _ in both for _ in answer.tokens],
            [one for answer, _ in both for one in answer.logps] if again else None,
        )


def _one(
    model: LocalModel,
    scored: Sequence[Scored],
    reference: adapters.Reference | None,
    optimiser: MasterAdamW,
    state: checkpoint.State,
    settings: PolicyGradient,
    world: World = ALONE,
) -> dict[str, float]:
    """Adds the gradient of these rows; returns the sums' figures."""
    said = sum(one.row.said for one in scored)
    rows = [one.row for one in scored]
    total: defaultdict[str, float] = defaultdict(float)
    for turn in turns(rows, settings.micro_batch_tokens, model, world):
        packed = pack([rows[place] for place in turn.places], model, idle=turn.idle)
        own = [scored[place] for place in turn.places]
        found = _backward(model, packed, own, reference, said, state.kl_weight, settings)
        for name, value in ({} if turn.idle else found).items():
            total[name] += value
    world.sum_gradients(optimiser.whole)
    return world.total(total)


def _backward(
    model: LocalModel,
    packed: Packed,
    scored: Sequence[Scored],
    reference: adapters.Reference | None,
    said: int,
    kl_weight: float,
    settings: PolicyGradient,
) -> dict[str, float]:
    """Adds the gradient of these rows' share of the loss; returns the share's figures."""
    device, temperature = model.device, settings.temperature
    figures = {"loss": 0.0, "entropy": 0.0, "kl": 0.0}
    figures |= {"clipped_share": 0.0} if scored[0].old is not None else {}
    objective = _objective(model, packed, scored, settings, figures, said)
    counts_M = torch.tensor([one for each in scored for one in each.counts], device=device)
    alike_N = packed.place_M.bincount().float()
    counts_N = torch.zeros_like(alike_N).index_add(0, packed.place_M, counts_M)
    reference_N = None
    if reference is not None:
        with reference() as untrained:
            reference_N = scores(untrained, packed, temperature)

    def loss_of(logits_NV: torch.Tensor, tokens: slice) -> torch.Tensor:
        logp_N = log_probs(logits_NV / temperature, packed.target_N[tokens])
        loss = objective(logp_N, tokens) / said
        figures["loss"] += loss.item()
        figures["entropy"] -= (alike_N[tokens] * logp_N.detach()).sum().item() / said
        if reference_N is None:
            return loss
        far_N = kl.k3(logp_N, reference_N[tokens])
        figures["kl"] += ((alike_N[tokens] * far_N.detach()).sum() / said).item()
        return loss + kl_weight * ((counts_N[tokens] * far_N).sum() / said)

    backward(model, packed, loss_of)
    return figures


def _objective(
    model: LocalModel,
    packed: Packed,
    scored: Sequence[Scored],
    settings: PolicyGradient,
    figures: dict[str, float],
    said: int,
) -> Callable[[torch.Tensor, slice], torch.Tensor]:
    """The sum of what is to fall, of (n,) log-probabilities of a piece of the N tokens."""
    variant, place_M = VARIANTS[settings.variant], packed.place_M
    low, high = bounds(settings)
    weighed_M = _tensor(
        model, [a * c for s in scored for a, c in zip(s.advantages, s.counts, strict=True)]
    )
    if scored[0].old is None:
        # Tokens that several answers have in common are one: it has the sum of their advantages.
        weighed_N = weighed_M.new_zeros(len(packed.target_N)).index_add(0, place_M, weighed_M)
        return lambda logp_N, tokens: losses.clipped_policy(
            logp_N, logp_N.detach(), weighed_N[tokens], low, high
        )
    old_M = _tensor(model, [one for each in scored for one in each.old or ()])
    far_M = None
    if variant.ratio == "sequence":
        now_M = scores(model, packed, settings.temperature)[place_M]
        answers = [tokens for each in scored for tokens in each.answers]
        far_M = torch.cat(
            [one.mean().expand(len(one)) for one in torch.split(now_M - old_M, answers)]
        )
    objective = losses.OBJECTIVES[variant.clip]

    def loss_of(logp_N: torch.Tensor, tokens: slice) -> torch.Tensor:
        here = ((place_M >= tokens.start) & (place_M < tokens.stop)).nonzero()[:, 0]
        logp_M = logp_N[place_M[here] - tokens.start]
        old = old_M[here] if far_M is None else losses.sequence_level(logp_M, far_M[here])
        beyond = losses.beyond(logp_M.detach(), old, weighed_M[here], low, high)
        figures["clipped_share"] += beyond.sum().item() / said
        return objective(logp_M, old, weighed_M[here], low, high)

    return loss_of


def bounds(settings: PolicyGradient) -> tuple[float, float]:
    """How far below and above 1 a ratio may be: the variant's, unless the settings say."""
    variant = VARIANTS[settings.variant]
    low, high = settings.clip_epsilon, settings.clip_epsilon_high
    if low is None:
        return variant.low, variant.high if high is None else high
    return low, low if high is None else high


def rescored(
    model: LocalModel,
    groups: Sequence[Group],
    settings: PolicyGradient,
    world: World = ALONE,
) -> list[Group]:
    """The groups with the log-probabilities that a training forward gives their answers.

    In bfloat16 those of the rollout differ from them in the third digit, which is as much as a
    ratio of whole answers may be off (GSPO's bounds are 3e-4).
    """
    pairs = list(rows_of(groups))
    own: list[tuple[int, list[float]]] = []  # a row's place, and its scores
    every = [row for row, _ in pairs]
    for turn in turns(every, settings.micro_batch_tokens, model, world):
        rows = [every[place] for place in turn.places]
        packed = pack(rows, model, idle=turn.idle)
        logp_M = scores(model, packed, settings.temperature)[packed.place_M]
        parts = torch.split(logp_M, [row.said for row in rows])
        if not turn.idle:
            own += [(at, part.tolist()) for at, part in zip(turn.places, parts, strict=True)]
    found: dict[int, list[float]] = {}
    for place, logps in world.chained(own):
        rest = iter(logps)
        for answer in (answer for group in pairs[place][1] for answer in group.answers):
            found[id(answer)] = list(itertools.islice(rest, len(answer.tokens)))
    return [
        replace(group, answers=[replace(one, logps=found[id(one)]) for one in group.answers])
        for group in groups
    ]


def _tensor(model: LocalModel, values: list[float]) -> torch.Tensor:
    return torch.tensor(values, device=model.device)
