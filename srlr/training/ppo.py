"""RLVR, algorithm `ppo`: tokens are held against what was expected of the answer at that point.

    loss = mean over tokens of   -min(ρA, clip(ρ)A)  +  c_v · (V - R)², clipped  -  c_e · H

    ρ  π / π_old, π_old being what the rollout drew with     A, R  advantage and return (values)
    V  the value head's                                      H  the exact entropy at the token

The divergence from the reference is in the rewards of the tokens (values), under an adaptive
weight. Every answer teaches, one that is alone with its prompt too: there is no group to be better
than. The value head reads the policy's own final states. It is in the checkpoint, and no part of
the model that is kept.

Source: PPO, arXiv 1707.06347, eq. 9; for language, arXiv 1909.08593, section 2.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import torch

from srlr.core.training import Ppo
from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.training import adapters, advantages, checkpoint, drawing, groups, kl, learner, losses
from srlr.training.course import Course
from srlr.training.drawing import Draw
from srlr.training.forward import Packed, backward, log_probs, pack
from srlr.training.groups import Group, rows_of
from srlr.training.grpo import plan_steps
from srlr.training.optim import MasterAdamW
from srlr.training.parallel import ALONE, World
from srlr.training.policy import parts
from srlr.training.progress import Outcome, Surroundings, factor
from srlr.training.turns import turns
from srlr.training.values import Credit, Credited, Head, credited


def train(
    model: LocalModel,
    draw: Draw,
    settings: Ppo,
    seed: int,
    around: Surroundings,
    first: Mapping[str, float] | None = None,
) -> Outcome:
    """The model's weights become those of the last step; the best ones are in `around.folder`/best.

    Args:
        draw: prompts in the order of the first epoch.
        first: the model's held-out figures as it comes, where they are known.

    Raises:
        ConfigError: the model's final states, from which values are made, are not found.
    """
    steps = plan_steps(len(draw.asked), settings)
    head = Head(model)
    model = adapters.attach(model, settings, seed)
    own = learner.begin(model, settings, around.world, refers=settings.kl_penalty_weight > 0)
    model, reference = own.model, own.reference
    optimiser = MasterAdamW(
        own.parameters,
        settings.learning_rate,
        settings.weight_decay,
        settings.optimiser,
        head=head.parameters(),
        head_rate=settings.value_learning_rate / settings.learning_rate,
        shards=model.shards,
    )
    course = Course(model, optimiser, settings, around, steps)
    state = course.begin(first)
    while not course.is_over(state):
        began = time.perf_counter()
        drawn = drawing.answered(model, draw, settings, state, seed, around.world)
        judged = [Group(asked, answers, worths, ()) for asked, answers, worths in drawn]
        figures = groups.describe(judged) | {"spread_share": spread_share(judged)}
        learnt, seen = credited(
            model, head, judged, reference, settings, state.kl_weight, around.world
        )
        figures |= seen | {"beta": state.kl_weight}
        scale = factor(state, steps, settings)
        with adapters.learning(model, seed, state.step, around.world.rank):
            figures |= update(
                model,
                head,
                learnt,
                optimiser,
                state,
                settings,
                factor=scale,
                seed=seed,
                world=around.world,
            )
        if reference is not None:
            controller = kl.Controller(state.kl_weight, settings.max_kl, settings.kl_horizon)
            samples = sum(len(group.answers) for group in judged)
            state.kl_weight = controller.after(seen["kl"], samples).weight
        course.end_step(state, figures, began, ("reward", "kl"))
    return course.outcome(state)


def spread_share(drawn: Sequence[Group]) -> float:
    """The share of the prompts whose answers differ in outcome; where each has one answer, 1 or 0
    for all of them together.
    """
    outcomes = [[worth.outcome for worth in group.worths] for group in drawn]
    if max(map(len, outcomes)) == 1:
        outcomes = [[one for each in outcomes for one in each]]
    return fmean(advantages.has_spread(each, 0.0) for each in outcomes)


def update(
    model: LocalModel,
    head: Head,
    learnt: Sequence[Credited],
    optimiser: MasterAdamW,
    state: checkpoint.State,
    settings: Ppo,
    *,
    factor: float,
    seed: int,
    world: World = ALONE,
) -> dict[str, float]:
    """Moves model and head, `passes` times over the answers; returns means over the updates.

    Args:
        factor: of the learning rates.
        world: of the processes that have the same answers, each of which reads its share.
    """
    found: list[dict[str, float]] = []
    for part in parts(learnt, settings, seed, state.step):
        found.append(gradient(model, head, part, optimiser, settings, world))
        norm = optimiser.step(factor, settings.max_grad_norm)
        state.updates += math.isfinite(norm)
        found[-1]["grad_norm"] = norm
    figures = {name: fmean(one[name] for one in found) for name in found[0]}
    return figures | {"lr": optimiser.learning_rate * factor}


def gradient(
    model: LocalModel,
    head: Head,
    learnt: Sequence[Credited],
    optimiser: MasterAdamW,
    settings: Ppo,
    world: World = ALONE,
) -> dict[str, float]:
    """Adds the gradient of the loss of these answers; returns the loss, its parts, and shares."""
    every = list(rows_of(learnt))
    said = sum(row.said for row, _ in every)
    rows = [row for row, _ in every]
    total: defaultdict[str, float] = defaultdict(float)
    for turn in turns(rows, settings.micro_batch_tokens, model, world):
        packed = pack([rows[place] for place in turn.places], model, idle=turn.idle)
        own = [
            both
            for place in turn.places
            for group in every[place][1]
            for both in zip(group.answers, group.credits, strict=True)
        ]
        found = _backward(model, head, packed, own, said, settings)
        for name, value in ({} if turn.idle else found).items():
            total[name] += value
    world.sum_gradients(optimiser.whole)
    figures = world.total(total)
    figures["loss"] = (
        figures["policy_loss"]
        + settings.value_coef * figures["value_loss"]
        - settings.entropy_coef * figures["entropy"]
    )
    return {**figures, "tokens": float(sum(row.length for row, _ in every))}


def _backward(
    model: LocalModel,
    head: Head,
    packed: Packed,
    answers: Sequence[tuple[Completion, Credit]],
    said: int,
    settings: Ppo,
) -> dict[str, float]:
    """Adds the gradient of these answers' share of the loss; returns the share's figures."""
    place_M, clip = packed.place_M, settings.clip_epsilon
    alike_N = place_M.bincount().float()
    figures: defaultdict[str, float] = defaultdict(float)
    old_M = _tensor(model, [one for answer, _ in answers for one in answer.logps])
    better_M = _tensor(model, [one for _, credit in answers for one in credit.advantages])

    def loss_of(logits_NV: torch.Tensor, tokens: slice) -> torch.Tensor:
        logits_NV = logits_NV.float() / settings.temperature
        logp_N = log_probs(logits_NV, packed.target_N[tokens])
        here = ((place_M >= tokens.start) & (place_M < tokens.stop)).nonzero()[:, 0]
        own = logp_N[place_M[here] - tokens.start], old_M[here], better_M[here], clip, clip
        policy = losses.clipped_policy(*own) / said
        # Where nothing is asked of the entropy, its estimate from the tokens drawn is enough.
        spread_N = losses.entropy(logits_NV) if settings.entropy_coef else -logp_N.detach()
        entropy = (alike_N[tokens] * spread_N).sum() / said
        figures["policy_loss"] += policy.item()
        figures["entropy"] += entropy.item()
        with torch.no_grad():
            figures["clipped_share"] += losses.beyond(*own).sum().item() / said
        return policy - settings.entropy_coef * entropy

    backward(
        model, packed, loss_of, _value_loss(model, head, packed, answers, said, settings, figures)
    )
    return dict(figures)


def _value_loss(
    model: LocalModel,
    head: Head,
    packed: Packed,
    answers: Sequence[tuple[Completion, Credit]],
    said: int,
    settings: Ppo,
    figures: dict[str, float],
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The values' part of the loss, of the final states (N, D)."""
    old_M = _tensor(model, [one for _, credit in answers for one in credit.values])
    return_M = _tensor(model, [one for _, credit in answers for one in credit.returns])

    def loss_of(states_ND: torch.Tensor) -> torch.Tensor:
        states_ND = states_ND if settings.value_moves_trunk else states_ND.detach()
        now_M = head(states_ND)[packed.place_M]
        missed_M = losses.clipped_value(now_M, old_M, return_M, settings.value_clip_epsilon)
        loss = missed_M.sum() / said
        figures["value_loss"] += loss.item()
        clipped = missed_M.detach() > (now_M.detach() - return_M) ** 2
        figures["value_clipped_share"] += clipped.sum().item() / said
        return settings.value_coef * loss

    return loss_of


def _tensor(model: LocalModel, values: list[float]) -> torch.Tensor:
    return torch.tensor(values, device=model.device)
