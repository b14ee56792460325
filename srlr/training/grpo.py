"""RLVR, algorithm `grpo`: answers of one group are compared with each other, near the reference.

    loss = Σ -min(ρA, clip(ρ, 1 ± ε)A)  +  β · Σ k3(π ‖ π_ref)      both per token of kept groups

    A  (r - mean) / deviation of the group's rewards      ρ  π / π_old, token by token

Every rollout is used for one update, so π_old is π and no pass is spent on it: ρ is 1 and its
gradient is the policy's. A group whose *outcome* has no spread is left out, whatever its other
rewards say: a shaped reward keeps separating answers that are all equally right or wrong, and
learning from that separation replaces the goal by the shaping. The reference is the model as it
came from SRL; where β is 0 it is neither held nor run.

Source: GRPO, arXiv 2402.03300; token-level mean and the filter, DAPO, arXiv 2503.14476.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from srlr.core.settings import Rlvr
from srlr.models import rollout
from srlr.models.local import LocalModel
from srlr.training import advantages, checkpoint, kl, losses
from srlr.training.forward import (
    Packed,
    Row,
    backward,
    hidden_states,
    log_probs,
    micro_batches,
    pack,
    pieces,
)
from srlr.training.optim import MasterAdamW, choose, schedule
from srlr.training.progress import Outcome, Surroundings, is_judgement_day, is_over, judge


@dataclass(frozen=True, slots=True)
class Worth:
    """What an answer is worth: the sum that is learnt from, the outcome that gates, all parts."""

    total: float
    outcome: float
    parts: Mapping[str, float]


Judge = Callable[[int, str], Worth]
"""judge(index of the prompt, answer's text): pure, never raises."""


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt's answers and what each did better than the others; `advantages` None: left out."""

    prompt: Sequence[int]
    answers: list[rollout.Completion]
    worths: list[Worth]
    advantages: list[float] | None

    def row(self) -> Row:
        return Row(self.prompt, [answer.tokens for answer in self.answers])

    def token_advantages(self) -> list[float]:
        """The answer's advantage, for each of its tokens; answer by answer."""
        both = zip(self.answers, self.advantages or [], strict=True)
        return [advantage for answer, advantage in both for _ in answer.tokens]


def train(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    worth: Judge,
    settings: Rlvr,
    *,
    max_new_tokens: int,
    rows: int,
    seed: int,
    around: Surroundings,
    first: Mapping[str, float] | None = None,
) -> Outcome:
    """The model's weights become those of the last step; the best ones are in `around.folder`/best.

    Args:
        prompts: in the order of the first epoch.
        rows: answers generated together.
        first: the model's held-out figures as it comes, where they are known.
    """
    steps = plan_steps(len(prompts), settings)
    reference = copy.deepcopy(model.model) if settings.kl_penalty_weight else None
    learning = choose(model, settings.trained_layers)
    optimiser = MasterAdamW(learning, settings.learning_rate, settings.weight_decay)
    state = checkpoint.load(around.folder / "checkpoint", optimiser)
    if state is None:
        state = checkpoint.State(kl_weight=settings.kl_penalty_weight)
        around.rewind(-1)
        judge(model, state, around, first)
    else:
        around.rewind(state.step)
    while not is_over(state, steps, settings):
        began = time.perf_counter()
        chosen = prompts_of(state.step, len(prompts), settings.prompts_per_step, seed)
        groups = _roll_out(
            model, prompts, chosen, worth, settings, max_new_tokens, rows, seed, state
        )
        figures = _describe(groups, settings)
        figures |= _step(model, groups, reference, optimiser, state, steps, settings)
        state.step += 1
        figures["seconds"] = time.perf_counter() - began
        around.log(state.step, figures)
        around.progress(
            "steps", state.step, steps, {"reward": figures["reward"], "kl": figures["kl"]}
        )
        if is_judgement_day(state, steps, settings):
            judge(model, state, around)
        if state.step % settings.checkpoint_every_steps == 0:
            checkpoint.save(around.folder / "checkpoint", optimiser, state)
    return Outcome(state.best_step, state.step, state.best, state.loop["first"])


def plan_steps(prompts: int, settings: Rlvr) -> int:
    """How many rollouts the settings ask for."""
    steps = math.ceil(prompts / settings.prompts_per_step * settings.epochs)
    return max(1, min(steps, settings.max_steps or steps))


def prompts_of(step: int, prompts: int, size: int, seed: int) -> list[int]:
    """The prompts of a step: the first epoch keeps the given order, later ones are shuffled."""
    chosen = []
    for position in range(step * size, (step + 1) * size):
        epoch, place = divmod(position, prompts)
        chosen.append(checkpoint.order(prompts, seed, epoch)[place] if epoch else place)
    return sorted(set(chosen))


def _roll_out(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    chosen: Sequence[int],
    worth: Judge,
    settings: Rlvr,
    max_new_tokens: int,
    rows: int,
    seed: int,
    state: checkpoint.State,
) -> list[Group]:
    """One group of scored answers for each chosen prompt."""
    answers = rollout.generate_tokens(
        model,
        [prompts[index] for index in chosen],
        max_new_tokens=max_new_tokens,
        samples=settings.samples_per_prompt,
        temperature=settings.temperature,
        seed=checkpoint.stream(seed, "rollout", state.step).getrandbits(48),
        batch_size=rows,
    )
    groups = []
    for number, index in enumerate(chosen):
        size = settings.samples_per_prompt
        own = answers[number * size : (number + 1) * size]
        worths = [worth(index, answer.text) for answer in own]
        outcomes = [one.outcome for one in worths]
        better = None
        if advantages.group_relative(outcomes, settings.min_reward_spread) is not None:
            totals = [one.total for one in worths]
            better = advantages.group_relative(totals, settings.min_reward_spread)
        groups.append(Group(prompts[index], own, worths, better))
    return groups


def _describe(groups: Sequence[Group], settings: Rlvr) -> dict[str, float]:
    worths = [worth for group in groups for worth in group.worths]
    answers = [answer for group in groups for answer in group.answers]
    return {
        "reward": fmean(worth.total for worth in worths),
        **{
            f"reward_{name}": fmean(worth.parts[name] for worth in worths)
            for name in worths[0].parts
        },
        "kept_share": fmean(group.advantages is not None for group in groups),
        "response_tokens": fmean(len(answer.tokens) for answer in answers),
        "stopped_share": fmean(answer.stopped for answer in answers),
    }


def _step(
    model: LocalModel,
    groups: Sequence[Group],
    reference: torch.nn.Module | None,
    optimiser: MasterAdamW,
    state: checkpoint.State,
    steps: int,
    settings: Rlvr,
) -> dict[str, float]:
    """One update from the groups that are kept; none at all where none is."""
    kept = [group for group in groups if group.advantages is not None]
    factor = schedule(settings.schedule, state.step, steps, settings.warmup_share)
    figures = {"loss": 0.0, "kl": 0.0, "beta": state.kl_weight, "grad_norm": 0.0, "entropy": 0.0}
    figures |= {"lr": settings.learning_rate * factor, "tokens": 0.0}
    if not kept:
        return figures
    rows = [group.row() for group in kept]
    said = sum(row.said for row in rows)
    for batch in micro_batches(rows, settings.micro_batch_tokens):
        better = [one for i in batch for one in kept[i].token_advantages()]
        packed = pack([rows[i] for i in batch], model.stop_token, model.device)
        loss = _backward(model, packed, better, reference, state, said, settings)
        optimiser.collect()
        for name, value in loss.items():
            figures[name] += value
    norm = optimiser.step(factor, settings.max_grad_norm)
    state.updates += math.isfinite(norm)
    if reference is not None:
        controller = kl.Controller(state.kl_weight, settings.max_kl, settings.kl_horizon)
        state.kl_weight = controller.after(figures["kl"], sum(len(g.answers) for g in kept)).weight
    return figures | {"grad_norm": norm, "tokens": float(sum(row.length for row in rows))}


def _backward(
    model: LocalModel,
    packed: Packed,
    better: Sequence[float],
    reference: torch.nn.Module | None,
    state: checkpoint.State,
    said: int,
    settings: Rlvr,
) -> dict[str, float]:
    """Adds the gradient of these rows' share of the loss; returns the share's figures.

    Args:
        better: the advantage of each of the M tokens.
    """
    advantage_M = torch.tensor(better, device=model.device)
    # Tokens that several answers have in common are one: it has the sum of their advantages.
    count_N = packed.place_M.bincount().float()
    advantage_N = torch.zeros_like(count_N).index_add(0, packed.place_M, advantage_M)
    reference_N = None
    if reference is not None:
        apart = LocalModel(reference, model.tokenizer, model.name, model.device, model.dtype)
        reference_N = _log_probs(apart, packed, settings.temperature)
    figures = {"loss": 0.0, "entropy": 0.0, "kl": 0.0}

    def loss_of(logits_NV: torch.Tensor, tokens: slice) -> torch.Tensor:
        logp_N = log_probs(logits_NV / settings.temperature, packed.target_N[tokens])
        loss = losses.clipped_policy(
            logp_N, logp_N.detach(), advantage_N[tokens], settings.clip_epsilon
        )
        loss = loss / said
        figures["loss"] += loss.item()
        figures["entropy"] -= (count_N[tokens] * logp_N.detach()).sum().item() / said
        if reference_N is None:
            return loss
        divergence = (count_N[tokens] * kl.k3(logp_N, reference_N[tokens])).sum() / said
        figures["kl"] += divergence.item()
        return loss + state.kl_weight * divergence

    backward(model, hidden_states(model, packed), loss_of)
    return figures


@torch.no_grad()
def _log_probs(model: LocalModel, packed: Packed, temperature: float) -> torch.Tensor:
    """(N,) log-probabilities of the scored tokens, without a gradient."""
    head = model.model.get_output_embeddings()
    states = hidden_states(model, packed)
    return torch.cat(
        [
            log_probs(head(states[piece]) / temperature, packed.target_N[piece])
            for piece in pieces(len(states))
        ]
    )
