"""Low-rank adapters beside frozen weights, in place: the model keeps its own modules and names.

    y = Wx + (alpha / rank) · B(Ax)        W frozen, A and B learn, B starts at 0

peft's view of the model (`PeftModel`) switches adapters, saves and loads them; the transformers
model inside it is what is run. A is random from a seed, so that before the first step the model
says what it said without the adapter.

Source: LoRA, arXiv 2106.09685, section 4.1; QLoRA, arXiv 2305.14314.
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError

NAME = "default"
"""peft's name of the adapter that learns; it is saved in the folder itself under this name."""
EARLIER = "earlier"
"""The one that was learnt in an earlier stage, and stays as it is."""


CONFIG = "adapter_config.json"
"""By this file a folder is an adapter's."""
WEIGHTS = "adapter_model.safetensors"


def hush() -> None:
    """Imported on a CPU, by peft too, bitsandbytes advises to load code from the hub."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def linear_names(model: Any) -> list[str]:
    """The last parts of the names of all linear layers but the output layer: q_proj, up_proj …"""
    hush()
    from peft.tuners.tuners_utils import BaseTunerLayer
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    found: set[str] = set()
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if name.startswith(inside):
            continue
        if isinstance(module, BaseTunerLayer):  # a layer that an adapter was put beside
            inside += (f"{name}.",)
        if isinstance(module, torch.nn.Linear | Conv1D | BaseTunerLayer) and module is not head:
            found.add(name.rpartition(".")[2])
    return sorted(found)


def begin(model: Any, mounted: Any, config: Any, seed: int) -> Any:
    """peft's view of `model` with a fresh adapter that learns; nothing else in it does.

    The adapter is float32 whatever the model is: it is small, so that it can be its own master
    copy, and updates far below bfloat16's precision arrive.

    Args:
        mounted: the view with an earlier adapter, from `mount`; None where there is none.
    """
    hush()
    from peft import get_peft_model

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's use of transformers, not ours
        torch.manual_seed(seed)
        if mounted is None:
            view = get_peft_model(model, config, adapter_name=NAME)
        else:
            view = mounted
            view.add_adapter(NAME, config)
            _switch_on(view)
    model.eval()
    return view


def mount(model: Any, vocabulary: dict[str, int], folder: Path) -> Any:
    """peft's view of `model` with the adapter in `folder` on it, frozen.

    Args:
        vocabulary: of the model's tokenizer, token to number.

    Raises:
        MissingArtifact: the folder is no adapter, or it is damaged.
        ConfigError: the adapter was learnt on another model, or with another vocabulary.
    """
    hush()
    from peft import PeftConfig, PeftModel
    from safetensors import SafetensorError

    _check_vocabulary(vocabulary, folder)
    try:
        if PeftConfig.from_pretrained(folder).peft_type != "LORA":
            raise ConfigError(
                f"the adapter in {str(folder)!r} is not a LoRA adapter", "use a LoRA adapter"
            )
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            view = PeftModel.from_pretrained(model, folder, adapter_name=EARLIER)
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise _damaged(folder, error) from error
        raise ConfigError(
            f"the adapter in {str(folder)!r} does not fit the model: "
            f"{str(error).splitlines()[-1].strip()}",
            "use the base model it was learnt on",
        ) from error
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    model.eval()
    return view


def base_of(folder: Path) -> str:
    """The name of the model that the adapter in `folder` was learnt beside; "another model" where
    it says none.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return str(said.get("base_model_name_or_path") or "another model")
    return "another model"


def _check_vocabulary(vocabulary: dict[str, int], folder: Path) -> None:
    """An adapter's folder holds the tokenizer it was learnt with; one without says nothing."""
    from transformers import AutoTokenizer

    if not (folder / "tokenizer_config.json").is_file():
        return
    try:
        own = AutoTokenizer.from_pretrained(folder, local_files_only=True).get_vocab()
    except Exception as error:  # tokenizers raises Exception itself
        raise _damaged(folder, error) from error
    if own != vocabulary:
        raise ConfigError(
            f"the adapter in {str(folder)!r} was learnt with a vocabulary of {len(own)} tokens, "
            f"which is not the base model's of {len(vocabulary)}",
            "use the base model it was learnt on",
        )


def _damaged(folder: Path, why: object) -> MissingArtifact:
    return MissingArtifact(
        f"the adapter in {str(folder)!r} cannot be read: {why}",
        "the files are damaged: run the stage that made them again with --force",
    )


@contextlib.contextmanager
def switched_off(view: Any) -> Iterator[None]:
    """Inside, the model is what it was before the adapter that learns."""
    if EARLIER not in view.peft_config:
        with view.disable_adapter():
            yield
        return
    view.base_model.set_adapter(EARLIER, inference_mode=True)
    try:
        yield
    finally:
        _switch_on(view)


def _switch_on(view: Any) -> None:
    view.base_model.set_adapter([EARLIER, NAME])
    view.base_model.set_requires_grad(EARLIER, False)


def write(view: Any, tokenizer: Any, folder: Path) -> None:
    """A plain transformers folder with the adapters merged in, and adapter/ in peft's format.

    The model is not touched. Sums are made in float32 and rounded once; a quantised layer is
    written as what it stands for.
    """
    from transformers import AutoModelForCausalLM

    model = view.get_base_model()
    config = type(model.config).from_dict(model.config.to_dict())
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(config, dtype=model.dtype)
    plain.generation_config = model.generation_config
    weights = {name: merged(model, name).cpu() for name in plain.state_dict()}
    plain.save_pretrained(folder, state_dict=weights)
    view.save_pretrained(folder / "adapter", save_embedding_layers=False)
    tokenizer.save_pretrained(folder / "adapter")


@torch.no_grad()
def merged(model: Any, name: str) -> torch.Tensor:
    """The tensor `name` of a plain model that does what `model` does with its active adapters."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.integrations import dequantize_module_weight

    place, _, attribute = name.rpartition(".")
    module = model.get_submodule(place)
    adapted = isinstance(module, BaseTunerLayer)
    layer = module.get_base_layer() if adapted else module
    tensor: torch.Tensor = getattr(layer, attribute)
    if attribute != "weight":
        return tensor
    tensor = dequantize_module_weight(layer)
    if not adapted:
        return tensor.detach()
    total = tensor.float()
    for adapter in module.active_adapters:
        if adapter in module.lora_A:
            total = total + module.get_delta_weight(adapter).float()
    return total.to(tensor.dtype)


def fold(model: Any, folder: Path) -> None:
    """The adapter that transformers has put on the model from `folder` is in its weights, as
    `write` puts it there, and its plain modules are back in their places.

    transformers rounds an adapter to the model's dtype; what is added here is float32, as it was
    learnt.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from safetensors.torch import load_file

    exact = load_file(folder / WEIGHTS)
    adapted = {n: one for n, one in model.named_modules() if isinstance(one, BaseTunerLayer)}
    for name, module in adapted.items():
        for part in ("lora_A", "lora_B"):
            matrix = exact.get(f"base_model.model.{name}.{part}.weight")
            if matrix is not None:
                kept = torch.nn.Parameter(matrix.float(), requires_grad=False)
                getattr(module, part)[module.active_adapters[0]].weight = kept
        plain = module.get_base_layer()
        plain.weight = torch.nn.Parameter(merged(model, f"{name}.weight"), requires_grad=False)
        model.set_submodule(name, plain)
    del model.peft_config  # by which transformers would look for them
    model._hf_peft_config_loaded = False


def four_bit(dtype: torch.dtype) -> Any:
    """How transformers is asked for 4-bit NormalFloat weights with quantised constants.

    Raises:
        MissingArtifact: bitsandbytes is not installed.
        ResourceError: it is, and has no library for this machine.

    Source: QLoRA, arXiv 2305.14314, sections 2 and 3.
    """
    bitsandbytes("4-bit weights", "tuning=lora")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def keep_as_quantised(model: Any) -> None:
    """Keeps bitsandbytes from packing 4-bit weights anew for the CPU when answers are generated.

    Its packing rounds each block's scale once more, so that the frozen weights would depend on
    whether the model had answered before; and it refuses narrow layers.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def bitsandbytes(what: str, instead: str) -> Any:
    """The package, which `what` needs.

    Raises:
        MissingArtifact, ResourceError: it is not installed, or does not work on this machine.
    """
    hush()
    try:
        import bitsandbytes as package
    except ModuleNotFoundError as error:
        raise MissingArtifact(
            f"{what}: the package {error.name!r} is not installed",
            f"pip install 'srlr[qlora]', or {instead}",
        ) from error
    except (OSError, ImportError, RuntimeError) as error:
        raise ResourceError(
            f"{what}: bitsandbytes does not work on this machine: {error}", instead
        ) from error
    return package
