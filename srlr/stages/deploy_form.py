"""In which form a model is published: all its weights, or the base's and beside them an adapter.

The base's weights are then stored once for all releases on it. What is loaded from base and adapter
must be the evaluated weights bit for bit; where it is not, as after two stages with an adapter each
or where weights were kept in 4 bits, all weights are published.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srlr.core.errors import ConfigError, SrlrError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.models import adapter, local
from srlr.stages import answering

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")


@dataclass(frozen=True, slots=True)
class Form:
    """The files of the model by their place in the release, and what is to be said of them."""

    kind: Literal["weights", "adapter"]
    files: dict[str, Path]
    notes: tuple[str, ...] = ()


def of(asked: str, own: Settings, rundir: RunDir, stage: str, folder: Path) -> Form:
    """The model that the stage left, as asked: weights, adapter, or auto.

    Args:
        folder: an empty one, for what has to be written.

    Raises:
        ConfigError: an adapter is asked for, and there is none that makes the evaluated weights.
    """
    best = rundir.path / stage / "best"
    whole = Form("weights", {path.name: path for path in sorted(best.iterdir()) if path.is_file()})
    places = (best / "adapter", rundir.path / "srl" / "best" / "adapter")
    learnt = next((place for place in places if (place / adapter.CONFIG).is_file()), None)
    if asked == "weights" or (asked == "auto" and learnt is None):
        return whole
    why = "it was trained without one"
    if learnt is not None:
        try:
            made = _beside(answering.base_folder(own, rundir), best, learnt, folder)
            if _makes(folder / "model", best):
                return made
            why = "base and adapter do not make the evaluated weights bit for bit"
        except SrlrError as error:
            why = error.what
    if asked == "adapter":
        raise ConfigError(
            f"{str(best)!r} cannot be published as an adapter: {why}",
            "deploy.form=weights; an adapter comes from srl.tuning=lora with rlvr=none, or the "
            "other way round",
        )
    return Form("weights", whole.files, (f"published as weights, not as an adapter: {why}",))


def _beside(base: Path, best: Path, learnt: Path, folder: Path) -> Form:
    """The base's weights with the rest of the trained model and the adapter, linked in a folder."""
    config = json.loads((learnt / adapter.CONFIG).read_text(encoding="utf-8"))
    # Where the base was on the machine that trained, and an order that a set happened to have.
    config["base_model_name_or_path"] = None
    if isinstance(config.get("target_modules"), list):
        config["target_modules"] = sorted(config["target_modules"])
    written = folder / adapter.CONFIG
    written.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {path for pattern in WEIGHTS for path in best.glob(pattern)}
    files = {p.name: p for p in sorted(best.iterdir()) if p.is_file() and p not in weights}
    files |= {path.name: path for pattern in WEIGHTS for path in sorted(base.glob(pattern))}
    files |= {adapter.CONFIG: written, adapter.WEIGHTS: learnt / adapter.WEIGHTS}
    model = folder / "model"
    model.mkdir()
    for name, path in files.items():
        (model / name).symlink_to(path.resolve())
    return Form("adapter", files)


def _makes(model: Path, best: Path) -> bool:
    """Whether loading the one folder gives the weights in the other, bit for bit."""
    import torch
    from safetensors import safe_open

    made = None
    for path in sorted(best.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                wanted = file.get_tensor(name)
                if made is None:
                    dtype = str(wanted.dtype).removeprefix("torch.")
                    loaded = local.load(model, name="the model", device="cpu", dtype=dtype)
                    made = loaded.model.state_dict()
                if name not in made or not torch.equal(made[name], wanted):
                    return False
    return made is not None
