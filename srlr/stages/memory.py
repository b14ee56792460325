"""What a stage will hold in memory at its peak, in GB of 10^9 bytes, before anything is loaded.

    held        the process, the weights, a reference, the optimiser's float32 numbers
    training    held, gradients, and what the forward pass of a micro-batch leaves for the backward
    answering   held, and the keys and values of the rows that are answered together

A stage does the one and the other in turn: its peak is the higher. With launcher.sharding, a
process holds its part, and more while it reads or answers; all figures are those of one process.
The terms are models.fit's.
"""

from dataclasses import replace
from typing import Literal

from srlr.core.settings import Settings
from srlr.core.training import ByTrl, Dpo, Imitate, Loop, Training
from srlr.models import fit, precision
from srlr.models.card import DTYPE_BITS
from srlr.models.fit import LOGIT_TOKENS, Fit, Tuning

PROCESS_GB, TRL_GB, REPORT_GB = 0.6, 0.3, 0.2
"""Python, torch, transformers and the tokenizer; TRL and datasets beside them; what compares models
and draws, and what the stages before evaluation have left in the process.
"""
TOKENS_ASKED = 50
"""Of the longer prompts of a batch, as a trained model is given them: short texts."""
TOKENS_DESCRIBED, TOKENS_SHOWN = 100, 50
"""Of what an untrained model is told, and of each solved example it is shown."""
WORKING_GB = 0.2
"""One layer of a forward pass over the prompts of a batch, and the logits of its rows."""


def learning_gb(settings: Settings) -> float:
    """The highest of the stages that learn, of which there is one at least."""
    nodes = (settings.srl, settings.rlvr)
    return max(training_gb(settings, node) for node in nodes if isinstance(node, Training))


def training_gb(settings: Settings, node: Training) -> float:
    """The highest of what a loop does: an update, or answering its held-out tasks."""
    held = held_gb(settings, node)
    rows = min(settings.rollout.batch_size, node.eval_tasks)
    answering = answering_gb(settings, rows, TOKENS_ASKED)
    if settings.launcher.parts > 1:
        answering += weights_gb(settings)  # which are together only then
    return held + max(updating_gb(settings, node), answering)


def asking_gb(settings: Settings) -> float:
    """Of evaluation, whose longest prompts are those of the untrained model: all of its examples
    are in front of each.
    """
    tasks = settings.evaluate.limit or settings.rollout.batch_size
    shots = max(settings.evaluate.shots, default=0)
    tokens = TOKENS_DESCRIBED + shots * TOKENS_SHOWN
    rows = min(settings.rollout.batch_size, tasks)
    held = PROCESS_GB + REPORT_GB + weights_gb(settings)
    return held + answering_gb(settings, rows, tokens)


def update(settings: Settings, node: Training) -> Fit:
    """An update's peak, term by term."""
    process = PROCESS_GB + (TRL_GB if isinstance(node, Dpo | ByTrl) else 0.0)
    return fit.training(
        fit.of_card(settings.model), _tuning(settings, node), model_bytes(settings), process
    )


def held_gb(settings: Settings, node: Training) -> float:
    """What is there all the time."""
    return update(settings, node).peak_gb - updating_gb(settings, node)


def updating_gb(settings: Settings, node: Training) -> float:
    """Gradients in float32, activations, and what is put together of weights that are cut."""
    parts = update(settings, node).parts
    return parts["gradients"] + parts["activations"] + parts.get("together", 0.0)


def answering_gb(settings: Settings, rows: int, tokens: int) -> float:
    """Keys and values of rows with so many tokens before their answers. Each row's are there twice
    while rows of different lengths are put side by side, before the first answer's token.
    """
    columns = tokens + max(tokens, settings.rollout.max_new_tokens)
    shape = fit.of_card(settings.model)
    return fit.cache_gb(shape, rows, columns, model_bytes(settings)) + WORKING_GB


def weights_gb(settings: Settings) -> float:
    return fit.of_card(settings.model).parameters_b * model_bytes(settings)


def passed(settings: Settings, node: Training) -> float:
    """The share of the layers that the backward pass goes through."""
    return fit.passed(fit.of_card(settings.model), tuning(node))


def learning_b(settings: Settings, node: Training) -> float:
    """Parameters that learn, in 10^9: all, those of the last layers, or an adapter's."""
    return fit.learning_b(fit.of_card(settings.model), tuning(node))


def _tuning(settings: Settings, node: Training) -> Tuning:
    return replace(tuning(node), parts=settings.launcher.parts)


def tuning(node: Training) -> Tuning:
    """What a training loop's settings mean for memory."""
    trl = isinstance(node, Dpo | ByTrl)
    tuned = node if isinstance(node, Loop | ByTrl) else None
    own = node if isinstance(node, Loop) else None
    anchor: Literal["head", "copy"] = "head" if isinstance(node, Imitate) else "copy"
    return Tuning(
        method=tuned.tuning if tuned else "full",
        trained_layers=node.trained_layers,
        rank=tuned.lora.rank if tuned else 0,
        micro_batch_tokens=node.micro_batch_tokens,
        # TRL makes logits of every token.
        logit_tokens=node.micro_batch_tokens if trl else LOGIT_TOKENS,
        moments_bytes=2 if own and own.optimiser == "adamw_8bit" else 8,
        reference=anchor if own and own.kl_penalty_weight else "none",
        checkpointing=bool(tuned and tuned.gradient_checkpointing),
        own_copy=trl,
    )


def model_bytes(settings: Settings) -> float:
    """Of a number that the model computes in, on this machine."""
    node = settings.hardware
    stated = node.compute_dtype != "auto"
    dtype = node.compute_dtype if stated else precision.foreseen(node).compute_dtype
    return DTYPE_BITS[dtype] / 8
