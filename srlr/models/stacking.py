"""Low-rank adapters added up to one, for a server that puts one adapter on its weights.

    Σ s_i B_i A_i  =  [s_1 B_1 … s_n B_n] [A_1; …; A_n]        rank Σ r_i, exactly

In peft's format, which vLLM reads: adapter_config.json and adapter_model.safetensors.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from srlr.core.errors import MissingArtifact
from srlr.core.rundir import write_atomic

A, B = ".lora_A.weight", ".lora_B.weight"
Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Adapter:
    """`weights` as peft names them; each module's output is scaled by `scale`."""

    weights: Weights
    rank: int
    scale: float
    modules: tuple[str, ...]
    """The last parts of the modules' names: q_proj …"""

    def digest(self) -> str:
        """12 hex digits of its content."""
        found = hashlib.sha256(f"{self.rank} {self.scale}".encode())
        for name in sorted(self.weights):
            tensor = self.weights[name].contiguous()
            found.update(f"{name} {tuple(tensor.shape)}".encode())
            found.update(tensor.view(torch.uint8).numpy().tobytes())
        return found.hexdigest()[:12]

    def write(self, folder: Path) -> None:
        """A folder that peft and vLLM read; its config is written last."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in self.weights.items()}, folder / WEIGHTS)
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": self.rank,
            "lora_alpha": self.rank * self.scale,
            "target_modules": list(self.modules),
            "bias": "none",
            "inference_mode": True,
            "base_model_name_or_path": "",
        }
        write_atomic(folder / CONFIG, json.dumps(config, indent=1))


CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def total(view: Any, start: Path | None) -> Adapter:
    """All adapters of peft's `view` of a model, and the one in folder `start`, as one.

    One of both may be None, not both.
    """
    parts = [] if start is None else [read(start)]
    if view is not None:
        parts += [of(view, name) for name in view.peft_config]
    return parts[0] if len(parts) == 1 else added(parts)


def of(view: Any, name: str) -> Adapter:
    """The adapter that peft calls `name`, as it is now."""
    from peft import get_peft_model_state_dict

    config = view.peft_config[name]
    state = get_peft_model_state_dict(view, adapter_name=name, save_embedding_layers=False)
    weights = {key: tensor.detach().cpu().clone() for key, tensor in state.items()}
    return Adapter(weights, config.r, config.lora_alpha / config.r, _modules(weights))


def read(folder: Path) -> Adapter:
    """Raises MissingArtifact where the folder is no adapter, or it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
        return Adapter(weights, config["r"], config["lora_alpha"] / config["r"], _modules(weights))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise MissingArtifact(
            f"the adapter in {str(folder)!r} cannot be read: {error}",
            "the files are damaged: run the stage that made them again with --force",
        ) from error


def added(parts: list[Adapter]) -> Adapter:
    """Their sum. A module that an adapter leaves alone gets zeros from it."""
    names = sorted({key.removesuffix(A) for one in parts for key in one.weights if key.endswith(A)})
    weights = {}
    for name in names:
        known = next(one.weights for one in parts if name + A in one.weights)
        wide, high = known[name + A].shape[1], known[name + B].shape[0]
        weights[name + A] = torch.cat(
            [one.weights.get(name + A, torch.zeros(one.rank, wide)).float() for one in parts]
        )
        weights[name + B] = torch.cat(
            [
                one.weights.get(name + B, torch.zeros(high, one.rank)).float() * one.scale
                for one in parts
            ],
            dim=1,
        )
    return Adapter(weights, sum(one.rank for one in parts), 1.0, _modules(weights))


def _modules(weights: Weights) -> tuple[str, ...]:
    parts = {key.removesuffix(A).rpartition(".")[2] for key in weights if key.endswith(A)}
    return tuple(sorted(parts))
