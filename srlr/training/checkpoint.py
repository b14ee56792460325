"""Everything a loop needs to go on as if nothing had happened, in one folder, complete or absent.

    checkpoint/   weights.safetensors  exp_avg.safetensors  exp_avg_sq.safetensors  state.json

Only weights that learn are in it: under LoRA, the adapter's. An 8-bit optimiser's moments have
files of its own names.

It is taken between two steps, where no gradient is pending and no answer half generated, so that
weights, moments and `State` are all there is. Random numbers are derived from the seed and the step
(see `stream`), which leaves no generator to save.
"""

import functools
import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.training.optim import MasterAdamW

FORMAT = 2


@dataclass(slots=True)
class State:
    """A loop's position. `step` counts the loop's steps, `updates` those that moved the weights
    since the optimiser's moments began.
    """

    step: int = 0
    updates: int = 0
    kl_weight: float = 0.0
    best_step: int = 0
    best_score: float = float("-inf")
    best: dict[str, float] = field(default_factory=dict)
    evaluations_without_best: int = 0
    loop: dict[str, Any] = field(default_factory=dict)
    """What only one kind of loop has, such as the position in its task order."""
    alarms: list[dict[str, Any]] = field(default_factory=list)
    """Those raised so far, as alarms.Alarm has them, with what was done."""
    tokens_forward: int = 0
    tokens_backward: int = 0
    """What has gone through the model to learn, as models.tally counts."""

    @property
    def tokens(self) -> int:
        return self.tokens_forward + self.tokens_backward

    @property
    def stopped_by(self) -> str | None:
        """The alarm that ends the loop."""
        return next((one["name"] for one in self.alarms if one["action"] == "stop"), None)

    @property
    def roll_backs(self) -> list[int]:
        """The steps after which the weights were put back."""
        return sorted({one["step"] for one in self.alarms if one["action"] == "roll_back"})


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

    Where processes keep parts of the weights, all of them call this, and one writes the whole.

    Raises:
        ResourceError: the disk is full or may not be written; the old checkpoint is still there.
    """
    from safetensors.torch import save_file

    names = optimiser.names()
    if not optimiser.writes:
        _give(optimiser, names)
        return
    part, old = folder.with_name(f".{folder.name}.part"), folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in names:
            save_file(optimiser.tensors(name), part / f"{name}.safetensors")
        text = json.dumps({"format": FORMAT, "files": names, **asdict(state)})
        (part / "state.json").write_text(text, encoding="utf-8")
        for path in part.iterdir():
            _sync(path)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
        _drop_anchors(folder, but=anchor(folder, state))
    except Exception as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _refused(folder, error) from error


def _give(optimiser: MasterAdamW, names: Sequence[str]) -> None:
    """Gives this process's rows to the one that writes."""
    for name in names:
        optimiser.tensors(name)


def anchor(folder: Path, state: State) -> Path:
    """Beside the checkpoint in `folder`, where an alarm may roll back: the best weights so far.

    A killed run goes back to an older checkpoint and needs the anchor of that time, so each best
    step has a file of its own until a checkpoint knows of a better one.
    """
    return folder.with_name(f"anchor-{state.best_step}.safetensors")


def _drop_anchors(folder: Path, but: Path | None = None) -> None:
    for path in folder.parent.glob("anchor-*.safetensors"):
        if path != but:
            path.unlink()


def save_weights(path: Path, optimiser: MasterAdamW) -> None:
    """The weights that learn alone, complete or absent; who calls it, see `save`.

    Raises:
        ResourceError: the disk is full or may not be written.
    """
    from safetensors.torch import save_file

    if not optimiser.writes:
        _give(optimiser, ["weights"])
        return
    part = path.with_name(f".{path.name}.part")
    try:
        save_file(optimiser.tensors("weights"), part)
        _sync(part)
        os.replace(part, path)
    except Exception as error:
        part.unlink(missing_ok=True)
        raise _refused(path, error) from error


def put_back(path: Path, optimiser: MasterAdamW) -> None:
    """Gives the weights kept at `path` to the optimiser and its model, and no moments.

    Raises:
        MissingArtifact: the file was damaged or removed after it was written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
        optimiser.adamw.state.clear()
        optimiser.restore({"weights": weights, "exp_avg": {}, "exp_avg_sq": {}}, 0)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        raise _damaged(path, error) from error


def _refused(path: Path, error: Exception) -> Exception:
    """What to raise for an error in writing: the machine's refusal, or the bug as it is."""
    if isinstance(error, OSError) or type(error).__name__ == "SafetensorError":
        return ResourceError(
            f"cannot write the checkpoint {str(path)!r}: {error}",
            "free some space; the same command then goes on from the last checkpoint",
        )
    return error


def _damaged(path: Path, error: Exception) -> MissingArtifact:
    run = next((one for one in path.parents if (one / "manifest.json").exists()), None)
    run = run or path.parent.parent
    return MissingArtifact(
        f"the checkpoint {str(path)!r} is damaged: {error}",
        f"start the stage again: `srlr {path.relative_to(run).parts[0]} --run {run} --force`",
    )


def load(folder: Path, optimiser: MasterAdamW) -> State | None:
    """Puts weights, moments and a learning rate that roll-backs have halved back and returns the
    position; None where no checkpoint is.

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
        tensors = {name: load_file(folder / f"{name}.safetensors") for name in raw.pop("files")}
        state = State(**raw)
        optimiser.restore(tensors, state.updates)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    optimiser.learning_rate *= 0.5 ** len(state.roll_backs)
    return state


def remove(folder: Path) -> None:
    """Frees the checkpoint's space once its stage is done."""
    for name in (folder.name, f".{folder.name}.part", f".{folder.name}.old"):
        shutil.rmtree(folder.with_name(name), ignore_errors=True)
    _drop_anchors(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
