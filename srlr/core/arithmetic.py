"""Numbers of a configuration that cannot be true together: said before a model is loaded.

What is not here has a meaning: a batch that does not divide the data runs on into the next epoch, a
row longer than micro_batch_tokens is computed alone, and whatever eval_every_steps says, the last
step is judged too.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from srlr.core.training import Dpo, OnPolicy, Stepwise

if TYPE_CHECKING:
    from srlr.core.settings import Settings


def problems(settings: "Settings") -> Iterator[str]:
    """Each as "key: what is wrong, and which values work"."""
    yield from _of_groups(settings)
    yield from _of_the_model(settings)


def _of_groups(settings: "Settings") -> Iterator[str]:
    tasks, rlvr = settings.generate.num_tasks, settings.rlvr
    for name, node in (("srl", settings.srl), ("rlvr", rlvr)):
        if isinstance(node, OnPolicy) and node.minibatches > node.prompts_per_step:
            yield (
                f"{name}.minibatches: {node.minibatches} updates cannot share the groups of "
                f"{node.prompts_per_step} prompts; at most {name}.prompts_per_step"
            )
    if isinstance(rlvr, OnPolicy) and rlvr.prompts_per_step > tasks:
        yield (
            f"rlvr.prompts_per_step: {rlvr.prompts_per_step} prompts a step, but "
            f"generate.num_tasks draws {tasks}; at most {tasks}"
        )
    if isinstance(rlvr, Dpo):
        most = rlvr.samples_per_prompt // 2
        if rlvr.pairs_per_prompt > most:
            yield (
                f"rlvr.pairs_per_prompt: {rlvr.samples_per_prompt} answers make {most} pairs of "
                f"different ones; at most {most}, or rlvr.samples_per_prompt="
                f"{2 * rlvr.pairs_per_prompt}"
            )
        if rlvr.prompts is not None and rlvr.prompts > tasks:
            yield f"rlvr.prompts: generate.num_tasks draws {tasks}; at most {tasks}, or null"


def _of_the_model(settings: "Settings") -> Iterator[str]:
    """What the card claims bounds what may be asked; where it is silent, loading will tell."""
    context, layers = _claim(settings, "context_tokens"), _claim(settings, "num_layers")
    limits = [("rollout.max_new_tokens", settings.rollout.max_new_tokens)]
    if isinstance(settings.srl, Stepwise):
        limits.append(("srl.max_step_tokens", settings.srl.max_step_tokens))
    for key, tokens in limits:
        if context is not None and tokens >= context:
            yield (
                f"{key}: {tokens} tokens leave no room for a prompt, {settings.model.name} reads "
                f"{context:g}; less than {context:g}"
            )
    for name, node in (("srl", settings.srl), ("rlvr", settings.rlvr)):
        trained = getattr(node, "trained_layers", None)
        if layers is not None and trained is not None and trained > layers:
            yield (
                f"{name}.trained_layers: {settings.model.name} has {layers:g} layers; "
                f"at most {layers:g}, or null for every weight"
            )


def _claim(settings: "Settings", name: str) -> float | None:
    fact = settings.model.facts.get(name)
    value: Any = None if fact is None else fact.value
    return float(value) if isinstance(value, int | float) else None
