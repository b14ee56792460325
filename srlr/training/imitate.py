"""SRL, objective `imitate`: learn the expert's steps, each as much as it is worth, near the
reference.

    loss = Σ w_t · -log π(a_t)  +  β · Σ KL(π ‖ π_ref)        both per completion token

    w  the step's weight (rewards.normalise), the same for all tokens of a step, mean 1
    β  the adaptive controller's weight (kl.Controller)

The reference is the model as it came. The divergence from it is exact at a token, over the whole
vocabulary: the reference's final hidden states (D numbers a token, not V) are kept, and its output
layer makes distributions of them again. It is measured on a fixed share of the examples, which then
stand for all of them, because one pass of the reference over an example is what it costs.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from srlr.core.errors import ConfigError
from srlr.core.training import Distil, Imitate, Sft
from srlr.models.local import LocalModel
from srlr.training import adapters, checkpoint, kl, learner, losses, watch
from srlr.training.course import Course
from srlr.training.forward import (
    Packed,
    Row,
    backward,
    hidden_states,
    log_probs,
    micro_batches,
    pack,
)
from srlr.training.optim import MasterAdamW
from srlr.training.parallel import World
from srlr.training.progress import Outcome, Surroundings, factor
from srlr.training.turns import turns


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
    """The untouched model's output layer, and its final states of a random `kl_share` of the
    examples, at least one; of those of them that will be trained on.
    """

    def __init__(
        self,
        model: LocalModel,
        examples: Sequence[Example],
        settings: Imitate,
        seed: int,
        around: Surroundings,
    ) -> None:
        if not model.abilities.head:
            raise ConfigError(
                f"srl.kl_penalty_weight: the logits of {model.name} are more than a product of its "
                "states, from which the divergence is taken",
                "srl.kl_penalty_weight=0",
            )
        self.head = model.model.get_output_embeddings().weight.detach().clone()
        self.states: dict[int, torch.Tensor] = {}
        some = max(1, round(settings.kl_share * len(examples)))
        self.scale = len(examples) / some
        measured = checkpoint.stream(seed, "reference").sample(range(len(examples)), some)
        due = reached(examples, settings, seed)
        measured = [index for index in measured if index in due]
        share = around.world.share([len(examples[index].prompt) for index in measured])
        measured = [measured[place] for place in share]
        rows = [examples[index].row() for index in measured]
        with torch.no_grad():
            for batch in micro_batches(rows, settings.micro_batch_tokens, model):
                chosen = [rows[place] for place in batch]
                states = hidden_states(model, pack(chosen, model))
                pieces = torch.split(states, [row.said for row in chosen])
                for place, piece in zip(batch, pieces, strict=True):
                    self.states[measured[place]] = piece.clone()
                around.progress("reference", len(self.states), len(rows), {})
        self._exchange(around.world)

    def _exchange(self, world: World) -> None:
        """Every process gets what the others have read: any may train on any example."""
        if world.size > 1:
            own = [(index, states.cpu()) for index, states in self.states.items()]
            device = self.head.device
            self.states = {index: states.to(device) for index, states in world.chained(own)}

    def of(
        self, examples: Sequence[int], sizes: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """For the completion tokens of examples of these sizes: which are measured (N,), bool, and
        their final states (M, D).
        """
        known = [index in self.states for index in examples]
        known_N = torch.tensor(known).repeat_interleave(torch.tensor(sizes))
        states = [self.states[index] for index in examples if index in self.states]
        empty = self.head.new_empty(0, self.head.shape[1])
        return known_N.to(self.head.device), torch.cat([empty, *states])

    def divergence(self, logits_NV: torch.Tensor, states_ND: torch.Tensor) -> torch.Tensor:
        """The sum over tokens, scaled up to what all examples would have."""
        if not len(logits_NV):
            return logits_NV.new_zeros((), dtype=torch.float32)
        logits = torch.nn.functional.linear(states_ND, self.head)
        return self.scale * kl.exact(logits_NV, logits).sum()


def train(
    model: LocalModel,
    examples: Sequence[Example],
    settings: Imitate,
    seed: int,
    around: Surroundings,
) -> Outcome:
    """The model's weights become those of the last step; the best ones are in
    `around.folder`/best.
    """
    steps = plan_steps(len(examples), settings)
    reference = None
    if settings.kl_penalty_weight:
        reference = Reference(model, examples, settings, seed, around)
    model = adapters.attach(model, settings, seed)
    own = learner.begin(model, settings, around.world)
    model = own.model
    optimiser = MasterAdamW(
        own.parameters,
        settings.learning_rate,
        settings.weight_decay,
        settings.optimiser,
        shards=model.shards,
    )
    course = Course(model, optimiser, settings, around, steps)
    # A fresh start has no score: in a format the model has not seen, it would be 0.
    state = course.resumed() or checkpoint.State(kl_weight=settings.kl_penalty_weight)
    if state.step:
        model.tally.take()  # the reference was counted when the loop began
    around.rewind(state.step)
    watch.anchor(optimiser, state, settings, around)
    while not course.is_over(state):
        began = time.perf_counter()
        chosen = batch_of(state.step, len(examples), settings.batch_size, seed)
        with adapters.learning(model, seed, state.step, around.world.rank):
            figures = _step(
                model,
                examples,
                chosen,
                reference,
                optimiser,
                state,
                settings,
                factor=factor(state, steps, settings),
                world=around.world,
            )
        course.end_step(state, figures, began, ("loss", "kl"))
    return course.outcome(state)


def plan_steps(examples: int, settings: Imitate | Sft | Distil) -> int:
    """How many optimiser steps the settings ask for."""
    steps = math.ceil(examples / settings.batch_size * settings.epochs)
    return max(1, min(steps, settings.max_steps or steps))


def reached(examples: Sequence[Example], settings: Imitate, seed: int) -> set[int]:
    """The examples of the steps there will be, if neither patience nor an alarm ends them: no more
    than a budget of tokens has room for.
    """
    found: set[int] = set()
    used, budget = 0, settings.token_budget or math.inf
    for step in range(plan_steps(len(examples), settings)):
        if used >= budget or len(found) == len(examples):
            break
        chosen = batch_of(step, len(examples), settings.batch_size, seed)
        used += 2 * sum(examples[index].row().length for index in chosen)  # there and back
        found.update(chosen)
    return found


def batch_of(step: int, examples: int, size: int, seed: int) -> list[int]:
    """The examples of a step, each once."""
    return sorted(set(places(step, examples, size, seed)))


def places(step: int, examples: int, size: int, seed: int) -> list[int]:
    """The examples of a step: every epoch is a fresh order, and batches run on across epochs."""
    positions = range(step * size, (step + 1) * size)
    return [checkpoint.order(examples, seed, p // examples)[p % examples] for p in positions]


def _step(
    model: LocalModel,
    examples: Sequence[Example],
    chosen: Sequence[int],
    reference: Reference | None,
    optimiser: MasterAdamW,
    state: checkpoint.State,
    settings: Imitate,
    *,
    factor: float,
    world: World,
) -> dict[str, float]:
    """One optimiser step over `chosen`; updates the controller's weight in `state`.

    Args:
        factor: of the learning rate.
        world: of the processes that have chosen the same, each of which reads its share.
    """
    rows = [examples[index].row() for index in chosen]
    said = sum(row.said for row in rows)
    total = torch.zeros(2)  # loss, divergence
    for turn in turns(rows, settings.micro_batch_tokens, model, world):
        own = [chosen[place] for place in turn.places]
        packed = pack([rows[place] for place in turn.places], model, idle=turn.idle)
        found = _backward(model, packed, examples, own, reference, state.kl_weight, said)
        if not turn.idle:
            total += found
    world.sum_gradients(optimiser.whole)
    total_loss, total_kl = map(sum, zip(*world.everyones(total.tolist()), strict=True))
    norm = optimiser.step(factor, settings.max_grad_norm)
    state.updates += math.isfinite(norm)
    figures = {
        "loss": total_loss,
        "kl": total_kl,
        "beta": state.kl_weight,
        "grad_norm": norm,
        "lr": optimiser.learning_rate * factor,
        "tokens": float(sum(row.length for row in rows)),
    }
    if reference is not None:
        controller = kl.Controller(state.kl_weight, settings.max_kl, settings.kl_horizon)
        state.kl_weight = controller.after(total_kl, len(chosen)).weight
    return figures


def _backward(
    model: LocalModel,
    packed: Packed,
    examples: Sequence[Example],
    own: Sequence[int],
    reference: Reference | None,
    kl_weight: float,
    said: int,
) -> torch.Tensor:
    """Adds the gradient of these examples' share of the loss; returns (loss, divergence)."""
    weights = [examples[index].token_weights() for index in own]
    weight_N = torch.tensor([w for each in weights for w in each], device=model.device)
    total = torch.zeros(2)
    if reference is not None:
        known_N, kept_ND = reference.of(own, list(map(len, weights)))
        place_N = known_N.cumsum(0) - 1  # where a measured token's states are

    def loss_of(logits_NV: torch.Tensor, tokens: slice) -> torch.Tensor:
        logp_N = log_probs(logits_NV, packed.target_N[tokens])
        loss = losses.imitation(logp_N, weight_N[tokens]) / said
        total[0] += loss.item()
        if reference is None:
            return loss
        known = known_N[tokens]
        states = kept_ND[place_N[tokens][known]]
        divergence = reference.divergence(logits_NV[known], states) / said
        total[1] += divergence.item()
        return loss + kl_weight * divergence

    backward(model, packed, loss_of)
    return total
