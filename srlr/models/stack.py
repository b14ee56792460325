"""Where a network keeps its layers, found by its structure and not by its names."""

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True)
class Stack:
    """The part of a network that makes final states, its layers in order, the norm after them."""

    body: Any
    layers: nn.ModuleList
    norm: nn.Module | None


def find(network: Any) -> Stack | None:
    """The outermost list of as many modules as the config has layers; None where there is none.

    The norm is the last of its neighbours whose weights are vectors.
    """
    count = network.config.get_text_config().num_hidden_layers
    for module in network.modules():
        for layers in module.children():
            if isinstance(layers, nn.ModuleList) and len(layers) == count:
                norms = [child for child in module.children() if _is_norm(child)]
                return Stack(module, layers, norms[-1] if norms else None)
    return None


def _is_norm(module: nn.Module) -> bool:
    weights = list(module.parameters())
    return bool(weights) and all(weight.dim() == 1 for weight in weights)
