"""GGUF -> a folder transformers can load: safetensors, tokenizer, chat template.

Done once; about 20 s for 135 M parameters on two cores.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from srlr.assets.cache import Progress, disk
from srlr.core.errors import MissingArtifact

LIBRARIES = ("torch", "transformers", "accelerate", "gguf", "safetensors", "tokenizers")


def versions() -> dict[str, str]:
    """The libraries that decide what the conversion writes, as installed now."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def need_libraries() -> None:
    """Returns only when everything the conversion imports is installed.

    Raises:
        MissingArtifact: something is not; all of it, and what installs it.
    """
    if lacking := [name for name in LIBRARIES if find_spec(name) is None]:
        raise MissingArtifact(
            "making safetensors from a GGUF needs packages that are not installed: "
            + ", ".join(lacking),
            'pip install "srlr[train]"',
        )


def gguf_to_safetensors(gguf: Path, folder: Path, progress: Progress) -> None:
    """`folder` holds the model in float32, its tokenizer and chat template, from the file alone.

    Raises:
        MissingArtifact: a package it needs is not installed.
        ResourceError: this machine cannot store it.
    """
    need_libraries()
    progress("loading torch and transformers", 0, None)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    with _quiet(progress):
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **local)
        loaded = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent), dtype=torch.float32, **local
        )
        # save_pretrained refuses a model that remembers being quantised; a plain one takes over.
        facts = loaded.config.to_dict()
        facts.pop("quantization_config", None)
        model = AutoModelForCausalLM.from_config(type(loaded.config).from_dict(facts))
        model.load_state_dict(loaded.state_dict())
        model.tie_weights()
        progress("writing safetensors", 0, None)
        with disk(folder), _as_os_error():
            model.save_pretrained(str(folder))
            tokenizer.save_pretrained(str(folder))


@contextmanager
def _as_os_error() -> Iterator[None]:
    """safetensors says what the disk said in words only: `... (os error 28)`."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if code := re.search(r"\(os error (\d+)\)", str(error)):
            raise OSError(int(code[1]), os.strerror(int(code[1]))) from error
        raise


class _Bar:
    """As much of tqdm as transformers' loops use; draws nothing and tells `progress` instead."""

    def __init__(self, items: Iterable[Any], what: str, progress: Progress) -> None:
        self.items, self.what, self.progress = items, what, progress

    def __iter__(self) -> Iterator[Any]:
        total = len(self.items) if isinstance(self.items, Sized) else None
        for done, item in enumerate(self.items, 1):
            yield item
            self.progress(self.what, done, total)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


@contextmanager
def _quiet(progress: Progress) -> Iterator[None]:
    """Inside, transformers prints nothing, its bars reach `progress`; after, all is as before."""
    from transformers import modeling_gguf_pytorch_utils as gguf_module
    from transformers.utils import logging

    def bar(items: Iterable[Any] = (), *args: Any, desc: str | None = None, **kwargs: Any) -> _Bar:
        return _Bar(items, _SAID.get(desc or "", "converting"), progress)

    def hook(factory: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Bar:
        return bar(*args, **kwargs)

    verbosity, drawn = logging.get_verbosity(), getattr(gguf_module, "tqdm", None)
    logging.set_verbosity_error()
    hooked = logging.set_tqdm_hook(hook)
    gguf_module.tqdm = bar  # this module takes tqdm past the hook
    try:
        yield
    finally:
        gguf_module.tqdm = drawn
        logging.set_tqdm_hook(hooked)
        logging.set_verbosity(verbosity)


_SAID = {
    "Converting and de-quantizing GGUF tensors...": "dequantising",
    "Loading weights": "loading weights",
    "Writing model shards": "writing safetensors",
}
