"""RLVR, algorithm `grpo`: answers of one group are compared with each other, near the reference.

The update is training.policy's, by one of GRPO's published variants (training.losses); which groups
teach is training.groups', and how a batch of them is drawn training.drawing's. The reference is the
model as it came from SRL (under LoRA, its adapter switched off); where β is 0 it is neither held
nor run.
"""

import math
import time
from collections.abc import Mapping

from srlr.core.training import OnPolicy, PolicyGradient
from srlr.models.local import LocalModel
from srlr.training import adapters, drawing, groups, learner, policy
from srlr.training.course import Course
from srlr.training.drawing import Draw
from srlr.training.optim import MasterAdamW
from srlr.training.progress import Outcome, Surroundings, factor


def train(
    model: LocalModel,
    draw: Draw,
    settings: PolicyGradient,
    seed: int,
    around: Surroundings,
    first: Mapping[str, float] | None = None,
) -> Outcome:
    """The model's weights become those of the last step; the best ones are in `around.folder`/best.

    Args:
        draw: prompts in the order of the first epoch.
        first: the model's held-out figures as it comes, where they are known.
    """
    steps = plan_steps(len(draw.asked), settings)
    model = adapters.attach(model, settings, seed)
    own = learner.begin(model, settings, around.world, refers=settings.kl_penalty_weight > 0)
    model = own.model
    optimiser = MasterAdamW(
        own.parameters,
        settings.learning_rate,
        settings.weight_decay,
        settings.optimiser,
        shards=model.shards,
    )
    course = Course(model, optimiser, settings, around, steps)
    state = course.begin(first)
    while not course.is_over(state):
        began = time.perf_counter()
        drawn = drawing.batch(model, draw, settings, state, seed, around.world)
        figures = groups.describe(drawn)
        with adapters.learning(model, seed, state.step, around.world.rank):
            figures |= policy.update(
                model,
                drawn,
                own.reference,
                optimiser,
                state,
                settings,
                factor=factor(state, steps, settings),
                longest=draw.max_new_tokens,
                seed=seed,
                world=around.world,
            )
        course.end_step(state, figures, began, ("reward", "kl"))
    return course.outcome(state)


def plan_steps(prompts: int, settings: OnPolicy) -> int:
    """How many rollouts the settings ask for."""
    steps = math.ceil(prompts / settings.prompts_per_step * settings.epochs)
    return max(1, min(steps, settings.max_steps or steps))
