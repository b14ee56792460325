"""Sentence embeddings: a text becomes a row of numbers, near the rows of texts that mean the same.

embedder, note = chosen("auto")      # all-minilm-l6-v2, or Hashed and the reason
embedder.embed(["It broke."])        # (1, 384), length 1
"""

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from srlr import assets
from srlr.assets import locked
from srlr.assets.content import digest
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.text.hashed import Hashed
from srlr.text.vectors import Embedder

ASSET = "all-minilm-l6-v2"
MAX_TOKENS = 256
"""What the model was trained on; the rest of a longer text does not count."""
ROWS = 32


class Sentences:
    """A BERT-like encoder: the mean of its last layer over the text's tokens, made length 1.

    Source: Reimers and Gurevych 2019, "Sentence-BERT", arXiv:1908.10084, section 3.
    """

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

        # transformers would read the archive's other files too, and there are none.
        self._tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]"
        )
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        with _without_bars():
            self._model = AutoModel.from_pretrained(
                folder, config=config, local_files_only=True, dtype=torch.float32
            ).eval()
        self._lock = threading.Lock()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model.to(self._device)
        self.size = int(config.hidden_size)
        self.id = f"sentences-1-{_identity(folder)}"

    def embed(self, texts: Sequence[str]) -> Any:
        """Rows of length 1. Shape: (len(texts), size) float32."""
        import numpy as np
        import torch

        parts = [np.zeros((0, self.size), dtype=np.float32)]
        # The tokenizer refuses a second thread while it is at work.
        with self._lock, torch.inference_mode():
            for start in range(0, len(texts), ROWS):
                batch = self._tokenizer(
                    list(texts[start : start + ROWS]),
                    padding=True,
                    truncation=True,
                    max_length=MAX_TOKENS,
                    return_tensors="pt",
                ).to(self._device)
                hidden = self._model(**batch).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1)
                mean = (hidden * mask).sum(1) / mask.sum(1)
                parts.append(torch.nn.functional.normalize(mean).cpu().numpy())
        return np.concatenate(parts)


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """Inside, transformers draws no progress bars."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def _identity(folder: Path) -> str:
    """Changes with whatever decides the numbers: weights, tokenizer, structure."""
    files = [digest(folder / name) for name in ("model.safetensors", "tokenizer.json")]
    files.append(digest(folder / "config.json"))
    return hashlib.sha256("".join(files).encode()).hexdigest()[:12]


def chosen(
    said: str, *, config_dir: Path | None = None, progress: assets.Progress | None = None
) -> tuple[Embedder, str]:
    """The embedder of that name or folder, and what the record must say of it, if anything.

    Raises:
        ConfigError: a folder that holds no such model.
        MissingArtifact: it is not there and cannot be had, and it was asked for by name.
    """
    if said == "hashed":
        return Hashed(), ""
    if said != "auto":
        return _read(assets.locate(said, progress=progress, config_dir=config_dir), said), ""
    try:
        _need_libraries()
        found = assets.ensure(ASSET, progress=progress, config_dir=config_dir)
    except (MissingArtifact, ResourceError) as error:
        first = error.what.splitlines()[0]
        return Hashed(), f"hashed n-grams stand in for the embedding model: {first}"
    return _read(found, ASSET), ""


def at_hand(said: str, *, config_dir: Path | None = None) -> tuple[Embedder | None, str]:
    """As `chosen`, where that takes no download: else None and why. Counts of words are none."""
    if said == "hashed":
        return None, "generate.retriever.embedder=hashed counts words"
    if said == "auto":
        try:
            _need_libraries()
        except MissingArtifact as error:
            return None, error.what
        (state,) = assets.glance([locked.find(ASSET, config_dir)])
        if state.status != "ready":
            return None, f"{ASSET} is not here: srlr assets fetch {ASSET}"
    return chosen(said, config_dir=config_dir)


def _read(path: Path, said: str) -> Sentences:
    _need_libraries()
    folder = path if path.is_dir() else path.parent
    lacking = [
        name
        for name in ("model.safetensors", "tokenizer.json", "config.json")
        if not (folder / name).is_file()
    ]
    if lacking:
        raise ConfigError(
            f"generate.retriever.embedder {said!r} has no {', '.join(lacking)}",
            f"use {ASSET}, hashed, or a folder of a BERT-like model in safetensors",
        )
    try:
        return Sentences(folder)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"generate.retriever.embedder {said!r} cannot be read: {str(error).splitlines()[0]}",
            f"use {ASSET}, hashed, or a folder of a BERT-like model in safetensors",
        ) from error


def _need_libraries() -> None:
    from importlib.util import find_spec

    if lacking := [name for name in ("torch", "transformers") if find_spec(name) is None]:
        raise MissingArtifact(
            f"embeddings need packages that are not installed: {', '.join(lacking)}",
            "pip install 'srlr[train]', or generate.retriever.embedder=hashed",
        )
