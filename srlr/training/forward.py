"""The training forward: what several completions have in common is read and scored once.

A row is a tree: the prompt, then its G completions, which part where their tokens first differ. A
token sees its own ancestors and nothing else. That turns G·(P + T) tokens into P + G·T where the
completions differ at once, and far fewer where they start alike or are the same, as samples of a
trained model are. Rows of similar length are put together into micro-batches of bounded size, and
logits exist for completion tokens only, a few at a time.

    completions    a b c d, a b e f
    tokens         p p p p a b c e         P = 4; d and f are predicted, and predict nothing
    position       0 1 2 3 4 5 6 6
    parent         - 0 1 2 3 4 5 5

A completion may begin with tokens that are given: the steps an expert took before it. They are read
and not scored, and as they are branches too, the nested prompts of one trajectory are read once.

What a model cannot do (models.abilities) is done the plain way: where it takes no such masks, every
completion is a row of its own; where its logits are more than a product of its states, they exist
for a whole micro-batch at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ParamSpec

import torch
from torch import nn
from torch.nn import functional

from srlr.models import backprop
from srlr.models.local import LocalModel
from srlr.training.head import pieces, through_head

P = ParamSpec("P")


@dataclass(frozen=True)
class Row:
    """A prompt and the completions to be scored after it, as tokens.

    `given`: how many tokens each completion begins with that are not to be scored; (): none. At
    least one token of a completion is scored.
    """

    prompt: Sequence[int]
    completions: Sequence[Sequence[int]]
    given: Sequence[int] = ()

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tree.tokens)

    def alone(self) -> list["Row"]:
        """A row for each completion."""
        given = self.given or [0] * len(self.completions)
        both = zip(self.completions, given, strict=True)
        return [Row(self.prompt, [one], [before]) for one, before in both]

    @property
    def said(self) -> int:
        """Tokens of all completions that are scored, those that are alike among them."""
        return sum(len(completion) for completion in self.completions) - sum(self.given)

    @cached_property
    def tree(self) -> "Tree":
        tree, known = Tree([], [], {}, []), dict[tuple[int, int], int]()
        given = self.given or [0] * len(self.completions)
        for completion, before in zip(self.completions, given, strict=True):
            here = len(self.prompt) - 1
            for place, token in enumerate(completion, 1):
                if place > before:
                    tree.places.append(tree.scored.setdefault((here, token), len(tree.scored)))
                if place == len(completion):
                    break  # the last token predicts nothing
                if (here, token) not in known:
                    known[here, token] = len(self.prompt) + len(tree.tokens)
                    tree.tokens.append(token)
                    tree.parents.append(here)
                here = known[here, token]
        return tree


@dataclass(frozen=True, slots=True)
class Tree:
    """What follows a prompt. Positions count from the prompt's first token; parents come first."""

    tokens: list[int]
    parents: list[int]
    """For each of `tokens`, the position of the token before it."""
    scored: dict[tuple[int, int], int]
    """Where a token is predicted and the token, numbered as they come; no two are alike."""
    places: list[int]
    """For each scored token of the completions, one after the other, its number in `scored`."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows as tensors. N counts scored tokens row by row, M those of each completion: those that
    are alike are one of N.
    """

    inputs: Mapping[str, torch.Tensor]
    """What the model takes, each (B, T, …)."""
    row_N: torch.Tensor
    source_N: torch.Tensor
    """Position in the row whose output predicts the token."""
    target_N: torch.Tensor
    place_M: torch.Tensor
    """Which of the N it is."""
    length: int
    """Tokens of all rows, without padding; 0 where they are not counted."""
    idle: bool = False
    """Whether they are read only because others read theirs (training.turns)."""


def micro_batches(
    rows: Sequence[Row], max_tokens: int, model: LocalModel | None = None
) -> Iterator[list[int]]:
    """Indices of rows that are run together: longest first, padded size at most `max_tokens`.

    A row larger than `max_tokens` runs alone.

    Args:
        model: where it takes no trees, a row is as many as it has completions.
    """
    sizes = [_shape(row, model is None or _takes(model, rows)) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: (-sizes[i][0], i))
    batch: list[int] = []
    deep = 0
    for index in order:
        width = sizes[batch[0]][0] if batch else sizes[index][0]
        if batch and width * (deep + sizes[index][1]) > max_tokens:
            yield batch
            batch, deep = [], 0
        batch.append(index)
        deep += sizes[index][1]
    if batch:
        yield batch


def _takes(model: LocalModel, rows: Sequence[Row]) -> bool:
    """Whether the model takes these rows as trees."""
    can = model.abilities
    return can.trees and (can.reach is None or can.within(max(row.length for row in rows)))


def _shape(row: Row, tree: bool) -> tuple[int, int]:
    """Tokens of a row and how many rows it is."""
    if tree:
        return row.length, 1
    return len(row.prompt) + max(map(len, row.completions)), len(row.completions)


def pack(rows: Sequence[Row], model: LocalModel, *, idle: bool = False) -> Packed:
    """Tensors for `rows`; padding is at the end of a row and sees only itself."""
    trees = _takes(model, rows)
    if not trees:
        rows = [one for row in rows for one in row.alone()]
    width = max(row.length for row in rows)
    ids = torch.full((len(rows), width), model.stop_token)
    position = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.eye(width, dtype=torch.bool).repeat(len(rows), 1, 1)
    scored: list[tuple[int, int, int]] = []
    places: list[int] = []
    for number, row in enumerate(rows):
        start, tree = len(row.prompt), row.tree
        ids[number, : row.length] = torch.tensor([*row.prompt, *tree.tokens])
        depth = list(range(start))
        mask[number, :start, :start] = torch.ones(start, start, dtype=torch.bool).tril()
        for at, parent in enumerate(tree.parents, start):
            depth.append(depth[parent] + 1)
            mask[number, at] |= mask[number, parent]
        position[number, : row.length] = torch.tensor(depth)
        places += [len(scored) + place for place in tree.places]
        scored += [(number, *one) for one in tree.scored]
    inputs = {"input_ids": ids}
    if trees:
        inputs |= {"attention_mask": mask[:, None], "position_ids": position}
    elif len(rows) > 1:  # in a row alone nothing is padding, and some models take no mask
        length = torch.tensor([row.length for row in rows])
        inputs["attention_mask"] = (torch.arange(width) < length[:, None]).long()
    device = model.device
    row_N, source_N, target_N = torch.tensor(scored, device=device).unbind(1)
    moved = {name: tensor.to(device) for name, tensor in inputs.items()}
    place_M = torch.tensor(places, device=device)
    read = 0 if idle else sum(row.length for row in rows)
    return Packed(moved, row_N, source_N, target_N, place_M, read, idle)


def hidden_states(model: LocalModel, packed: Packed) -> torch.Tensor:
    """(N, D) final states, one for each scored token, from which its logits are made."""
    model.tally.forward += packed.length
    if model.shards is not None:
        states = model.shards.states(packed.inputs)
    elif "position_ids" in packed.inputs and (body := backprop.learns(model.model, model.dtype)):
        states = body.states(**packed.inputs)
    else:
        states = model.stack.body(**packed.inputs, use_cache=False).last_hidden_state
    chosen: torch.Tensor = states[packed.row_N, packed.source_N]
    return chosen


def whole_logits(model: LocalModel, packed: Packed) -> torch.Tensor:
    """(N, V) logits, one row for each scored token, of a model that makes them its own way."""
    model.tally.forward += packed.length
    logits = model.model(**packed.inputs, use_cache=False).logits
    chosen: torch.Tensor = logits[packed.row_N, packed.source_N]
    return chosen


def whole(model: LocalModel, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    """As `whole_logits`, with the (N, D) final states they were made from.

    Raises:
        ConfigError: where the model keeps its layers is not found.
    """
    kept: list[torch.Tensor] = []
    hook = model.stack.body.register_forward_hook(lambda _, __, made: kept.append(made[0]))
    try:
        logits_NV = whole_logits(model, packed)
    finally:
        hook.remove()
    return logits_NV, kept[0][packed.row_N, packed.source_N]


def log_probs(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    """(N,) log-probability of each target, in float32."""
    return -functional.cross_entropy(logits_NV.float(), target_N, reduction="none")


@torch.no_grad()
def scores(model: LocalModel, packed: Packed, temperature: float) -> torch.Tensor:
    """(N,) log-probabilities of the scored tokens, without a gradient."""
    if not model.abilities.head:
        return log_probs(whole_logits(model, packed) / temperature, packed.target_N)
    head = model.model.get_output_embeddings()
    states = hidden_states(model, packed)
    return torch.cat(
        [
            log_probs(head(states[piece]) / temperature, packed.target_N[piece])
            for piece in pieces(len(states))
        ]
    )


def _unheard(loss_of: Callable[P, torch.Tensor]) -> Callable[P, torch.Tensor]:
    """A loss whose gradient is 0, made in the same way."""
    return lambda *args, **kwargs: 0.0 * loss_of(*args, **kwargs)


def backward(
    model: LocalModel,
    packed: Packed,
    loss_of: Callable[[torch.Tensor, slice], torch.Tensor],
    and_of: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> None:
    """Adds the gradient of Σ loss_of(logits, tokens) over pieces of the N tokens, and of
    and_of(states).

    The pieces' graphs end at the states, and only the gradient there goes on through the model, so
    that one piece of logits is alive at a time. The loss must be a sum over tokens.

    Args:
        loss_of: of the logits (n, V) of the tokens in the slice; a scalar.
        and_of: of the final states (N, D) of all tokens; a scalar.
    """
    model.tally.backward += packed.length
    if packed.idle:
        loss_of, and_of = _unheard(loss_of), and_of and _unheard(and_of)
    if not model.abilities.head and and_of is not None:
        logits, states_ND = whole(model, packed)
        torch.autograd.backward(loss_of(logits, slice(0, len(logits))) + and_of(states_ND))
        return
    if not model.abilities.head:
        logits = whole_logits(model, packed)
        torch.autograd.backward(loss_of(logits, slice(0, len(logits))))
        return
    head = model.model.get_output_embeddings()
    states_ND = hidden_states(model, packed)
    leaf = states_ND.detach().requires_grad_()
    if and_of is not None:
        torch.autograd.backward(and_of(leaf))
    if type(head) is nn.Linear and head.bias is None and head.weight.requires_grad:
        through_head(head.weight, states_ND, leaf, loss_of)
        return
    for piece in pieces(len(leaf)):
        torch.autograd.backward(loss_of(head(leaf[piece]), piece))
    torch.autograd.backward(states_ND, leaf.grad)
