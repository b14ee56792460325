"""The training forward: a prompt is read once for all of its completions.

A row is a small tree: the prompt, then its G completions side by side, each of which sees the
prompt
and itself but not its siblings. That turns G·(P + T) tokens into P + G·T. Rows of similar length
are
put together into micro-batches of bounded size, and logits exist for completion tokens only, a few
at a time.

    tokens     p p p p a a a b b b      P = 4, two completions of 3
    position   0 1 2 3 4 5 6 4 5 6
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from srlr.models.local import LocalModel

LOGIT_TOKENS = 128
"""Tokens whose logits exist at once: 25 MB in float32 for a vocabulary of 49,152, which fits the
last cache; all of a micro-batch at once would be hundreds of megabytes, several times over."""


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt and the completions to be scored after it, as tokens."""

    prompt: Sequence[int]
    completions: Sequence[Sequence[int]]

    @property
    def length(self) -> int:
        return len(self.prompt) + sum(len(completion) for completion in self.completions)

    @property
    def scored(self) -> int:
        return sum(len(completion) for completion in self.completions)


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows as tensors. N counts completion tokens, row by row, completion by completion."""

    ids_BT: torch.Tensor
    position_BT: torch.Tensor
    mask_B1TT: torch.Tensor
    row_N: torch.Tensor
    source_N: torch.Tensor
    """Position in the row whose output predicts the token."""
    target_N: torch.Tensor


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
    branch = torch.full((len(rows), width), -1)  # 0 prompt, 1… completions, -1 padding
    row_of: list[int] = []
    source: list[int] = []
    target: list[int] = []
    for number, row in enumerate(rows):
        at = len(row.prompt)
        ids[number, :at] = torch.tensor(row.prompt)
        position[number, :at] = torch.arange(at)
        branch[number, :at] = 0
        for which, completion in enumerate(row.completions, 1):
            end = at + len(completion)
            ids[number, at:end] = torch.tensor(completion)
            position[number, at:end] = len(row.prompt) + torch.arange(len(completion))
            branch[number, at:end] = which
            row_of += [number] * len(completion)
            source += [len(row.prompt) - 1, *range(at, end - 1)]
            target += completion
            at = end
    earlier = torch.ones(width, width, dtype=torch.bool).tril()
    same = branch[:, :, None] == branch[:, None, :]
    mask = earlier & (same | (branch[:, None, :] == 0)) & (branch[:, :, None] >= 0)
    mask |= torch.eye(width, dtype=torch.bool)
    return Packed(
        ids.to(device),
        position.to(device),
        mask[:, None].to(device),
        torch.tensor(row_of, device=device),
        torch.tensor(source, device=device),
        torch.tensor(target, device=device),
    )


def hidden_states(model: LocalModel, packed: Packed) -> torch.Tensor:
    """(N, D) final states, one for each completion token, from which its logits are made."""
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
