"""Who learns in a loop: a model, those of its weights that do, and what it is to stay near.

In one process, and in several that keep everything each, these are the model itself and a copy.
Where the processes keep parts (World.sharded), both are cut.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from srlr.core.errors import ConfigError
from srlr.core.training import Loop
from srlr.models import stack
from srlr.models.local import LocalModel
from srlr.training import adapters
from srlr.training.adapters import Reference
from srlr.training.optim import choose
from srlr.training.parallel import World
from srlr.training.shards import WHOLE, Shards, emptied


@dataclass(frozen=True, slots=True)
class Learner:
    model: LocalModel
    parameters: list[torch.nn.Parameter]
    reference: Reference | None


def begin(model: LocalModel, settings: Loop, world: World, *, refers: bool = False) -> Learner:
    """The model as a loop learns with it.

    Args:
        model: after `adapters.attach`. Where it is cut, only the one returned may be used.
        refers: whether the loop asks a reference.

    Raises:
        ConfigError: it is to be cut, and its blocks are not found or its weights differ in dtype.
    """
    if not world.sharded:
        reference = adapters.reference(model) if refers else None
        return Learner(model, choose(model, settings.trained_layers), reference)
    _check(model)
    reference = _frozen(model, world) if refers and model.adapter is None else None
    choose(model, settings.trained_layers)
    hollow = emptied(model.model if model.adapter is None else model.adapter)
    model = replace(model, shards=Shards(model, world, hollow))
    if refers and model.adapter is not None:
        reference = adapters.reference(model)
    learnt = [parameter for parameter in model.model.parameters() if parameter.requires_grad]
    return Learner(model, learnt, reference)


def _check(model: LocalModel) -> None:
    if stack.find(model.model) is None:
        raise ConfigError(
            f"launcher.sharding=fsdp2: the blocks of {model.name} are not found in its structure",
            "launcher.sharding=none",
        )
    kinds = {one.dtype for name, one in model.model.named_parameters() if WHOLE not in name}
    if kinds != {model.dtype}:
        names = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
        raise ConfigError(
            f"launcher.sharding=fsdp2: the weights of {model.name} are of several kinds: {names}",
            "hardware.compute_dtype=float32, or launcher.sharding=none",
        )


def _frozen(model: LocalModel, world: World) -> Reference:
    """As adapters.reference of all weights: a copy, made and cut block by block."""
    own = replace(model, model=emptied(model.model))
    own = replace(own, shards=Shards(own, world, None, source=model.model))

    @contextlib.contextmanager
    def reference() -> Iterator[LocalModel]:
        yield own
        own.shards.let_go()

    return reference
