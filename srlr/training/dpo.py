"""RLVR, algorithm `dpo`: answers are drawn once, paired by what they are worth, and learnt from.

    loss = -log σ(β · (log π/π_ref (better) - log π/π_ref (worse)))      mean over pairs

First the model as it came from SRL, which is also the reference, answers each prompt several times;
`pairs` says which answers make a pair, and pairs.jsonl keeps them. Then TRL's DPOTrainer learns
from them (training.trl_trainer): the drawn tokens reach it by a collator, so that no text is
tokenized a second time.

Source: DPO, arXiv 2305.18290; TRL 1.16, DPOTrainer.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from srlr.core.training import Dpo
from srlr.models import rollout
from srlr.models.local import LocalModel
from srlr.models.sampling import Sampling
from srlr.training import checkpoint, pairs, trl_trainer
from srlr.training.drawing import Draw
from srlr.training.forward import Row
from srlr.training.groups import Worth
from srlr.training.progress import Outcome, Surroundings
from srlr.training.trl_callback import Job, Told, Watch

FIGURES = {
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "pair_accuracy",
    "entropy": "entropy",
}
"""TRL's names of figures, and ours."""


def train(
    model: LocalModel,
    draw: Draw,
    settings: Dpo,
    seed: int,
    around: Surroundings,
    first: Mapping[str, float] | None = None,
) -> Outcome:
    """The model's weights become those last judged; the best ones are in `around.folder`/best.

    Args:
        draw: its first `settings.prompts` prompts are answered.
        first: the model's held-out figures as it comes, where they are known.

    Raises:
        MissingArtifact: TRL is not installed.
    """
    trl_trainer.require("rlvr=dpo")
    made, read = _pairs(model, draw, settings, seed, around)
    steps = plan_steps(len(made), settings)
    judged = trl_trainer.judged_first(model, around, first)

    def begin(state: checkpoint.State) -> None:
        state.tokens_forward = read
        judged(state)

    return trl_trainer.fit(
        model,
        settings,
        steps,
        seed,
        around,
        lambda job: _trainer(job, settings, made),
        first=begin,
    )


def plan_steps(made: int, settings: Dpo) -> int:
    """How many updates the settings ask for with so many pairs; none without a pair."""
    steps = math.ceil(made / settings.pairs_per_step * settings.epochs)
    return min(steps, settings.max_steps or steps)


# -- pairs -----------------------------------------------------------------------------------------


def _pairs(
    model: LocalModel, draw: Draw, settings: Dpo, seed: int, around: Surroundings
) -> tuple[list[dict[str, list[int]]], int]:
    """The pairs as tokens: {"prompt_ids", "chosen_ids", "rejected_ids"}; and what was read for
    them, by the reference too.
    """
    size, prompts = settings.samples_per_prompt, [asked.tokens for asked in draw.asked]
    number = min(len(prompts), settings.prompts or len(prompts))

    def answer(chosen: range) -> list[pairs.Line]:
        sampling = Sampling(
            draw.max_new_tokens,
            draw.rows,
            size,
            settings.temperature,
            settings.top_k,
            settings.top_p,
            draw.stop,
            checkpoint.stream(seed, "pairs", chosen.start).getrandbits(48),
        )
        answers = rollout.generate_tokens(model, [prompts[index] for index in chosen], sampling)
        every = [index for index in chosen for _ in range(size)]
        worths = draw.worths(list(zip(every, answers, strict=True)))
        starts = range(0, len(every), size)
        groups = ((answers[n : n + size], worths[n : n + size]) for n in starts)
        return [
            _line(prompts[index], index, *own, settings)
            for index, own in zip(chosen, groups, strict=True)
        ]

    lines: list[pairs.Line] = []
    for lines in pairs.collect(
        around.folder / "pairs.jsonl", number, max(1, draw.rows // size), answer
    ):
        pairs_so_far = sum(len(line["pairs"]) for line in lines)
        around.progress("answered prompts", len(lines), number, {"pairs": float(pairs_so_far)})
    made = [
        {
            "prompt_ids": prompts[line["prompt"]],
            "chosen_ids": better["tokens"],
            "rejected_ids": worse["tokens"],
        }
        for line in lines
        for better, worse in line["pairs"]
    ]
    drawn = sum(line["tokens"] for line in lines)
    by_reference = sum(2 * len(p["prompt_ids"]) for p in made)
    by_reference += sum(len(p["chosen_ids"]) + len(p["rejected_ids"]) for p in made)
    return made, drawn + by_reference


def _line(
    prompt: Sequence[int],
    index: int,
    answers: Sequence[rollout.Completion],
    worths: Sequence[Worth],
    settings: Dpo,
) -> pairs.Line:
    scored = [
        {
            "text": answer.text,
            "tokens": answer.tokens,
            "total": one.total,
            "outcome": one.outcome,
        }
        for answer, one in zip(answers, worths, strict=True)
    ]
    made = pairs.make(scored, settings.pairs_per_prompt, settings.min_reward_spread)
    return {
        "prompt": index,
        "reward": fmean(one.total for one in worths),
        "tokens": Row(prompt, [answer.tokens for answer in answers]).length,
        "pairs": made,
    }


# -- training --------------------------------------------------------------------------------------


def _trainer(job: Job, settings: Dpo, made: Sequence[Mapping[str, list[int]]]) -> Any:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    longest = max(
        len(pair["prompt_ids"]) + max(len(pair["chosen_ids"]), len(pair["rejected_ids"]))
        for pair in made
    )
    at_once = pairs_at_once(settings, longest)
    return DPOTrainer(
        model=job.trained,
        args=DPOConfig(
            **trl_trainer.arguments(job, "dpo", at_once, settings.pairs_per_step),
            beta=settings.beta,
            loss_type=[settings.loss_type],
            max_length=None,
            precompute_ref_log_probs=True,
        ),
        data_collator=_collator(job.model),
        train_dataset=Dataset.from_list([_row(pair) for pair in made]),
        processing_class=copy.deepcopy(job.model.tokenizer),
        callbacks=[Watch(job, _told(settings))],
        optimizers=trl_trainer.optimizers(job),
    )


def _told(settings: Dpo) -> Told:
    def divergence(logs: Mapping[str, float]) -> dict[str, float]:
        """Mean of log π_ref/π over the answers of the pairs, each as a whole.

        The answers were drawn from π_ref, so that it follows KL(π_ref ‖ π), as far as answers that
        made a pair stand for all.
        """
        both = float(logs["rewards/chosen"]) + float(logs["rewards/rejected"])
        return {"kl": -both / (2 * settings.beta)}

    return Told(FIGURES, ("loss", "reward_margin", "pair_accuracy"), divergence)


def _row(pair: Mapping[str, list[int]]) -> dict[str, Any]:
    """A pair under names that TRL leaves alone; it makes tokens of the texts, which are empty."""
    texts = dict.fromkeys(("prompt", "chosen", "rejected"), "")
    return {**texts, **{f"drawn_{name}": tokens for name, tokens in pair.items()}}


def _collator(model: LocalModel) -> Any:
    """TRL's own, given the tokens as they were drawn: an answer cut short stays without an end."""
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    collate = DataCollatorForPreference(trl_trainer.pad_of(model))

    def batch(examples: Sequence[Mapping[str, Any]]) -> Any:
        drawn = ("prompt_ids", "chosen_ids", "rejected_ids")
        return collate(
            [{**one, **{name: one[f"drawn_{name}"] for name in drawn}} for one in examples]
        )

    return batch


def pairs_at_once(settings: Dpo, longest: int) -> int:
    """How many pairs go through the model together: a divisor of `pairs_per_step`, at least 1.

    Both answers of each, padded to the longest row, are at most `micro_batch_tokens`.
    """
    return trl_trainer.at_once(
        settings.pairs_per_step, settings.micro_batch_tokens // (2 * longest)
    )
