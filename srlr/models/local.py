"""A model in this process: loading weights into the dtype the machine is fast in, and saving them.

Weights are safetensors, code is transformers' own: remote code is never run.
"""

import contextlib
import ctypes
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError, SrlrError
from srlr.core.types import Message
from srlr.models import abilities, adapter, attention, chat, stack
from srlr.models.abilities import Abilities
from srlr.models.stack import Stack
from srlr.models.tally import Tally

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's names for what `prepare` sets, from malloc.h."""
KEPT_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class LocalModel:
    """Weights, tokenizer and where they are. `dtype` is what products are computed in."""

    model: Any
    tokenizer: Any
    name: str
    device: torch.device
    dtype: torch.dtype
    stop_tokens: tuple[int, ...]
    """Each of them ends an answer; the first one is what a trained answer ends with."""
    abilities: Abilities
    """What may be done with `model`, measured when it was loaded."""
    adapter: Any = None
    """peft's view of `model`, where adapters were put into it."""
    tally: Tally = field(default_factory=Tally)
    """What goes through the model, and through every copy that `replace` makes of this."""
    server: Any = None
    """The Served that answers in this process's place, where one does."""
    shards: Any = None
    """The training.shards.Shards of `model`, where this process has only a part of its weights."""

    @property
    def stop_token(self) -> int:
        return self.stop_tokens[0]

    @property
    def context(self) -> int | None:
        """How many tokens a row may have; None where nothing bounds it."""
        config = self.model.config.get_text_config()
        limit: int | None = getattr(config, "max_position_embeddings", None)
        return limit

    @property
    def stack(self) -> Stack:
        """Where the model keeps its layers.

        Raises:
            ConfigError: they are not found.
        """
        found = stack.find(self.model)
        if found is None:
            raise ConfigError(
                f"the layers of {self.name!r} are not found in its structure",
                "use a model that is one list of layers, or leave trained_layers null",
            )
        return found

    def whole(self) -> AbstractContextManager["LocalModel"]:
        """Inside, the model with all its weights: itself, unless it is cut into parts. Then all
        processes enter.
        """
        if self.shards is None:
            return contextlib.nullcontext(self)
        whole: AbstractContextManager[LocalModel] = self.shards.whole(self)
        return whole

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """The tokens after which the assistant's answer begins.

        Raises:
            ConfigError: the model's chat template refuses the chat.
        """
        return self.encode(chat.render(self.tokenizer, messages, self.name))

    def encode(self, text: str) -> list[int]:
        """Tokens of a piece of text; nothing is added before or after it."""
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def save(self, path: Path) -> None:
        """A transformers folder at `path`, complete or absent: written beside it, then renamed.

        Adapters are merged in, and in path/adapter/ by themselves.
        """
        from safetensors import SafetensorError

        part = path.with_name(f".{path.name}.part")
        _remove(part)
        try:
            if self.adapter is None:
                self.model.save_pretrained(part)
            else:
                adapter.write(self.adapter, self.tokenizer, part)
            if self.server is not None:
                self.server.keep(self, part)
            self.tokenizer.save_pretrained(part)
            _remove(path)
            os.replace(part, path)
        except (OSError, SafetensorError) as error:
            _remove(part)
            raise ResourceError(
                f"cannot write the model to {str(path)!r}: {error}",
                "free some space, or choose another place with runs_dir=DIR",
            ) from error


def prepare(threads: int, seed: int) -> None:
    """Sets this process up to compute: the same numbers from the same work, and no slower than
    need be.

    Threads are fixed, and nothing that depends on timing is allowed. Freed pieces of up to
    KEPT_BYTES are kept for the next tensor; by default each is fetched anew from the kernel, page
    by page, which costs a fifth of the time. Larger ones would leave gaps nothing else fits into.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory only serves to expose reads of it; it costs a pass over every result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with contextlib.suppress(OSError, AttributeError):  # another libc than glibc
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, 8 * KEPT_BYTES)


def release() -> None:
    """Gives freed memory that `prepare` had kept back to the system: between two kinds of work."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def load(source: Path, *, name: str, device: str, dtype: str, four_bit: bool = False) -> LocalModel:
    """The model in folder `source`, ready to generate.

    Args:
        four_bit: linear layers are kept in 4 bits and computed in `dtype`.

    Raises:
        MissingArtifact: the folder is not a transformers model, or its weights are cut short; or
            bitsandbytes, which 4 bits need, is not installed.
        ResourceError: 4 bits do not work on this machine.
        ConfigError: it is an adapter alone; its tokenizer has no chat template, or nothing that
            ends an answer.
    """
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    torch_dtype = torch.float32 if dtype == "float32" else torch.bfloat16
    if not (source / "config.json").is_file():
        raise _no_model(source)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    except Exception as error:  # tokenizers raises Exception itself
        raise _damaged(source, error) from error
    how: dict[str, Any] = {}
    if four_bit:
        how = {"quantization_config": adapter.four_bit(torch_dtype), "device_map": {"": device}}
    beside = (source / adapter.CONFIG).is_file()  # an adapter, which transformers puts on
    if beside:
        adapter.hush()
    try:
        model, loaded = _read(source, torch_dtype, how)
    except (SafetensorError, OSError, ValueError, EOFError, RuntimeError) as error:
        raise _damaged(source, error) from error
    if four_bit:
        adapter.keep_as_quantised(model)
    if beside:
        adapter.fold(model, source)
    if loaded["missing_keys"]:  # transformers has put random numbers in their place
        raise _damaged(source, f"its weights lack {min(loaded['missing_keys'])!r}")
    stops = chat.stop_tokens(tokenizer, model, name)
    model.eval().to(device)
    head = model.get_output_embeddings()
    if head is not None:
        # Where the output layer needs no gradient, torch multiplies a slice of the last positions
        # by as many copies of it as there are rows: gigabytes.
        head.register_forward_pre_hook(lambda _, states: (states[0].contiguous(),))
    can = abilities.of(model, torch_dtype)
    release()
    return LocalModel(model, tokenizer, name, torch.device(device), torch_dtype, stops, can)


def _read(source: Path, dtype: torch.dtype, how: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The network with our attention, or with transformers' where it has no place for another."""
    from transformers import AutoModelForCausalLM

    def read(implementation: str) -> tuple[Any, dict[str, Any]]:
        both: tuple[Any, dict[str, Any]] = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=dtype,
            local_files_only=True,
            attn_implementation=implementation,
            output_loading_info=True,
            **how,
        )
        return both

    try:
        return read(attention.register())
    except ValueError:
        return read("eager")


def _no_model(source: Path) -> SrlrError:
    """What a folder without config.json is, and what to do."""
    if (source / adapter.CONFIG).is_file():
        whole = source.parent
        merged = (whole / "config.json").is_file()
        return ConfigError(
            f"{str(source)!r} is an adapter, not a whole model: it was learnt beside "
            f"{adapter.base_of(source)!r}",
            f"model.source={whole}, the model it is merged into"
            if merged
            else "merge it into that model (peft: merge_and_unload, then save_pretrained with the "
            "tokenizer), and name the folder that this makes",
        )
    return MissingArtifact(
        f"{str(source)!r} is not a model folder: it has no config.json",
        "name a transformers folder, or an asset from `srlr assets list`",
    )


def _damaged(source: Path, why: object) -> MissingArtifact:
    return MissingArtifact(
        f"the model in {str(source)!r} cannot be read: {why}",
        "the files are damaged: run the stage that made them again with --force, "
        "or `srlr assets verify`",
    )


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
