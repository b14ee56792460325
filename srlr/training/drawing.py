"""Drawing groups of answers until a batch of them teaches something.

A prompt whose answers are all alike costs a rollout and teaches nothing. Where `refill_attempts`
allows, others are drawn in its place, so that every update is made from as many groups; how far the
draw has come in the order of prompts is in the loop's state.

Source: DAPO, arXiv 2503.14476, section 3.2; for step rewards, SRL, arXiv 2510.25992, section 3.3.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from srlr.core.training import OnPolicy, PolicyGradient
from srlr.models import rollout
from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.models.sampling import Sampling
from srlr.training import checkpoint
from srlr.training.groups import Asked, Group, Judge, Worth, compared
from srlr.training.parallel import ALONE, World

Drawn = tuple[Asked, Sequence[Completion], Sequence[Worth]]
POSITION = "position"
"""Its place in checkpoint.State.loop: units drawn since the start."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What is asked, how an answer is judged, and the limits of an answer and of a batch.

    Attributes:
        units: indices of `asked` that are drawn together: one prompt, or a problem's steps.
        weights: what the parts of a worth weigh, where each is normalised by itself first; None:
            totals are compared.
        rows: answers generated together.
        stop: what ends an answer beside the model's own stop token.
        together: is shown the (index, answer) that `worth` is asked of next, to do at once what
            each of them needs; it changes no worth.
    """

    asked: Sequence[Asked]
    units: Sequence[Sequence[int]]
    worth: Judge
    weights: Mapping[str, float] | None
    max_new_tokens: int
    rows: int
    stop: tuple[str, ...] = ()
    together: Callable[[Sequence[tuple[int, Completion]]], None] | None = None

    def worths(self, answers: Sequence[tuple[int, Completion]]) -> list[Worth]:
        """What answers to the prompts of these indices are worth, in their order."""
        if self.together is not None:
            self.together(answers)
        return [self.worth(index, answer) for index, answer in answers]


def batch(
    model: LocalModel,
    draw: Draw,
    settings: PolicyGradient,
    state: checkpoint.State,
    seed: int,
    world: World = ALONE,
) -> list[Group]:
    """The groups of a step, those that teach nothing among them.

    At least `prompts_per_step` prompts are asked; then others, up to `refill_attempts` times, until
    as many teach. Those that teach beyond that number are kept.
    """
    wanted, drawn, groups = settings.prompts_per_step, list[Drawn](), list[Group]()
    for attempt in range(1 + settings.refill_attempts):
        teaching = sum(group.advantages is not None for group in groups)
        if teaching >= wanted:
            break
        rate = teaching / len(groups) if groups else 1.0
        number = min(wanted, math.ceil((wanted - teaching) / max(rate, 1.0 / wanted)))
        chosen, state.loop[POSITION] = indices(
            draw.units, state.loop.get(POSITION, 0), number, seed
        )
        again = settings.passes * settings.minibatches > 1
        own = _seed(seed, state.step, attempt)
        drawn += _roll_out(model, draw, chosen, settings, own, world, log_probs=again)
        groups = compared(drawn, settings, draw.weights)
    return groups


def answered(
    model: LocalModel,
    draw: Draw,
    settings: OnPolicy,
    state: checkpoint.State,
    seed: int,
    world: World = ALONE,
) -> list[Drawn]:
    """The next prompts with their answers, log-probabilities and worths; all of them teach."""
    chosen, state.loop[POSITION] = indices(
        draw.units, state.loop.get(POSITION, 0), settings.prompts_per_step, seed
    )
    own = _seed(seed, state.step, 0)
    return _roll_out(model, draw, chosen, settings, own, world, log_probs=True)


def indices(
    units: Sequence[Sequence[int]], position: int, prompts: int, seed: int
) -> tuple[list[int], int]:
    """At least `prompts` indices, unit by unit from `position` of the order on, in ascending order;
    and the position after them.

    The first epoch keeps the given order, later ones are shuffled. What comes twice, where an epoch
    ends among them, is asked once.
    """
    chosen: list[int] = []
    while len(chosen) < prompts:
        epoch, place = divmod(position, len(units))
        chosen += units[checkpoint.order(len(units), seed, epoch)[place] if epoch else place]
        position += 1
    return sorted(set(chosen)), position


def _seed(seed: int, step: int, attempt: int) -> int:
    names = ("rollout", step, attempt) if attempt else ("rollout", step)
    return checkpoint.stream(seed, *names).getrandbits(48)


def _roll_out(
    model: LocalModel,
    draw: Draw,
    chosen: Sequence[int],
    settings: OnPolicy,
    seed: int,
    world: World,
    *,
    log_probs: bool,
) -> list[Drawn]:
    """The chosen prompts' answers with their worths; each process draws and judges its piece."""
    size, piece = settings.samples_per_prompt, world.piece(len(chosen))
    answers = rollout.generate_tokens(
        model,
        [draw.asked[index].tokens for index in chosen],
        Sampling(
            max_new_tokens=draw.max_new_tokens,
            samples=size,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
            seed=seed,
            stop=draw.stop,
            log_probs=log_probs,
            batch_size=draw.rows,
        ),
        only=piece,
    )
    own = [chosen[place] for place in piece]
    every = [index for index in own for _ in range(size)]
    worths = draw.worths(list(zip(every, answers, strict=True)))
    drawn: list[Drawn] = [
        (draw.asked[index], answers[start : start + size], worths[start : start + size])
        for start, index in zip(range(0, len(every), size), own, strict=True)
    ]
    return world.chained(drawn)
