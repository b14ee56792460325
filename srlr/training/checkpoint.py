"""Everything a loop needs to go on as if nothing had happened, in one folder, complete or absent.

    checkpoint/   weights.safetensors  exp_avg.safetensors  exp_avg_sq.safetensors  state.json

It is taken between two steps, where no gradient is pending and no answer half generated, so that
weights, moments and `State` are all there is. Random numbers are derived from the seed and the step
(see `stream`), which leaves no generator to save.
"""

import functools
import json
import os
import random
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.training.optim import MasterAdamW

FORMAT = 1


@dataclass(slots=True)
class State:
    """A loop's position. `step` counts the loop's steps, `updates` those that moved the weights."""

    step: int = 0
    updates: int = 0
    kl_weight: float = 0.0
    best_step: int = 0
    best_score: float = float("-inf")
    best: dict[str, float] = field(default_factory=dict)
    evaluations_without_best: int = 0
    loop: dict[str, Any] = field(default_factory=dict)
    """What only one kind of loop has, such as the position in its task order."""


def stream(seed: int, *names: object) -> random.Random:
    """An own stream of random numbers for each thing named: order of epoch 2, draws of step 17."""
    return random.Random("/".join(map(str, (seed, *names))))


@functools.lru_cache(maxsize=4)
def order(items: int, seed: int, epoch: int) -> tuple[int, ...]:
    """The order in which an epoch goes through its items."""
    shuffled = list(range(items))
    stream(seed, "order", epoch).shuffle(shuffled)
    return tuple(shuffled)


def save(folder: Path, optimiser: MasterAdamW, state: State) -> None:
    """Replaces `folder`; a crash at any moment leaves the old one or the new one.

    Raises:
        ResourceError: the disk is full or may not be written; the old checkpoint is still there.
    """
    from safetensors.torch import save_file

    part, old = folder.with_name(f".{folder.name}.part"), folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, tensors in optimiser.tensors().items():
            if tensors:
                save_file(tensors, part / f"{name}.safetensors")
        text = json.dumps({"format": FORMAT, **asdict(state)})
        (part / "state.json").write_text(text, encoding="utf-8")
        for path in part.iterdir():
            _sync(path)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except Exception as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError) or type(error).__name__ == "SafetensorError":
            raise ResourceError(
                f"cannot write the checkpoint {str(folder)!r}: {error}",
                "free some space; the same command then goes on from the last checkpoint",
            ) from error
        raise


def load(folder: Path, optimiser: MasterAdamW) -> State | None:
    """Puts weights and moments back and returns the position; None where no checkpoint is.

    Raises:
        MissingArtifact: the checkpoint was damaged after it was written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    old = folder.with_name(f".{folder.name}.old")
    if not folder.exists() and old.exists():  # killed between the two renames of `save`
        os.replace(old, folder)
    if not folder.exists():
        return None
    try:
        raw = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        if raw.pop("format") != FORMAT:
            raise ValueError("it was written by another version of srlr")
        state = State(**raw)
        tensors = {
            name: load_file(folder / f"{name}.safetensors")
            if state.updates or name == "weights"
            else {}
            for name in ("weights", "exp_avg", "exp_avg_sq")
        }
        optimiser.restore(tensors, state.updates)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise MissingArtifact(
            f"the checkpoint {str(folder)!r} is damaged: {error}",
            f"start the stage again: `srlr {folder.parent.name} --run {folder.parent.parent} "
            f"--force`",
        ) from error
    return state


def remove(folder: Path) -> None:
    """Frees the checkpoint's space once its stage is done."""
    for name in (folder.name, f".{folder.name}.part", f".{folder.name}.old"):
        shutil.rmtree(folder.with_name(name), ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
