"""What a model will hold in memory, in GB of 10^9 bytes, computed from its config before anything
is loaded.

    serving    the process, the weights, keys and values of the rows that are answered together,
               and one layer's work on their prompts
    training   the process, the weights, a reference, the optimiser's numbers; gradients, and what
               the forward pass of a micro-batch leaves for the backward

tests/models/test_fit.py holds both against what the embedded model took.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from srlr.core.errors import MissingArtifact
from srlr.core.settings import ModelCard
from srlr.models import headers
from srlr.models.card import number

GIGA = 1e9
SERVING_PROCESS_GB = 0.47
"""Python, torch, transformers and the tokenizer, once a model is loaded; none of it on a GPU."""
SAVED = 50
"""Bytes that a layer keeps of a token for the backward pass, for each unit of the model's width:
two norms in float32, queries, keys, values, and the four wide tensors of a gated MLP."""
SAVED_ADAPTED = 155
"""The same where adapters learn, which take every input in float32 and drop some of it: 130 by
counting, the rest is what lies unused between pieces of so many sizes, as measured."""
SAVED_AGAIN = 2
"""The same where activations are computed again: the layer's input."""
REST_BYTES = 2
"""Of a bfloat16 weight that learns, beside itself and its moments (training.remainders)."""
LOGIT_BYTES = 14
"""A logit of those that exist at once: in bfloat16 and three times in float32."""
QUANTISED_BYTES = 0.6
"""A parameter in 4 bits, with its share of the scales and of what stays in 16."""
LOGIT_TOKENS = 64
"""Tokens whose logits exist at once: 13 MB in float32 for a vocabulary of 49,152, which the last
cache holds."""
KEYS_SHARE, HEAD_SIZE = 4, 64
"""Width over that of keys, and over the number of heads, where nothing says it."""
MLP_TENSORS = 8
"""Of the model's width, in a gated MLP at once: three, each 8/3 as wide as the model."""
SCORES = 3
"""Copies of a layer's attention scores at once: masked, exponentiated, divided."""
SCORED_TOKENS = 1024
"""Above so many a row, scores are never held as a whole (models.attention)."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Of the weights on a CPU beside themselves, in their own size."""

    kept: float
    loading: float


COPIES = {2: Copies(1.0, 2.0), 4: Copies(0.5, 0.5)}
"""By bytes of a number. In bfloat16 they are there again in the order in which products take them,
and were moved before; in float32 those that are multiplied together were moved side by side while
their file stays mapped.
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model its memory depends on."""

    parameters_b: float
    layers: float
    width: float
    kv_size: float
    """Of a token's keys in one layer, and of its values."""
    heads: float
    vocabulary: float | None
    """None where nothing says it."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a model learns, as far as its memory knows."""

    method: Literal["full", "lora", "qlora"] = "full"
    trained_layers: int | None = None
    rank: int = 16
    micro_batch_tokens: int = 1024
    logit_tokens: int = 1024
    """Tokens whose logits exist at once."""
    moments_bytes: float = 8.0
    """Of the optimiser, a learning parameter: two in float32, or in 8 bits each."""
    reference: Literal["none", "head", "copy"] = "none"
    """What is kept of the model as it was: nothing, its output layer, all of it."""
    checkpointing: bool = False
    parts: int = 1
    """Into how many weights, gradients and moments are cut, one a process (launcher.sharding)."""
    own_copy: bool = False
    """Whether the trainer holds all weights in float32 from the start, as TRL's do."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A peak and what it is made of."""

    peak_gb: float
    parts: Mapping[str, float]


def of_card(card: ModelCard) -> Shape:
    """The shape that a card claims; what it does not say is taken as usual."""

    def said(name: str, otherwise: float) -> float:
        found = number(card, name)
        return otherwise if found is None else found

    width = said("hidden_size", 2048)
    return Shape(
        parameters_b=said("parameters_b", 1.0),
        layers=said("num_layers", 32),
        width=width,
        kv_size=said("kv_size", width / KEYS_SHARE),
        heads=said("num_heads", width / HEAD_SIZE),
        vocabulary=number(card, "vocabulary"),
    )


def of_folder(folder: Path) -> Shape | None:
    """The shape of a transformers folder, read from its config and the heads of its weights; None
    where it is not one of the usual form.
    """
    try:
        read = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config: dict[str, Any] = read.get("text_config") or read
        heads = config["num_attention_heads"]
        keys = config.get("num_key_value_heads") or heads
        width = config["hidden_size"]
        return Shape(
            parameters_b=_parameters(folder) / GIGA,
            layers=config["num_hidden_layers"],
            width=width,
            kv_size=keys * (config.get("head_dim") or width // heads),
            heads=heads,
            vocabulary=config["vocab_size"],
        )
    except (MissingArtifact, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _parameters(folder: Path) -> int:
    """All numbers in the folder's weights.

    Raises:
        FileNotFoundError: there are none.
        MissingArtifact: a header is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(folder)
    return sum(tensor.elements for path in files for tensor in headers.read(path))


# -- serving ---------------------------------------------------------------------------------------


def cache_gb(shape: Shape, rows: int, tokens: float, bytes_: float) -> float:
    """Keys and values of so many rows of so many tokens."""
    return rows * tokens * 2 * shape.kv_size * shape.layers * bytes_ / GIGA


def reading_gb(shape: Shape, rows: int, tokens: float, bytes_: float) -> float:
    """One layer's work on prompts that are read together: its MLP's, or its attention's scores."""
    scores = SCORES * shape.heads * tokens if tokens <= SCORED_TOKENS else 0.0
    return rows * tokens * max(MLP_TENSORS * shape.width, scores) * bytes_ / GIGA


def serving(
    shape: Shape, bytes_: int, *, rows: int, tokens: int, new: int, device: str = "cpu"
) -> Fit:
    """The peak of a process that answers `rows` prompts of `tokens` tokens at once, with up to
    `new` tokens each: when it loads the model, or when the prompts have been read and their keys
    and values are there twice, being put side by side.
    """
    own = device == "cpu"
    weights = shape.parameters_b * bytes_
    process = SERVING_PROCESS_GB if own else 0.0
    copies = COPIES[bytes_] if own else Copies(0.0, 0.0)
    cache = cache_gb(shape, rows, tokens + max(tokens, new), bytes_)
    working = reading_gb(shape, rows, tokens, bytes_)
    parts = {
        "process": process,
        "weights": weights * (1 + copies.kept),
        "kv_cache": cache,
        "working": working,
    }
    return Fit(max(sum(parts.values()), process + weights * (1 + copies.loading)), parts)


# -- training --------------------------------------------------------------------------------------


def training(shape: Shape, tuning: Tuning, bytes_: float, process_gb: float) -> Fit:
    """The peak of an update of a model that computes in numbers of `bytes_` bytes."""
    if tuning.parts > 1:
        return _in_parts(shape, tuning, bytes_, process_gb)
    learning = learning_b(shape, tuning)
    gradients, saved = 4 * learning, activations_gb(shape, tuning, bytes_)
    # A micro-batch's gradients in the model's own dtype come as its activations go.
    own = bytes_ * learning if has_masters(tuning, bytes_) else 0.0
    parts = {
        "process": process_gb,
        "weights": held_weights_gb(shape, tuning, bytes_),
        "reference": reference_gb(shape, tuning, bytes_),
        "optimiser": optimiser_gb(shape, tuning, bytes_),
        "gradients": gradients,
        "activations": max(own, saved),
    }
    return Fit(sum(parts.values()), parts)


def _in_parts(shape: Shape, tuning: Tuning, bytes_: float, process_gb: float) -> Fit:
    """Of one process, where weights are cut. Those that learn are in float32 and there once; an
    adapter is whole.
    """
    learning, adapted = learning_b(shape, tuning), tuning.method != "full"
    frozen = shape.parameters_b if adapted else shape.parameters_b - learning
    own = learning if adapted else learning / tuning.parts
    reference = reference_gb(shape, tuning, bytes_)
    parts = {
        "process": process_gb,
        "weights": bytes_ * frozen / tuning.parts,
        "reference": reference if tuning.reference == "head" else reference / tuning.parts,
        "optimiser": (4 + tuning.moments_bytes) * own,
        "gradients": 4 * own,
        "together": together_gb(shape, tuning, bytes_),
        "activations": activations_gb(shape, tuning, bytes_),
    }
    return Fit(sum(parts.values()), parts)


def together_gb(shape: Shape, tuning: Tuning, bytes_: float) -> float:
    """Where weights are cut: what is whole while a block is read, with its gradients as they come
    and as they are added up. Two blocks, one of which is on its way, and the embeddings.
    """
    below = shape.width * (shape.vocabulary or 1e5) / GIGA
    blocks = max(0.0, shape.parameters_b - below) / shape.layers
    each = 2 * bytes_ + 4 if tuning.method == "full" else bytes_
    return each * (2 * blocks + below)


def held_weights_gb(shape: Shape, tuning: Tuning, bytes_: float) -> float:
    """As they lie there: of qlora in 4 bits."""
    return shape.parameters_b * (QUANTISED_BYTES if tuning.method == "qlora" else bytes_)


def reference_gb(shape: Shape, tuning: Tuning, bytes_: float) -> float:
    """Of the model as it was; none under an adapter, which is switched off instead."""
    if tuning.reference == "head":
        return (shape.vocabulary or 1e5) * shape.width * bytes_ / GIGA
    copied = tuning.reference == "copy" and tuning.method == "full"
    return shape.parameters_b * bytes_ if copied else 0.0


def optimiser_gb(shape: Shape, tuning: Tuning, bytes_: float) -> float:
    """Two moments of what learns, and what rounding its float32 form took off."""
    learning = learning_b(shape, tuning)
    if tuning.own_copy:
        return 4 * shape.parameters_b + tuning.moments_bytes * learning
    return (REST_BYTES * has_masters(tuning, bytes_) + tuning.moments_bytes) * learning


def activations_gb(shape: Shape, tuning: Tuning, bytes_: float) -> float:
    """Of a micro-batch: all layers above the first that learns, and a piece of the logits."""
    layers = shape.layers * passed(shape, tuning)
    each = SAVED if tuning.method == "full" else SAVED_ADAPTED
    saved = SAVED_AGAIN * layers + each if tuning.checkpointing else each * layers
    wide = LOGIT_BYTES * tuning.logit_tokens * (shape.vocabulary or 1e5)
    return (saved * shape.width * tuning.micro_batch_tokens * bytes_ / 2 + wide) / GIGA


def learning_b(shape: Shape, tuning: Tuning) -> float:
    """Parameters that learn, in 10^9: all, those of the last layers, or an adapter's."""
    learning = shape.parameters_b
    if tuning.trained_layers is not None:
        below = shape.width * (shape.vocabulary or 0.0) / GIGA  # the embeddings
        learning = (learning - below) * passed(shape, tuning)
    if tuning.method == "full":
        return learning
    # Two matrices of this rank beside each: r · (in + out) of in · out, which is about square.
    return learning * min(1.0, 2 * tuning.rank / shape.width)


def passed(shape: Shape, tuning: Tuning) -> float:
    """The share of the layers that the backward pass goes through."""
    return min(1.0, tuning.trained_layers / shape.layers) if tuning.trained_layers else 1.0


def has_masters(tuning: Tuning, bytes_: float) -> bool:
    """Whether what learns has a float32 form of its own; an adapter is in float32 itself."""
    return tuning.method == "full" and not tuning.own_copy and bytes_ < 4
