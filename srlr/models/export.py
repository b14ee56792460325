"""A release's folder as something to take elsewhere: a plain transformers folder, or a GGUF.

Whatever form it was published in, the weights are whole: an adapter is merged into its base.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from srlr.core.blobs import storing
from srlr.core.errors import ConfigError
from srlr.core.release import TEXT
from srlr.models import gguf_file, local
from srlr.models.local import LocalModel

DTYPES = {"float32": "float32", "bfloat16": "bfloat16"}


def load(folder: Path, name: str) -> LocalModel:
    """The model in a release's folder, in the dtype in which it was evaluated."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    dtype = DTYPES.get(str(config.get("dtype") or config.get("torch_dtype")), "float32")
    return local.load(folder, name=name, device="cpu", dtype=dtype)


def to_safetensors(folder: Path, target: Path, name: str, kind: str) -> None:
    """A transformers folder at `target`, which is not there yet: the published files themselves,
    or an adapter merged into its base.

    Raises:
        ConfigError: `target` is there already.
        ResourceError: it cannot be written.
    """
    _free(target)
    if kind == "adapter":
        load(folder, name).save(target)
        with storing(target):
            shutil.copy(folder / TEXT, target / TEXT)
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with storing(target):
        try:
            shutil.copytree(folder, part, copy_function=shutil.copyfile)
            os.rename(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def to_gguf(
    folder: Path, target: Path, name: str, type_: gguf_file.Type | None, licence: str | None
) -> None:
    """A GGUF at `target`, which is not there yet.

    Raises:
        ConfigError: `target` is there already, or the model cannot be said in a GGUF.
        ResourceError: it cannot be written.
    """
    _free(target)
    gguf_file.write(load(folder, name), target, type_, licence)


def _free(target: Path) -> None:
    if target.exists():
        raise ConfigError(f"{str(target)!r} is there already", "name another place with --to")
