"""A model as one GGUF file, which llama.cpp loads: weights, tokenizer, chat template.

What cannot be said in it exactly is refused by name, for llama.cpp would answer and be wrong: other
architectures than ARCHITECTURES, other splits of text before merging than SPLITS, scaled positions.

Source: llama.cpp's conversion/llama.py, LlamaModel (the permutation), and docs of the format in
ggml/docs/gguf.md.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch

from srlr.core.blobs import storing
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.models.local import LocalModel

Type = Literal["f32", "bf16", "q8_0"]
TYPES: tuple[Type, ...] = ("f32", "bf16", "q8_0")
ARCHITECTURES = ("llama",)
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
SPLITS = {
    "gpt-2": [_BYTES],
    "smollm": [{"type": "Digits", "individual_digits": True}, _BYTES],
}
"""llama.cpp's name for how a tokenizer splits a text before it merges → how tokenizers says it."""
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Kinds of tokens, from gguf's TokenType."""


def write(
    model: LocalModel, path: Path, type_: Type | None = None, licence: str | None = None
) -> None:
    """The model at `path`, complete or absent.

    Args:
        type_: of the weights; None: as they are. Vectors are float32, as llama.cpp wants them.

    Raises:
        ConfigError: this architecture or tokenizer cannot be said in a GGUF that is known to answer
            the same.
        MissingArtifact: gguf is not installed.
        ResourceError: it cannot be written.
    """
    try:
        import gguf
    except ImportError as error:
        raise MissingArtifact(
            "writing a GGUF needs the package 'gguf'", "pip install 'srlr[train]'"
        ) from error
    config = model.model.config
    architecture = _architecture(model)
    tokens = _tokens(model)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            writer = gguf.GGUFWriter(part, architecture)
            writer.add_name(model.name)
            if licence is not None:
                writer.add_license(licence)
            _describe(writer, config)
            _add_tokens(writer, model, tokens)
            for name, tensor in _tensors(model):
                data, kind = _data(tensor, type_)
                writer.add_tensor(name, data, raw_dtype=kind)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def _architecture(model: LocalModel) -> str:
    config = model.model.config
    said = str(config.model_type)
    rope = getattr(config, "rope_parameters", None) or {}
    if said not in ARCHITECTURES:
        raise ConfigError(
            f"{model.name!r} is of architecture {said!r}, which is not written as a GGUF here",
            f"export it as safetensors, and convert it with llama.cpp's own convert_hf_to_gguf.py; "
            f"written here: {', '.join(ARCHITECTURES)}",
        )
    if rope.get("rope_type", "default") != "default":
        raise ConfigError(
            f"{model.name!r} scales its positions ({rope['rope_type']}), which is not written as a "
            "GGUF here",
            "export it as safetensors, and convert it with llama.cpp's own convert_hf_to_gguf.py",
        )
    return said


def _describe(writer: Any, config: Any) -> None:
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _tokens(model: LocalModel) -> dict[str, Any]:
    """What the tokenizer does, as tokenizers writes it.

    Raises:
        ConfigError: it is another kind than byte-level BPE, or splits as none of SPLITS.
    """
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    said: dict[str, Any] = {} if backend is None else json.loads(backend.to_str())
    kind = said.get("model", {}).get("type")
    if kind != "BPE" or said.get("normalizer") is not None:
        raise ConfigError(
            f"the tokenizer of {model.name!r} ({kind}) is not written as a GGUF here",
            "export it as safetensors; byte-level BPE without a normalizer is written",
        )
    said["split"] = _split(said.get("pre_tokenizer") or {}, model.name)
    return said


def _split(said: dict[str, Any], name: str) -> str:
    parts = said.get("pretokenizers", [said])
    for known, wanted in SPLITS.items():
        alike = len(parts) == len(wanted) and all(
            part.items() >= want.items() for part, want in zip(parts, wanted, strict=True)
        )
        if alike:
            return known
    raise ConfigError(
        f"the tokenizer of {name!r} splits texts as none that is written as a GGUF here",
        "export it as safetensors, and convert it with llama.cpp's own convert_hf_to_gguf.py",
    )


def _add_tokens(writer: Any, model: LocalModel, said: dict[str, Any]) -> None:
    size = model.model.config.vocab_size
    texts, kinds = [f"[PAD{n}]" for n in range(size)], [UNUSED] * size
    for text, number in said["model"]["vocab"].items():
        texts[number], kinds[number] = text, NORMAL
    for added in said["added_tokens"]:
        texts[added["id"]] = added["content"]
        kinds[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    merges = [m if isinstance(m, str) else " ".join(m) for m in said["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(said["split"])
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)  # where one belongs, the chat template writes it
    writer.add_add_space_prefix(False)
    writer.add_eos_token_id(model.stop_token)
    for known, add in (("bos", writer.add_bos_token_id), ("pad", writer.add_pad_token_id)):
        number = getattr(model.tokenizer, f"{known}_token_id")
        if number is not None:
            add(number)
    writer.add_chat_template(model.tokenizer.chat_template)


def _tensors(model: LocalModel) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor under llama.cpp's name, with rows in its order."""
    import gguf

    config = model.model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is None:
            raise ConfigError(
                f"{model.name!r} has a tensor {name!r} that llama.cpp has no place for",
                "export it as safetensors",
            )
        if ".q_proj." in name:
            tensor = interleaved(tensor, config.num_attention_heads)
        elif ".k_proj." in name:
            tensor = interleaved(tensor, config.num_key_value_heads)
        yield known, tensor


def interleaved(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head reordered from two halves to pairs: transformers turns number i with
    number i + n/2, llama.cpp number 2i with 2i + 1.
    """
    shape = tensor.shape
    halves = tensor.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
    return halves.transpose(1, 2).reshape(shape)


def _data(tensor: torch.Tensor, type_: Type | None) -> tuple[Any, Any]:
    """The numbers as gguf stores them, and its word for how."""
    from gguf import GGMLQuantizationType as Kinds
    from gguf import quants

    kind = type_ or ("bf16" if tensor.dtype == torch.bfloat16 else "f32")
    plain = tensor.detach().cpu().float().numpy()
    if tensor.dim() < 2 or kind == "f32":
        return plain, Kinds.F32
    if kind == "q8_0" and tensor.shape[-1] % 32:  # its blocks are 32 numbers of a row
        kind = "bf16"
    wanted = Kinds.Q8_0 if kind == "q8_0" else Kinds.BF16
    return quants.quantize(plain, wanted), wanted
