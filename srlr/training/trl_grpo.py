"""RLVR, algorithm `grpo` with backend `trl`: TRL's GRPOTrainer, for comparison and for vLLM.

It is given our prompts in our order, the role's rewards one by one, and our variant in its words.
What is judged, gated and told is the same as in our own loop:

    a group whose outcomes have no spread is worth 0 in each of its rewards, so that it teaches
    nothing; a reward that cannot judge an answer is worth what the others say of it

What differs: the weight β of the divergence stays what it is; the tokens of groups that teach
nothing count in the mean over a batch's tokens; and answers are drawn by transformers' `generate`
or by vLLM.

Source: TRL 1.16, GRPOTrainer.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.training import Grpo
from srlr.core.types import Message
from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.models.stops import Stops
from srlr.training import adapters, advantages, checkpoint, groups, grpo, policy, trl_trainer
from srlr.training.drawing import Draw
from srlr.training.groups import Group, Worth
from srlr.training.losses import VARIANTS
from srlr.training.progress import Outcome, Surroundings
from srlr.training.trl_callback import Job, Told, Watch

LOSSES = {
    "grpo": ("grpo", "token"),
    "dr_grpo": ("dr_grpo", "token"),
    "dapo": ("dapo", "token"),
    "gspo": ("grpo", "sequence"),
    "cispo": ("cispo", "token"),
}
"""A variant in TRL's words: loss_type and importance_sampling_level."""
OURS = "srlr/"
"""What figures that we reckon ourselves are called in TRL's log."""
FIGURES = {"entropy": "entropy", "kl": "kl", "clip_ratio/region_mean": "clipped_share"}


@dataclass(frozen=True, slots=True)
class Posed:
    """The prompts as chats, of which TRL makes tokens itself, and what each reward weighs."""

    chats: Sequence[Sequence[Message]]
    weights: Mapping[str, float]


def train(
    model: LocalModel,
    draw: Draw,
    posed: Posed,
    settings: Grpo,
    seed: int,
    around: Surroundings,
    first: Mapping[str, float] | None = None,
) -> Outcome:
    """The model's weights become those last judged; the best ones are in `around.folder`/best.

    Args:
        first: the model's held-out figures as it comes, where they are known.

    Raises:
        MissingArtifact: TRL is not installed.
        ConfigError: TRL makes other tokens of the chats than we do.
    """
    trl_trainer.require("rlvr.backend=trl")
    check_tokens(model, draw, posed.chats)
    return trl_trainer.fit(
        model,
        settings,
        grpo.plan_steps(len(draw.asked), settings),
        seed,
        around,
        lambda job: _trainer(job, settings, draw, posed),
        first=trl_trainer.judged_first(model, around, first),
        updates=settings.passes * settings.minibatches,
    )


def check_tokens(model: LocalModel, draw: Draw, chats: Sequence[Sequence[Message]]) -> None:
    """Raises ConfigError where the chat template, as TRL uses it, gives other tokens than ours."""
    for asked, chat in zip(draw.asked, chats, strict=True):
        made = model.tokenizer.apply_chat_template(
            list(chat), add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        if list(made) != asked.tokens:
            raise ConfigError(
                f"TRL would put other tokens to {model.name!r} than srlr does: its chat template "
                "does not take the role's chats as they are",
                "rlvr.backend=own",
            )


def _trainer(job: Job, settings: Grpo, draw: Draw, posed: Posed) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = copy.deepcopy(job.model.tokenizer)
    tokenizer.padding_side = "left"
    lora = settings.tuning == "lora"
    trainer = GRPOTrainer(
        model=job.learner.model,
        reward_funcs=rewards(job, settings, draw, list(posed.weights)),
        args=GRPOConfig(**_arguments(job, settings, draw, posed)),
        train_dataset=Dataset.from_list(
            [{"prompt": list(posed.chats[i]), "index": i} for i in laid_out(job, settings, draw)]
        ),
        processing_class=tokenizer,
        callbacks=[Watch(job, Told(FIGURES, ("reward", "kl"), _reckoned))],
        peft_config=adapters.lora_config(job.learner, settings) if lora else None,
    )
    learner = replace(job.learner, adapter=trainer.model) if lora else job.learner
    trainer.optimizer, trainer.lr_scheduler = trl_trainer.optimizers(replace(job, learner=learner))
    return trainer


def _reckoned(logs: Mapping[str, float]) -> dict[str, float]:
    return {
        name.removeprefix(OURS): float(value)
        for name, value in logs.items()
        if name.startswith(OURS) and value is not None
    }


def _arguments(job: Job, settings: Grpo, draw: Draw, posed: Posed) -> dict[str, Any]:
    answers = settings.prompts_per_step * settings.samples_per_prompt
    longest = max(len(asked.tokens) for asked in draw.asked) + draw.max_new_tokens
    in_an_update = answers // settings.minibatches
    at_once = trl_trainer.at_once(in_an_update, settings.micro_batch_tokens // longest)
    low, high = policy.bounds(settings)
    loss, level = LOSSES[settings.variant]
    normalised = settings.reward_sum == "normalised"
    mass = sum(posed.weights.values())
    return {
        **trl_trainer.arguments(job, "grpo", at_once, in_an_update),
        **vllm_arguments(settings),
        "steps_per_generation": answers // at_once,
        "num_iterations": settings.passes,
        "num_generations": settings.samples_per_prompt,
        "max_completion_length": draw.max_new_tokens,
        "shuffle_dataset": False,
        "beta": settings.kl_penalty_weight,
        "temperature": settings.temperature,
        "top_k": settings.top_k or 0,
        "top_p": settings.top_p,
        "loss_type": loss,
        "importance_sampling_level": level,
        "scale_rewards": VARIANTS[settings.variant].scale,
        "multi_objective_aggregation": "normalize_then_sum" if normalised else "sum_then_normalize",
        "reward_weights": [weight / mass for weight in posed.weights.values()],
        "epsilon": low,
        # CISPO's bound is the ratio itself, not how far above 1 it is.
        "epsilon_high": 1.0 + high if settings.variant == "cispo" else high,
    }


def vllm_arguments(settings: Grpo) -> dict[str, Any]:
    """What TRL is told of vLLM."""
    node = settings.vllm
    if node.mode == "off":
        return {"use_vllm": False}
    return {
        "use_vllm": True,
        "vllm_mode": node.mode,
        "vllm_server_base_url": node.url,
        "vllm_server_host": node.host,
        "vllm_server_port": node.port,
        "vllm_server_timeout": node.timeout_s,
        "vllm_gpu_memory_utilization": node.gpu_memory_share,
        "vllm_tensor_parallel_size": node.tensor_parallel,
    }


def laid_out(job: Job, settings: Grpo, draw: Draw) -> list[int]:
    """The prompts of all steps one after the other, in the order of our own loop."""
    size, out = len(draw.asked), list[int]()
    for position in range(job.steps * settings.prompts_per_step):
        epoch, place = divmod(position, size)
        out.append(checkpoint.order(size, job.seed, epoch)[place] if epoch else place)
    return out


def rewards(
    job: Job, settings: Grpo, draw: Draw, names: Sequence[str]
) -> list[Callable[..., list[float]]]:
    """A function for each reward, as TRL calls it; the first also tells the figures of a batch."""
    stops, size = Stops(job.model), settings.samples_per_prompt

    @lru_cache(maxsize=1)
    def judged(index: tuple[int, ...], answers: tuple[tuple[int, ...], ...]) -> list[Group]:
        found = []
        texts = [_completion(stops, answer) for answer in answers]
        every = draw.worths(list(zip(index, texts, strict=True)))
        for start in range(0, len(index), size):
            own, worths = texts[start : start + size], every[start : start + size]
            outcomes = [worth.outcome for worth in worths]
            teaches = advantages.has_spread(outcomes, settings.min_reward_spread)
            asked = draw.asked[index[start]]
            found.append(Group(asked, own, worths, () if teaches else None))
        return found

    def reward(name: str) -> Callable[..., list[float]]:
        def worth_of(
            completion_ids: Sequence[Sequence[int]],
            index: Sequence[int],
            log_metric: Callable[[str, float], None],
            **_: Any,
        ) -> list[float]:
            batch = judged(tuple(index), tuple(map(tuple, completion_ids)))
            if name == names[0]:
                for figure, value in groups.describe(batch).items():
                    log_metric(f"{OURS}{figure}", value)
            return [part(group, worth, name) for group in batch for worth in group.worths]

        worth_of.__name__ = name
        return worth_of

    return [reward(name) for name in names]


def part(group: Group, worth: Worth, name: str) -> float:
    """What TRL is told that one reward says of an answer."""
    return 0.0 if group.advantages is None else worth.parts.get(name, worth.total)


def _completion(stops: Stops, tokens: Sequence[int]) -> Completion:
    text, size, stopped = stops.finish(list(tokens))
    return Completion(text, list(tokens[:size]), stopped, 0.0)
