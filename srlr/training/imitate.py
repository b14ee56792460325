"""SRL, objective `imitate`: learn the expert's steps, each as much as it is worth, near the
reference.

    loss = Σ w_t · -log π(a_t)  +  β · Σ KL(π ‖ π_ref)        both per completion token

    w  the step's weight (rewards.normalise), the same for all tokens of a step, mean 1
    β  the adaptive controller's weight (kl.Controller)

The reference is the model as it came. Its divergence is exact, over the whole vocabulary, and
nearly
free: its final hidden states (D numbers a token, not V) are kept from the first time a row is seen,
and its output layer makes distributions of them again.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from srlr.core.settings import Srl
from srlr.models.local import LocalModel
from srlr.training import checkpoint, kl, losses
from srlr.training.forward import (
    Row,
    backward,
    hidden_states,
    log_probs,
    micro_batches,
    pack,
)
from srlr.training.optim import MasterAdamW, schedule
from srlr.training.progress import Outcome, Surroundings, is_judgement_day, is_over, judge


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, the expert's steps as tokens, and what each step weighs."""

    prompt: Sequence[int]
    steps: Sequence[Sequence[int]]
    weights: Sequence[float]

    def row(self) -> Row:
        return Row(self.prompt, [[token for step in self.steps for token in step]])

    def token_weights(self) -> list[float]:
        return [weight for step, weight in zip(self.steps, self.weights, strict=True) for _ in step]


class Reference:
    """The untouched model's output layer and its final states of every example."""

    def __init__(
        self, model: LocalModel, examples: Sequence[Example], settings: Srl, around: Surroundings
    ) -> None:
        self.head = model.model.get_output_embeddings().weight.detach().clone()
        self.states: dict[int, torch.Tensor] = {}
        rows = [example.row() for example in examples]
        with torch.no_grad():
            for batch in micro_batches(rows, settings.micro_batch_tokens):
                chosen = [rows[index] for index in batch]
                states = hidden_states(model, pack(chosen, model.stop_token, model.device))
                pieces = torch.split(states, [row.scored for row in chosen])
                self.states.update(zip(batch, (piece.clone() for piece in pieces), strict=True))
                around.progress("reference", len(self.states), len(rows), {})

    def of(self, examples: Sequence[int]) -> torch.Tensor:
        """(N, D) the final states of these examples' completion tokens."""
        return torch.cat([self.states[index] for index in examples])

    def logits(self, states_ND: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(states_ND, self.head)


def train(
    model: LocalModel,
    examples: Sequence[Example],
    settings: Srl,
    seed: int,
    around: Surroundings,
) -> Outcome:
    """The model's weights become those of the last step; the best ones are in
    `around.folder`/best.
    """
    steps = plan_steps(len(examples), settings)
    reference = None
    if settings.kl_penalty_weight:
        reference = Reference(model, examples, settings, around)
    optimiser = MasterAdamW(model.model.parameters(), settings.learning_rate, settings.weight_decay)
    state = checkpoint.load(around.folder / "checkpoint", optimiser)
    if state is None:
        state = checkpoint.State(kl_weight=settings.kl_penalty_weight)
        around.rewind(-1)
        judge(model, state, around)
    else:
        around.rewind(state.step)
    while not is_over(state, steps, settings):
        began = time.perf_counter()
        chosen = batch_of(state.step, len(examples), settings.batch_size, seed)
        figures = _step(model, examples, chosen, reference, optimiser, state, steps, settings)
        state.step += 1
        figures["seconds"] = time.perf_counter() - began
        around.log(state.step, figures)
        around.progress("steps", state.step, steps, {"loss": figures["loss"], "kl": figures["kl"]})
        if is_judgement_day(state, steps, settings):
            judge(model, state, around)
        if state.step % settings.checkpoint_every_steps == 0:
            checkpoint.save(around.folder / "checkpoint", optimiser, state)
    return Outcome(state.best_step, state.step, state.best, state.loop["first"])


def plan_steps(examples: int, settings: Srl) -> int:
    """How many optimiser steps the settings ask for."""
    steps = math.ceil(examples / settings.batch_size * settings.epochs)
    return max(1, min(steps, settings.max_steps or steps))


def batch_of(step: int, examples: int, size: int, seed: int) -> list[int]:
    """The examples of a step: every epoch is a fresh order, and batches run on across epochs."""
    positions = range(step * size, (step + 1) * size)
    return sorted(
        {checkpoint.order(examples, seed, p // examples)[p % examples] for p in positions}
    )


def _step(
    model: LocalModel,
    examples: Sequence[Example],
    chosen: Sequence[int],
    reference: Reference | None,
    optimiser: MasterAdamW,
    state: checkpoint.State,
    steps: int,
    settings: Srl,
) -> dict[str, float]:
    """One optimiser step over `chosen`; updates the controller's weight in `state`."""
    rows = [examples[index].row() for index in chosen]
    scored = sum(row.scored for row in rows)
    total = torch.zeros(2)  # loss, divergence
    for batch in micro_batches(rows, settings.micro_batch_tokens):
        own = [chosen[i] for i in batch]
        total += _backward(model, examples, own, reference, state.kl_weight, scored)
        optimiser.collect()
    total_loss, total_kl = total.tolist()
    factor = schedule(settings.schedule, state.step, steps, settings.warmup_share)
    norm = optimiser.step(factor, settings.max_grad_norm)
    state.updates += math.isfinite(norm)
    figures = {
        "loss": total_loss,
        "kl": total_kl,
        "beta": state.kl_weight,
        "grad_norm": norm,
        "lr": settings.learning_rate * factor,
        "tokens": float(sum(row.length for row in rows)),
    }
    if reference is not None:
        controller = kl.Controller(state.kl_weight, settings.max_kl, settings.kl_horizon)
        state.kl_weight = controller.after(total_kl, len(chosen)).weight
    return figures


def _backward(
    model: LocalModel,
    examples: Sequence[Example],
    own: Sequence[int],
    reference: Reference | None,
    kl_weight: float,
    scored: int,
) -> torch.Tensor:
    """Adds the gradient of these examples' share of the loss; returns (loss, divergence)."""
    packed = pack([examples[index].row() for index in own], model.stop_token, model.device)
    weight_N = torch.tensor(
        [w for index in own for w in examples[index].token_weights()], device=model.device
    )
    kept_ND = reference.of(own) if reference else None
    total = torch.zeros(2)

    def loss_of(logits_NV: torch.Tensor, tokens: slice) -> torch.Tensor:
        logp_N = log_probs(logits_NV, packed.target_N[tokens])
        loss = losses.imitation(logp_N, weight_N[tokens]) / scored
        total[0] += loss.item()
        if reference is None or kept_ND is None:
            return loss
        divergence = kl.exact(logits_NV, reference.logits(kept_ND[tokens])).sum() / scored
        total[1] += divergence.item()
        return loss + kl_weight * divergence

    backward(model, hidden_states(model, packed), loss_of)
    return total
