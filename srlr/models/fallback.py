"""Answers by transformers' own `generate`, for networks whose cache is not a plain one.

Recurrent and hybrid states, windows, positions that are not given from outside: `generate` knows
them all. It is only told which token comes next, drawn from the same uniform numbers as elsewhere,
so that the same seed gives the same answers as `rollout` would, up to rounding. Prompts of the same
length are answered together, without padding, which not every network ignores; nothing is shared.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from transformers import GenerationConfig

from srlr.models.sampling import Said, Sampling, add, draw
from srlr.models.stops import Stops


class Choice:
    """Draws the tokens of answers that `generate` believes to choose greedily."""

    def __init__(self, sampling: Sampling, stops: Stops, draws: torch.Tensor) -> None:
        self.sampling, self.stops, self.draws = sampling, stops, draws
        self.answers = [Said() for _ in draws]
        self.running = list(range(len(draws)))

    def narrow(self, ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """A logits processor: all but one token a row become impossible."""
        step = len(self.answers[self.running[0]].tokens)
        own = [self.answers[row] for row in self.running]
        rows = torch.tensor(self.running)
        picked = add(draw(logits, self.sampling, self.draws[self.running, step], rows), own)
        tokens = torch.full((len(ids), 1), self.stops.model.stop_token, device=ids.device)
        tokens[self.running, 0] = torch.tensor(picked, device=ids.device)
        self.running = [row for row in self.running if not self.stops.reached(self._said(row))]
        return torch.full_like(logits, -torch.inf).scatter(1, tokens, 0.0)

    def ended(self, ids: torch.Tensor, _: object, **__: object) -> torch.Tensor:
        """A stopping criterion: (rows,) whether each has ended."""
        done = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
        done[self.running] = False
        return done

    def _said(self, row: int) -> list[int]:
        return self.answers[row].tokens


def answer(
    stops: Stops, prompts: Sequence[Sequence[int]], sampling: Sampling, draws: torch.Tensor
) -> list[Said]:
    """Answers to prompts, shortest first; draws is (P·G, T), uniform in [0, 1)."""
    answers: list[Said] = []
    for _, group in groupby(prompts, key=len):
        ids = [list(prompt) for prompt in group for _ in range(sampling.samples)]
        start = len(answers)
        answers += _together(stops, ids, sampling, draws[start : start + len(ids)])
    return answers


def _together(
    stops: Stops, ids: list[list[int]], sampling: Sampling, draws: torch.Tensor
) -> list[Said]:
    network: Any = stops.model.model
    choice = Choice(sampling, stops, draws)
    # What a model's author recommends (penalties, other temperatures) would be applied before ours.
    recommended, network.generation_config = network.generation_config, GenerationConfig()
    try:
        given = torch.tensor(ids, device=stops.model.device)
        network.generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            generation_config=GenerationConfig(
                do_sample=False,
                max_new_tokens=sampling.max_new_tokens,
                pad_token_id=stops.model.stop_token,
            ),
            logits_processor=[choice.narrow],
            stopping_criteria=[choice.ended],
        )
    finally:
        network.generation_config = recommended
    # The last token of an answer is drawn and not read.
    stops.model.tally.forward += sum(map(len, ids))
    stops.model.tally.forward += sum(len(said.tokens) - 1 for said in choice.answers)
    return choice.answers
