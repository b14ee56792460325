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
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn import functional

from srlr.models.local import LocalModel

LOGIT_TOKENS = 128
"""Tokens whose logits exist at once: 25 MB in float32 for a vocabulary of 49,152, which fits the
last cache; all of a micro-batch at once would be hundreds of megabytes, several times over."""


@dataclass(frozen=True)
class Row:
    """A prompt and the completions to be scored after it, as tokens; none of them is empty."""

    prompt: Sequence[int]
    completions: Sequence[Sequence[int]]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tree.tokens)

    @property
    def said(self) -> int:
        """Tokens of all completions, those that are alike among them."""
        return sum(len(completion) for completion in self.completions)

    @cached_property
    def tree(self) -> "Tree":
        tree, known = Tree([], [], {}, []), dict[tuple[int, int], int]()
        for completion in self.completions:
            here = len(self.prompt) - 1
            for place, token in enumerate(completion, 1):
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
    """For each token of the completions, one after the other, its number in `scored`."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows as tensors. N counts scored tokens row by row, M tokens of completions: those that are
    alike are one of N.
    """

    ids_BT: torch.Tensor
    position_BT: torch.Tensor
    mask_B1TT: torch.Tensor
    row_N: torch.Tensor
    source_N: torch.Tensor
    """Position in the row whose output predicts the token."""
    target_N: torch.Tensor
    place_M: torch.Tensor
    """Which of the N it is."""


def micro_batches(rows: Sequence[Row], max_tokens: int) -> Iterator[list[int]]:
    """Indices of rows that are run together: longest first, padded size at most `max_tokens`.

    A row longer than `max_tokens` runs alone.
    """
    order = sorted(range(len(rows)), key=lambda i: (-rows[i].length, i))
    batch: list[int] = []
    for index in order:
        width = rows[batch[0]].length if batch else rows[index].length
        if batch and width * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def pack(rows: Sequence[Row], pad: int, device: torch.device) -> Packed:
    """Tensors for `rows`; padding is at the end of a row and sees only itself."""
    width = max(row.length for row in rows)
    ids = torch.full((len(rows), width), pad)
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
    row_N, source_N, target_N = torch.tensor(scored, device=device).unbind(1)
    return Packed(
        ids.to(device),
        position.to(device),
        mask[:, None].to(device),
        row_N,
        source_N,
        target_N,
        torch.tensor(places, device=device),
    )


def hidden_states(model: LocalModel, packed: Packed) -> torch.Tensor:
    """(N, D) final states, one for each scored token, from which its logits are made."""
    states = model.model.model(
        input_ids=packed.ids_BT,
        attention_mask=packed.mask_B1TT,
        position_ids=packed.position_BT,
        use_cache=False,
    ).last_hidden_state
    chosen: torch.Tensor = states[packed.row_N, packed.source_N]
    return chosen


def log_probs(logits_NV: torch.Tensor, target_N: torch.Tensor) -> torch.Tensor:
    """(N,) log-probability of each target, in float32."""
    return -functional.cross_entropy(logits_NV.float(), target_N, reduction="none")


def backward(
    model: LocalModel,
    states_ND: torch.Tensor,
    loss_of: Callable[[torch.Tensor, slice], torch.Tensor],
) -> None:
    """Adds the gradient of Σ loss_of(logits, tokens) over pieces of the N tokens.

    The pieces' graphs end at the states, and only the gradient there goes on through the model, so
    that one piece of logits is alive at a time. The loss must be a sum over tokens.

    Args:
        loss_of: of the logits (n, V) of the tokens in the slice; a scalar.
    """
    head = model.model.get_output_embeddings()
    leaf = states_ND.detach().requires_grad_()
    for piece in pieces(len(leaf)):
        torch.autograd.backward(loss_of(head(leaf[piece]), piece))
    torch.autograd.backward(states_ND, leaf.grad)


def pieces(tokens: int) -> Iterator[slice]:
    """0 … tokens in slices of LOGIT_TOKENS."""
    for start in range(0, tokens, LOGIT_TOKENS):
        yield slice(start, min(start + LOGIT_TOKENS, tokens))
