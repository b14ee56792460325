"""A card from what a model's publisher put beside its weights. Each fact says which file it is
from; what no file says is absent.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.settings import Fact, ModelCard
from srlr.models import soundness
from srlr.models.facts import FACTS, LANGUAGE, day
from srlr.models.headers import FLOATS
from srlr.models.published import CONFIG, INDEX, README, Published

Derived = tuple[str, Any, str]
"""A fact's name, its value, and where it is from."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

KEYS = {
    "architecture": ("model_type",),
    "num_layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "intermediate_size": ("intermediate_size", "n_inner", "ffn_dim"),
    "vocabulary": ("vocab_size",),
    "num_heads": ("num_attention_heads", "n_head", "num_heads"),
    "context_tokens": ("max_position_embeddings", "n_positions"),
    "num_experts": ("num_experts", "num_local_experts", "n_routed_experts"),
}
"""Facts that config.json says itself, and its words for them."""

ROUTED = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts")
WRITES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def card(found: Published, name: str | None, today: date) -> ModelCard:
    """The card, named after the model unless a name is given.

    Raises:
        ConfigError: the name cannot be a card's; the model does not write text; or what its files
            say contradicts itself.
    """
    architectures = [str(one) for one in found.config.get("architectures") or ()]
    if architectures and not any(one.endswith(WRITES) for one in architectures):
        raise ConfigError(
            f"{found.source!r} does not write text: it is a {', '.join(architectures)}",
            "name a model that generates text (…ForCausalLM)",
        )
    facts = {
        fact: Fact(value=value, source=source, date=today)
        for fact, value, source in _derived(found)
        if FACTS[fact].fits(value)
    }
    made = ModelCard(name=named(found.source, name), source=found.source, facts=facts)
    if wrong := soundness.faults(made, today):
        lines = "".join(f"\n  {fault}" for fault in wrong)
        raise ConfigError(
            f"what {found.source!r} says of itself contradicts itself:{lines}",
            "write the card by hand, with the facts that are right",
        )
    return made


def named(source: str, name: str | None = None) -> str:
    """The card's name: the one that is given, else the source's last part in small letters.

    Raises:
        ConfigError: it cannot be typed after `model=`, or it is `auto`.
    """
    last = source.removeprefix("hub:").partition("@")[0].rstrip("/").rpartition("/")[2]
    chosen = name or re.sub(r"[^a-z0-9._-]+", "-", last.lower()).strip("-._")
    if not NAME.fullmatch(chosen) or chosen == "auto":
        raise ConfigError(
            f"{chosen!r} cannot be a card's name",
            "--name with small letters, digits, dots and dashes; auto is taken",
        )
    return chosen


def text(made: ModelCard) -> str:
    """The card as a YAML file."""
    import yaml

    def flow(value: Any) -> str:
        shown: str = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False
        )
        return shown.removesuffix("\n").removesuffix("\n...")

    lines = [f"name: {flow(made.name)}", f"source: {flow(made.source)}"]
    lines.append("facts:" if made.facts else "facts: {}")
    for name, fact in made.facts.items():
        lines.append(f"  {name}: {flow(fact.model_dump())}")
    return "\n".join([*lines, "tuning: {}", ""])


def _derived(found: Published) -> Iterator[Derived]:
    yield from _parameters(found)
    yield from _sizes(found)
    yield from _heads(found)
    yield from _ties(found)
    yield from _said(found)
    if found.template is not None:
        template, file = found.template
        yield "tool_calling", "tools" in template, f"{found.place}{file}: its chat template"


def _parameters(found: Published) -> Iterator[Derived]:
    quantised = "quantization_config" in found.config
    if found.tensors:
        odd = {one.dtype for one in found.tensors} - FLOATS
        if not (quantised and odd):
            total = sum(one.elements for one in found.tensors if one.dtype in FLOATS)
            where = f"{found.place}*.safetensors: counted from the headers"
            yield "parameters_b", total / 1e9, where
            yield from _active(found, total)
        return
    counted = _inner(found.info.get("safetensors"))
    whole, types = counted.get("total"), set(_inner(counted.get("parameters")))
    if isinstance(whole, int) and not (quantised and types - FLOATS):
        yield "parameters_b", whole / 1e9, f"{found.place}(the hub's count of safetensors)"
        return
    said = _inner(found.index.get("metadata"))
    size, width = said.get("total_size"), BYTES.get(str(_config(found, "dtype", "torch_dtype")))
    if isinstance(said.get("total_parameters"), int):
        yield "parameters_b", said["total_parameters"] / 1e9, f"{found.place}{INDEX}"
    elif isinstance(size, int | float) and width and not quantised:
        where = f"{found.place}{INDEX}: total_size / {width} bytes"
        yield "parameters_b", size / width / 1e9, where


def _active(found: Published, total: int) -> Iterator[Derived]:
    """Of a mixture of experts: all but the experts that a token is not sent to."""
    experts, routed = _config(found, *KEYS["num_experts"]), _config(found, *ROUTED)
    if isinstance(experts, int) and isinstance(routed, int) and 0 < routed < experts:
        inside = sum(one.elements for one in found.tensors if ".experts." in one.name)
        active = total - inside * (experts - routed) / experts
        where = f"{found.place}*.safetensors: {routed} of {experts} experts a token"
        yield "active_parameters_b", active / 1e9, where


def _sizes(found: Published) -> Iterator[Derived]:
    where = f"{found.place}{CONFIG}"
    for fact, keys in KEYS.items():
        value = _config(found, *keys)
        if value is not None:
            yield fact, value, where
    window = _config(found, "sliding_window")
    context = _config(found, *KEYS["context_tokens"])
    used = _config(found, "use_sliding_window") is not False
    if isinstance(window, int) and used and isinstance(context, int) and window < context:
        yield "window_tokens", window, where
    seen = [name for name, key in (("image", "vision"), ("audio", "audio")) if _part(found, key)]
    yield "modalities", ["text", *seen], where


def _heads(found: Published) -> Iterator[Derived]:
    where, heads = f"{found.place}{CONFIG}", _config(found, *KEYS["num_heads"])
    hidden = _config(found, *KEYS["hidden_size"])
    of_keys = _config(found, "num_key_value_heads") or heads
    if not (isinstance(heads, int) and heads > 0 and isinstance(of_keys, int)):
        return
    size = _config(found, "head_dim") or (hidden // heads if isinstance(hidden, int) else None)
    if not isinstance(size, int):
        return
    yield "num_kv_heads", of_keys, where
    yield "head_size", size, where
    if _config(found, "kv_lora_rank") is None:  # else keys and values are kept as one narrow state
        yield "kv_size", of_keys * size, f"{where}: {of_keys} key-value heads of {size}"


def _ties(found: Published) -> Iterator[Derived]:
    """The tensors tell; a config that leaves it out means its architecture's default."""
    names = {one.name for one in found.tensors} or set(_inner(found.index.get("weight_map")))
    said = _config(found, "tie_word_embeddings")
    if isinstance(said, bool):
        yield "tie_embeddings", said, f"{found.place}{CONFIG}"
    elif names:
        file = "*.safetensors" if found.tensors else INDEX
        alone = not any(one.endswith(("lm_head.weight", "embed_out.weight")) for one in names)
        yield "tie_embeddings", alone, f"{found.place}{file}: whether it has an output layer"


def _said(found: Published) -> Iterator[Derived]:
    where = f"{found.place}{README}"
    licence = found.matter.get("license")
    if licence == "other":
        licence = found.matter.get("license_name") or licence
    if isinstance(licence, str):
        yield "licence", licence.lower(), where
    spoken = found.matter.get("language")
    listed = spoken if isinstance(spoken, list) else [spoken]
    # YAML reads the code of Norwegian as false
    codes = ["no" if one is False else one for one in listed]
    yield (
        "languages",
        [one for one in codes if isinstance(one, str) and LANGUAGE.fullmatch(one)],
        where,
    )
    created, downloads = str(found.info.get("createdAt", ""))[:10], found.info.get("downloads")
    if day(created):
        yield "release_date", created, f"{found.place}(createdAt: the repository's first day)"
    yield "hub_downloads_per_month", downloads, f"{found.place}(downloads)"
    library = found.info.get("library_name") or found.matter.get("library_name")
    yield "libraries", [library], where if "library_name" in found.matter else found.place.strip()


def _config(found: Published, *keys: str) -> Any:
    """The config's first of these; of a model that also reads images, its language part's."""
    for part in (_inner(found.config.get("text_config")), found.config):
        for key in keys:
            if part.get(key) is not None:
                return part[key]
    return None


def _part(found: Published, name: str) -> bool:
    return isinstance(found.config.get(f"{name}_config"), dict)


def _inner(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
