"""What can be done with a network, found out on a few short rows and not guessed from its name.

The reference is transformers' own forward pass with its plainest attention, one row at a time and
without a cache. What does not reproduce its logits is not used for this network.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from srlr.models import blocks, stack
from srlr.models.blocks import Blocks
from srlr.models.reading import read, read_prefix

log = logging.getLogger(__name__)
PREFIX, SHORT, LONG = (0, 1), (2, 3, 4, 5), (6, 7, 8, 9, 10)
"""What the rows share, and what follows it in each; read together, the short one is padded."""
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""Of the logits' deviation: a mask or position that is not respected changes them by about 1."""

REFUSALS = (TypeError, ValueError, AttributeError, LookupError, AssertionError, RuntimeError)
"""What a network's code raises when it is asked for something it does not know."""

_MEASURED: dict[str, tuple["Abilities", str]] = {}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What gives the logits of the plain forward pass."""

    cache: bool
    """`reading`: the reserved cache, rows padded on the left, rows that part."""
    trees: bool
    """A forward pass without cache in which a 4D bool mask says what each token sees, and
    position_ids where it stands."""
    head: bool
    """The output embeddings applied to the last_hidden_state of the body (`stack.find`)."""
    blocks: bool = False
    """`blocks` and `branches`: steps of a token a row, from prompts that rows share."""
    packs: bool = False
    """The same with packed weights."""
    reach: int | None = None
    """Tokens of a row up to which all of that holds: the width of a sliding window."""

    def within(self, tokens: int) -> bool:
        """Whether rows of this length have what `cache` and `trees` promise."""
        return self.reach is None or tokens <= self.reach


def key(network: Any, dtype: torch.dtype) -> str:
    """The same for networks of which the same can be expected."""
    return f"{type(network).__name__} {dtype} {network.device} {network.config.to_json_string()}"


def of(network: Any, dtype: torch.dtype) -> Abilities:
    """As `measure`, once for all networks of the same architecture in this process."""
    known = key(network, dtype)
    if known not in _MEASURED:
        _MEASURED[known] = measure(network, dtype), network.config._attn_implementation
    abilities, chosen = _MEASURED[known]
    if network.config._attn_implementation != chosen:
        _attend(network, chosen)
    return abilities


@torch.inference_mode()
def measure(network: Any, dtype: torch.dtype) -> Abilities:
    """What `network`, in evaluation mode, can do with the attention it is set to.

    Where that attention is not as good as transformers' eager one, that one is set.
    """
    ours = network.config._attn_implementation
    vocabulary = network.config.get_text_config().vocab_size
    rows = [
        [(7919 * number + 13) % vocabulary for number in (*PREFIX, *middle, last)]
        for middle, last in ((SHORT, 11), (LONG, 11), (LONG, 12))
    ]
    _attend(network, "eager")
    plain = [_logits(network, row) for row in rows]
    _attend(network, ours)

    def same(made: Callable[[], torch.Tensor], truth: torch.Tensor) -> bool:
        try:
            logits = made().float()
        except REFUSALS as error:
            log.debug("%s: %r", type(network).__name__, error)
            return False
        truth = truth.float()
        spread = (truth - truth.mean(-1, keepdim=True)).norm()
        return bool((logits - truth).norm() <= TOLERANCE[dtype] * spread)

    if not same(lambda: _logits(network, rows[1]), plain[1]):
        _attend(network, "eager")
    ends = [plain[0][-2], plain[1][-2], *(logits[-1] for logits in plain)]
    tree = torch.cat([plain[0], plain[1], plain[2][-1:]])
    return Abilities(
        cache=same(lambda: _read(network, rows), torch.stack(ends)),
        trees=same(lambda: _tree(network, rows), tree),
        head=same(lambda: _head(network, rows[1]), plain[1]),
        blocks=same(lambda: _read(network, rows, _taken_apart(network)), torch.stack(ends)),
        packs=dtype == torch.bfloat16
        and network.device.type == "cpu"
        and same(lambda: _read(network, rows, _taken_apart(network, pack=True)), torch.stack(ends)),
        reach=_reach(network.config.get_text_config()),
    )


def _attend(network: Any, name: str) -> None:
    """Sets the attention; a network that has its own only makes its masks by what is said here."""
    network.set_attn_implementation(name)
    network.config._attn_implementation = name


def _reach(config: Any) -> int | None:
    """What the config says of windows: rows of the check are too short to meet one."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and all(kind == "full_attention" for kind in kinds):
        return None
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((window for window in windows if window), default=None)


def _logits(network: Any, row: list[int]) -> torch.Tensor:
    """(T, V) of one row by itself."""
    ids = torch.tensor([row], device=network.device)
    logits: torch.Tensor = network(input_ids=ids, use_cache=False).logits[0]
    return logits


def _taken_apart(network: Any, *, pack: bool = False) -> Blocks:
    found = blocks.of(network, pack=pack)
    if found is None:
        raise LookupError("it is not made of the blocks that are known")
    return found


def _read(network: Any, rows: list[list[int]], own: Blocks | None = None) -> torch.Tensor:
    """(5, V) after two prompts, and after they went on, one of them in two ways."""
    shared = len(PREFIX)
    prompts = [row[shared:-1] for row in rows[:2]]
    prefix = read_prefix(network, rows[0][:shared])
    reading = read(network, prompts, prefix, pad=rows[0][0], room=(3, 1), blocks=own)
    before = reading.logits_BV
    reading.go_on([0, 1, 1], [row[-1] for row in rows])
    return torch.cat([before, reading.logits_BV])


def _tree(network: Any, rows: list[list[int]]) -> torch.Tensor:
    """(T, V) of the three rows in two: the short one padded, the long ones parting at the end."""
    short, long = len(rows[0]), len(rows[1])
    width = long + 1
    ids = torch.tensor([[*rows[0], *[rows[0][0]] * (width - short)], [*rows[1], rows[2][-1]]])
    mask = torch.eye(width, dtype=torch.bool).repeat(2, 1, 1)
    mask[0, :short, :short] = torch.ones(short, short, dtype=torch.bool).tril()
    mask[1, :long, :long] = torch.ones(long, long, dtype=torch.bool).tril()
    mask[1, long, : long - 1] = True
    position = torch.arange(width).repeat(2, 1)
    position[0, short:] = 0
    position[1, long] = long - 1
    logits = network(
        input_ids=ids.to(network.device),
        attention_mask=mask[:, None].to(network.device),
        position_ids=position.to(network.device),
        use_cache=False,
    ).logits
    return torch.cat([logits[0, :short], logits[1]])


def _head(network: Any, row: list[int]) -> torch.Tensor:
    found = stack.find(network)
    if found is None:
        raise LookupError("its layers are not found")
    ids = torch.tensor([row], device=network.device)
    states = found.body(input_ids=ids, use_cache=False).last_hidden_state
    logits: torch.Tensor = network.get_output_embeddings()(states)[0]
    return logits
