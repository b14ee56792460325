"""What of a model learns: all its weights, or an adapter beside them; and what that changes.

    full     the weights themselves            the reference of RLVR is a copy of the model
    lora     an adapter beside frozen weights  the reference is the model, its adapter switched off
    qlora    the same, frozen weights in 4 bits

A loop calls `attach` before it asks `optim.choose` for the weights that learn, takes its steps
inside `learning`, and gets its reference from `reference`.
"""

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch

from srlr.core.errors import ConfigError
from srlr.core.training import ByTrl, Loop
from srlr.models import adapter
from srlr.models.local import LocalModel
from srlr.training import checkpoint

Reference = Callable[[], AbstractContextManager[LocalModel]]
"""`with reference() as model:` the model as it was before it learnt; without a gradient."""


def attach(model: LocalModel, settings: Loop | ByTrl, seed: int) -> LocalModel:
    """`model` as the settings want it tuned; its weights are shared, and it says the same.

    Raises:
        ConfigError: it has no such layers, or its activations cannot be computed again.
    """
    if settings.tuning != "full":
        start = checkpoint.stream(seed, "adapter").getrandbits(63)
        view = adapter.begin(model.model, model.adapter, lora_config(model, settings), start)
        model = replace(model, adapter=view)
    if settings.gradient_checkpointing:
        if not model.model.supports_gradient_checkpointing:
            raise ConfigError(
                f"{model.name} cannot compute its activations again", "gradient_checkpointing=false"
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # its new name is not in transformers 5.20
            model.model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def lora_config(model: LocalModel, settings: Loop | ByTrl) -> Any:
    """The adapter that the settings ask for, as peft is told of it.

    Raises:
        ConfigError: the model has no such layers.
    """
    from peft import LoraConfig

    known = adapter.linear_names(model.model)
    chosen = settings.lora.target_modules or known
    strange = [name for name in chosen if name not in known]
    if strange:
        raise ConfigError(
            f"lora.target_modules: {model.name} has no linear layers {', '.join(strange)}",
            f"null for all, or some of {', '.join(known)}",
        )
    layers = len(model.stack.layers)
    last = settings.trained_layers
    if last is not None and last > layers:
        raise ConfigError(
            f"trained_layers={last}, but {model.name} has {layers} layers",
            f"at most {layers}, or null for every layer",
        )
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules=list(chosen),
        layers_to_transform=None if last is None else list(range(layers - last, layers)),
    )


@contextlib.contextmanager
def learning(model: LocalModel, seed: int, step: int, rank: int = 0) -> Iterator[None]:
    """Inside, a step is taken: the adapter's dropout is on, activations are computed again.

    What is dropped depends on seed, step and process alone, so that a resumed run drops the same.
    The model's own dropout stays off, as everywhere.
    """
    parts = _parts(model)
    if not parts:
        yield
        return
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        names = ("dropout", step, rank) if rank else ("dropout", step)
        torch.manual_seed(checkpoint.stream(seed, *names).getrandbits(63))
        for part in parts:
            part.training = True
        try:
            yield
        finally:
            for part in parts:
                part.training = False


def _parts(model: LocalModel) -> list[torch.nn.Module]:
    """The modules that are told they are training; not those inside them."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    parts = []
    for module in model.model.modules():
        if model.adapter is not None and hasattr(module, "lora_dropout"):
            parts += [part for name, part in module.lora_dropout.items() if name == adapter.NAME]
        elif isinstance(module, GradientCheckpointingLayer) and module.gradient_checkpointing:
            parts.append(module)
    return parts


def reference(model: LocalModel) -> Reference:
    """The model as it is now, for later. A copy, or, where an adapter learns, the model itself."""
    if model.adapter is None:
        frozen = replace(model, model=copy.deepcopy(model.model))
        return lambda: contextlib.nullcontext(frozen)
    return lambda: _without_adapter(model)


@contextlib.contextmanager
def _without_adapter(model: LocalModel) -> Iterator[LocalModel]:
    with adapter.switched_off(model.adapter):
        yield model
