"""The one generation engine: used to train, to evaluate, to measure and to predict.

Prompts are sorted by length and the part they all share is read once; one that others begin with,
as the steps of a trajectory do, is read with one of them. Samples of a prompt are one row of the
cache until the token where they part: a trained model begins most of its answers alike, so that
sixteen samples cost little more than the few that differ. The cache is reserved before the first
step; rows whose samples have ended make room at once. Uniform numbers are drawn per sample before
anything is generated, so an answer does not depend on who shared its batch (up to rounding).
"""

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

import torch
from transformers.cache_utils import Cache

from srlr.core.errors import ConfigError
from srlr.core.types import Message, Progress
from srlr.models import blocks, fallback, local
from srlr.models.blocks import Blocks
from srlr.models.local import LocalModel
from srlr.models.reading import (
    part,
    read,
    read_prefix,
    reading_order,
    shared_prefix,
    tokens_read,
)
from srlr.models.sampling import Said, Sampling, add, draw
from srlr.models.stops import Stops

PACKING_PAYS = 16
"""Tokens of an answer from which on packing the weights takes less time than it saves."""

Answer = Callable[[Sequence[int], torch.Tensor], list[Said]]
"""answer(numbers of P prompts, shortest first, uniform numbers (P·G, T)): G answers to each."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: its text, its tokens (with those that ended it), its share of the time.

    `logps` and `entropies` have an entry for each token, in nats, where Sampling asks for them, and
    none otherwise. They are those of softmax(logits / temperature) over the whole vocabulary
    (temperature 1 where nothing is drawn), whatever top-k and top-p left of it.
    """

    text: str
    tokens: list[int]
    stopped: bool
    seconds: float
    logps: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)


def generate(
    model: LocalModel,
    prompts: Sequence[Sequence[Message]],
    sampling: Sampling,
    *,
    progress: Progress | None = None,
    what: str = "answers",
) -> list[Completion]:
    """The answers to each chat, in the prompts' order, a prompt's samples next to each other."""
    tokens = [model.encode_chat(prompt) for prompt in prompts]
    return generate_tokens(model, tokens, sampling, progress=progress, what=what)


@torch.inference_mode()
def generate_tokens(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    progress: Progress | None = None,
    what: str = "answers",
    only: Container[int] | None = None,
) -> list[Completion]:
    """As `generate`, for prompts that are tokens already.

    Args:
        only: the numbers of the prompts that are answered, as they would be among all of them.

    Raises:
        ConfigError: the longest prompt and its answer do not fit the model's context.
    """
    with model.whole() as own:
        return _answers(own, prompts, sampling, only, progress, what)


def _answers(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    only: Container[int] | None,
    progress: Progress | None,
    what: str,
) -> list[Completion]:
    """As `generate_tokens`, by a model that has all its weights."""
    if not prompts:
        return []
    if model.server is not None:
        there: list[Completion] = model.server.answers(
            model, prompts, sampling, progress=progress, what=what
        )
        return there
    model.model.eval()
    stops = Stops(model, sampling.stop)
    samples = sampling.samples
    answer, order = _answerer(prompts, sampling, stops)
    order = [p for p in order if only is None or p in only]
    draws = torch.rand(
        len(prompts) * samples,
        sampling.max_new_tokens,
        generator=torch.Generator().manual_seed(sampling.seed),
    )
    per_batch = max(1, sampling.batch_size // samples)
    out: list[Completion | None] = [None] * len(draws)
    done, total = 0, len(order) * samples
    if progress:
        progress(what, done, total)
    for start in range(0, len(order), per_batch):
        chosen = sorted(order[start : start + per_batch], key=lambda p: len(prompts[p]))
        began = time.perf_counter()
        rows = [p * samples + s for p in chosen for s in range(samples)]
        answers = answer(chosen, draws[rows].to(model.device))
        seconds = (time.perf_counter() - began) / len(rows)
        for row, said in zip(rows, answers, strict=True):
            out[row] = _completion(said, stops, seconds)
        done += len(rows)
        if progress:
            progress(what, done, total)
    del answer  # and the weights it has packed
    local.release()
    return [completion for completion in out if completion is not None]


def _completion(said: Said, stops: Stops, seconds: float) -> Completion:
    text, size, stopped = stops.finish(said.tokens)
    return Completion(
        text, said.tokens[:size], stopped, seconds, said.logps[:size], said.entropies[:size]
    )


def _answerer(
    prompts: Sequence[Sequence[int]], sampling: Sampling, stops: Stops
) -> tuple[Answer, list[int]]:
    """Answers with the cache of this package where the model can, else as transformers does; and
    the order in which prompts are put into batches.

    Raises:
        ConfigError: the longest prompt and its answer do not fit the model's context.
    """
    model = stops.model
    longest = max(map(len, prompts)) + sampling.max_new_tokens
    if model.context is not None and longest > model.context:
        raise ConfigError(
            f"a prompt has {longest - sampling.max_new_tokens} tokens and its answer may have "
            f"{sampling.max_new_tokens}, but {model.name} reads {model.context}",
            "lower rollout.max_new_tokens, role.max_prompt_chars or evaluate.shots",
        )
    if not (model.abilities.cache and model.abilities.within(longest)):
        apart = sorted(range(len(prompts)), key=lambda p: len(prompts[p]))
        return lambda chosen, draws: fallback.answer(
            stops, [prompts[p] for p in chosen], sampling, draws
        ), apart
    shared = shared_prefix(prompts)
    prefix = read_prefix(model.model, prompts[0][:shared])
    can, pays = model.abilities, sampling.max_new_tokens >= PACKING_PAYS
    taken = blocks.of(model.model, pack=can.packs and pays) if can.blocks else None
    model.tally.forward += shared

    def answer(chosen: Sequence[int], draws: torch.Tensor) -> list[Said]:
        return _batch(stops, [prompts[p][shared:] for p in chosen], prefix, sampling, draws, taken)

    return answer, reading_order(prompts)


def _batch(
    stops: Stops,
    prompts: Sequence[Sequence[int]],
    prefix: Cache | None,
    sampling: Sampling,
    draws: torch.Tensor,
    taken: Blocks | None,
) -> list[Said]:
    """Answers to prompts that follow `prefix`; draws is (P·G, T), uniform in [0, 1)."""
    model, room = stops.model, (len(draws), sampling.max_new_tokens)
    reading = read(model.model, prompts, prefix, pad=model.stop_token, room=room, blocks=taken)
    model.tally.forward += tokens_read(prompts)
    answers = [Said() for _ in draws]
    running = list(range(len(draws)))
    rows = [sample // sampling.samples for sample in running]  # where each sample's tokens are
    for step in range(sampling.max_new_tokens):
        drawn = draw(reading.logits_BV, sampling, draws[running, step], torch.tensor(rows))
        picked = add(drawn, [answers[sample] for sample in running])
        going = [
            place
            for place, sample in enumerate(running)
            if not stops.reached(answers[sample].tokens)
        ]
        if step + 1 == sampling.max_new_tokens or not going:
            break
        running = [running[place] for place in going]
        sources, tokens, rows = part(
            [rows[place] for place in going], [picked[place] for place in going]
        )
        reading.go_on(sources, tokens)
        model.tally.forward += len(tokens)
    return answers
