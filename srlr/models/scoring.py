"""Log-probabilities of answers that are there already, by a plain forward pass."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from srlr.models.local import LocalModel
from srlr.models.rollout import Completion
from srlr.models.sampling import Sampling

ROWS = 16
"""Answers that are read together."""


@torch.inference_mode()
def scored(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Completion],
    sampling: Sampling,
) -> list[Completion]:
    """The answers with log-probabilities (and entropies) of softmax(logits / temperature), as this
    process's weights have them. Answers are P·G, a prompt's next to each other.
    """
    model.model.eval()
    out: list[Completion] = []
    for start in range(0, len(answers), sampling.samples):
        prompt = list(prompts[start // sampling.samples])
        own = answers[start : start + sampling.samples]
        for first in range(0, len(own), ROWS):
            out += _scored(model, prompt, own[first : first + ROWS], sampling)
    return out


def _scored(
    model: LocalModel, prompt: list[int], answers: Sequence[Completion], sampling: Sampling
) -> list[Completion]:
    """Padding comes after an answer, so that no token sees it."""
    longest = max(len(one.tokens) for one in answers)
    rows = [
        [*prompt, *one.tokens, *[model.stop_token] * (longest - len(one.tokens))] for one in answers
    ]
    ids = torch.tensor(rows, device=model.device)
    logits_GTV: Any = model.model(input_ids=ids, use_cache=False, logits_to_keep=longest + 1).logits
    logp_GTV = torch.log_softmax(logits_GTV[:, :-1].float() / (sampling.temperature or 1.0), -1)
    own_GT = logp_GTV.gather(-1, ids[:, len(prompt) :, None])[..., 0].tolist()
    spread_GT = torch.special.entr(logp_GTV.exp()).sum(-1).tolist() if sampling.entropies else None
    return [
        replace(
            one,
            logps=own_GT[row][: len(one.tokens)] if sampling.log_probs else [],
            entropies=spread_GT[row][: len(one.tokens)] if spread_GT else [],
        )
        for row, one in enumerate(answers)
    ]


@torch.inference_mode()
def behind(model: LocalModel, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """How much less likely than the likeliest a token of the answer is at most, in nats."""
    tokens = [*prompt, *answer]
    ids = torch.tensor([tokens], device=model.device)
    logits_TV: Any = model.model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
    logp_TV = torch.log_softmax(logits_TV.float(), -1)
    said_T = logp_TV.gather(-1, ids[0, len(prompt) :, None])[:, 0]
    return float((logp_TV.max(-1).values - said_T).max())
