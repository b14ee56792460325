"""What a stage will hold in memory at its peak, in GB of 10^9 bytes, before anything is loaded.

    held        the process, the weights, a reference, the optimiser's float32 numbers
    training    held, gradients, and what the forward pass of a micro-batch leaves for the backward
    answering   held, and the keys and values of the rows that are answered together

A stage does the one and the other in turn: its peak is the higher. With launcher.sharding, a
process holds its part, and more while it reads or answers; all figures are those of one process.
"""

from srlr.core.settings import Settings
from srlr.core.training import ByTrl, Dpo, Imitate, Loop, Training
from srlr.models import precision
from srlr.models.card import DTYPE_BITS, number
from srlr.training.head import LOGIT_TOKENS

GIGA = 1e9
PROCESS_GB, TRL_GB, REPORT_GB = 0.6, 0.3, 0.2
"""Python, torch, transformers and the tokenizer; TRL and datasets beside them; what compares models
and draws, and what the stages before evaluation have left in the process.
"""
SAVED = 50
"""Bytes that a layer keeps of a token for the backward pass, for each unit of the model's width:
two norms in float32, queries, keys, values, and the four wide tensors of a gated MLP."""
SAVED_ADAPTED = 130
"""The same where adapters learn, which take every input in float32 and drop some of it."""
SAVED_AGAIN = 2
"""The same where activations are computed again: the layer's input."""
LOGIT_BYTES = 14
"""A logit of the LOGIT_TOKENS that exist at once: in bfloat16 and three times in float32."""
QUANTISED_BYTES = 0.6
"""A parameter in 4 bits, with its share of the scales and of what stays in 16."""
KEYS_SHARE = 4
"""Width over that of keys, where a card has no kv_size: most models share keys among heads."""
TOKENS_ASKED = 50
"""Of the longer prompts of a batch, as a trained model is given them: short texts."""
TOKENS_DESCRIBED, TOKENS_SHOWN = 100, 50
"""Of what an untrained model is told, and of each solved example it is shown."""
WORKING_GB = 0.2
"""One layer of a forward pass over the prompts of a batch, and the logits of its rows."""


def training_gb(settings: Settings, node: Training) -> float:
    """The highest of what a loop does: an update, or answering its held-out tasks."""
    held = held_gb(settings, node)
    rows = min(settings.rollout.batch_size, node.eval_tasks)
    answering = answering_gb(settings, rows, TOKENS_ASKED)
    if settings.launcher.parts > 1:
        answering += weights_gb(settings)  # which are together only then
    return held + max(updating_gb(settings, node), answering)


def asking_gb(settings: Settings) -> float:
    """Of evaluation, whose longest prompts are those of the untrained model: all of its examples
    are in front of each.
    """
    tasks = settings.evaluate.limit or settings.rollout.batch_size
    shots = max(settings.evaluate.shots, default=0)
    tokens = TOKENS_DESCRIBED + shots * TOKENS_SHOWN
    rows = min(settings.rollout.batch_size, tasks)
    held = PROCESS_GB + REPORT_GB + weights_gb(settings)
    return held + answering_gb(settings, rows, tokens)


def held_gb(settings: Settings, node: Training) -> float:
    """What is there all the time."""
    if settings.launcher.parts > 1:
        return _held_in_parts_gb(settings, node)
    four_bit = isinstance(node, Loop) and node.tuning == "qlora"
    weights = weights_gb(settings, QUANTISED_BYTES if four_bit else None)
    total = PROCESS_GB + weights + _reference_gb(settings, node)
    learning = learning_b(settings, node)
    if isinstance(node, Dpo | ByTrl):  # TRL's copy in float32, and its two moments
        return total + TRL_GB + 4 * _size(settings, "parameters_b", 1.0) + 8 * learning
    return total + (4 * _has_masters(settings, node) + _moments(node)) * learning


def updating_gb(settings: Settings, node: Training) -> float:
    """Gradients in float32; and activations, or the micro-batch's gradients in the model's own
    dtype, which come as the activations go.
    """
    learning = learning_b(settings, node)
    if settings.launcher.parts > 1:
        return (
            4 * learning / _parts(settings, node)
            + together_gb(settings, node)
            + activations_gb(settings, node)
        )
    own = _model_bytes(settings) * learning if _has_masters(settings, node) else 0.0
    return 4 * learning + max(own, activations_gb(settings, node))


def together_gb(settings: Settings, node: Training) -> float:
    """Where weights are cut: what is whole while a block is read, with its gradients as they come
    and as they are added up. Two blocks, one of which is on its way, and the embeddings.
    """
    below = _size(settings, "hidden_size", 2048) * _size(settings, "vocabulary", 1e5) / GIGA
    blocks = max(0.0, _size(settings, "parameters_b", 1.0) - below) / _layers(settings)
    each = _model_bytes(settings)
    if isinstance(node, Loop) and node.tuning == "full":
        each += _model_bytes(settings) + 4
    return each * (2 * blocks + below)


def _held_in_parts_gb(settings: Settings, node: Training) -> float:
    """Weights that learn are in float32 and there once; an adapter is whole."""
    learning, every = learning_b(settings, node), _size(settings, "parameters_b", 1.0)
    adapted = isinstance(node, Loop) and node.tuning != "full"
    frozen = every if adapted else every - learning
    reference = _reference_gb(settings, node)
    if not isinstance(node, Imitate):  # whose reference is an output layer
        reference /= settings.launcher.parts
    return (
        PROCESS_GB
        + _model_bytes(settings) * frozen / settings.launcher.parts
        + (4 + _moments(node)) * learning / _parts(settings, node)
        + reference
    )


def _moments(node: Training) -> int:
    """Bytes of both, for a parameter that learns."""
    return 2 if isinstance(node, Loop) and node.optimiser == "adamw_8bit" else 8


def _parts(settings: Settings, node: Training) -> int:
    """Into how many parts what learns is cut."""
    whole = isinstance(node, Loop) and node.tuning != "full"
    return 1 if whole else settings.launcher.parts


def activations_gb(settings: Settings, node: Training) -> float:
    """Of a micro-batch: all layers above the first that learns, and a piece of the logits."""
    width, vocabulary = _size(settings, "hidden_size", 2048), _size(settings, "vocabulary", 1e5)
    again = isinstance(node, Loop | ByTrl) and node.gradient_checkpointing
    layers = _layers(settings) * passed(settings, node)
    each = SAVED_ADAPTED if isinstance(node, Loop) and node.tuning != "full" else SAVED
    saved = SAVED_AGAIN * layers + each if again else each * layers
    # TRL makes logits of every token.
    logits = node.micro_batch_tokens if isinstance(node, Dpo | ByTrl) else LOGIT_TOKENS
    wide = LOGIT_BYTES * logits * vocabulary
    return (saved * width * node.micro_batch_tokens * _model_bytes(settings) / 2 + wide) / GIGA


def answering_gb(settings: Settings, rows: int, tokens: int) -> float:
    """Keys and values of rows with so many tokens before their answers. Each row's are there twice
    while rows of different lengths are put side by side, before the first answer's token.
    """
    width = _size(settings, "kv_size", _size(settings, "hidden_size", 2048) / KEYS_SHARE)
    each = 2 * width * _layers(settings) * _model_bytes(settings)
    columns = tokens + max(tokens, settings.rollout.max_new_tokens)
    return rows * columns * each / GIGA + WORKING_GB


def weights_gb(settings: Settings, bytes_: float | None = None) -> float:
    return _size(settings, "parameters_b", 1.0) * (bytes_ or _model_bytes(settings))


def passed(settings: Settings, node: Training) -> float:
    """The share of the layers that the backward pass goes through."""
    layers = _layers(settings)
    return min(1.0, node.trained_layers / layers) if node.trained_layers else 1.0


def learning_b(settings: Settings, node: Training) -> float:
    """Parameters that learn, in 10^9: all, those of the last layers, or an adapter's."""
    parameters = _size(settings, "parameters_b", 1.0)
    width = _size(settings, "hidden_size", 2048)
    if node.trained_layers is None:
        learning = parameters
    else:
        below = width * _size(settings, "vocabulary", 0.0) / GIGA  # the embeddings
        learning = (parameters - below) * passed(settings, node)
    if isinstance(node, Loop | ByTrl) and node.tuning != "full":
        # Two matrices of this rank beside each: r · (in + out) of in · out, which is about square.
        return learning * min(1.0, 2 * node.lora.rank / width)
    return learning


def _reference_gb(settings: Settings, node: Training) -> float:
    """A copy of the model; of an imitation its output layer alone. None under an adapter."""
    if not isinstance(node, Loop) or not node.kl_penalty_weight:
        return 0.0
    if isinstance(node, Imitate):
        size = _size(settings, "vocabulary", 1e5) * _size(settings, "hidden_size", 2048)
        return size * _model_bytes(settings) / GIGA
    return weights_gb(settings) if node.tuning == "full" else 0.0


def _has_masters(settings: Settings, node: Training) -> bool:
    """Whether the optimiser has a float32 copy of the weights: not where they are so themselves,
    as an adapter's always are.
    """
    full = not isinstance(node, Loop | ByTrl) or node.tuning == "full"
    return full and not isinstance(node, Dpo | ByTrl) and _model_bytes(settings) < 4


def _model_bytes(settings: Settings) -> float:
    return DTYPE_BITS[precision.foreseen(settings.hardware).compute_dtype] / 8


def _layers(settings: Settings) -> float:
    return _size(settings, "num_layers", 32)


def _size(settings: Settings, name: str, otherwise: float) -> float:
    found = number(settings.model, name)
    return otherwise if found is None else found
