"""RLVR, algorithm `dpo`: answers are drawn once, paired by what they are worth, and learnt from.

    loss = -log σ(β · (log π/π_ref (better) - log π/π_ref (worse)))      mean over pairs

First the model as it came from SRL, which is also the reference, answers each prompt several times;
`pairs` says which answers make a pair, and pairs.jsonl keeps them. Then TRL's DPOTrainer learns
from them, through its public interfaces alone: the drawn tokens reach it by a collator, so that no
text is tokenized a second time; our optimiser and schedule by `optimizers`; held-out judging,
figures and the end of it all by a callback. It trains a float32 copy under autocast, and what is
judged and kept is that copy rounded to the model's own dtype.

A checkpoint is the Trainer's; a killed run goes on from the last complete one.

Source: DPO, arXiv 2305.18290; TRL 1.16, DPOTrainer.
"""

import copy
import importlib.util
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from transformers import PrinterCallback

from srlr.core.errors import MissingArtifact
from srlr.core.rundir import writing
from srlr.core.training import Dpo
from srlr.models import rollout
from srlr.models.local import LocalModel
from srlr.models.sampling import Sampling
from srlr.training import checkpoint, dpo_callback, pairs
from srlr.training.drawing import Draw
from srlr.training.groups import Judge
from srlr.training.optim import choose, schedule
from srlr.training.progress import Outcome, Surroundings, is_over, judge


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
    if not all(map(importlib.util.find_spec, ("trl", "datasets"))):
        raise MissingArtifact("rlvr=dpo needs the package 'trl'", "pip install 'srlr[trl]'")
    made = _pairs(model, draw, settings, seed, around)
    steps = plan_steps(len(made), settings)
    folder = around.folder / "checkpoint"
    state, newest = dpo_callback.resumed(folder) or (checkpoint.State(), None)
    if newest is None:
        shutil.rmtree(folder, ignore_errors=True)
        around.rewind(-1)
        judge(model, state, around, first)
    else:
        around.rewind(state.step)
    if not is_over(state, steps, settings):
        _learn(model, made, settings, steps, seed, state, around, newest)
    return Outcome(state.best_step, state.step, state.best, state.loop["first"])


def plan_steps(made: int, settings: Dpo) -> int:
    """How many updates the settings ask for with so many pairs; none without a pair."""
    steps = math.ceil(made / settings.pairs_per_step * settings.epochs)
    return min(steps, settings.max_steps or steps)


# -- pairs -----------------------------------------------------------------------------------------


def _pairs(
    model: LocalModel, draw: Draw, settings: Dpo, seed: int, around: Surroundings
) -> list[dict[str, list[int]]]:
    """The pairs as tokens: {"prompt_ids", "chosen_ids", "rejected_ids"}."""
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
        groups = (answers[place * size : (place + 1) * size] for place in range(len(chosen)))
        return [
            _line(index, own, draw.worth, settings)
            for index, own in zip(chosen, groups, strict=True)
        ]

    lines: list[pairs.Line] = []
    for lines in pairs.collect(
        around.folder / "pairs.jsonl", number, max(1, draw.rows // size), answer
    ):
        made = sum(len(line["pairs"]) for line in lines)
        around.progress("answered prompts", len(lines), number, {"pairs": float(made)})
    return [
        {
            "prompt_ids": prompts[line["prompt"]],
            "chosen_ids": better["tokens"],
            "rejected_ids": worse["tokens"],
        }
        for line in lines
        for better, worse in line["pairs"]
    ]


def _line(
    index: int, answers: Sequence[rollout.Completion], worth: Judge, settings: Dpo
) -> pairs.Line:
    worths = [worth(index, answer) for answer in answers]
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
    return {"prompt": index, "reward": fmean(one.total for one in worths), "pairs": made}


# -- training --------------------------------------------------------------------------------------


def _learn(
    model: LocalModel,
    made: Sequence[Mapping[str, list[int]]],
    settings: Dpo,
    steps: int,
    seed: int,
    state: checkpoint.State,
    around: Surroundings,
    newest: Path | None,
) -> None:
    from datasets import Dataset
    from trl import DPOTrainer

    trained = copy.deepcopy(model.model).float()
    # TRL masks padding the common way, which our own attention does not read.
    trained.set_attn_implementation("sdpa")
    learner = replace(model, model=trained, dtype=torch.float32)
    optimiser = torch.optim.AdamW(
        choose(learner, settings.trained_layers),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(0.9, 0.95),
    )
    factor = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: schedule(settings.schedule, step, steps, settings.warmup_share),
    )
    longest = max(
        len(pair["prompt_ids"]) + max(len(pair["chosen_ids"]), len(pair["rejected_ids"]))
        for pair in made
    )
    with dpo_callback.quiet(), writing(around.folder / "checkpoint"):
        trainer = DPOTrainer(
            model=trained,
            args=_arguments(model, settings, steps, longest, seed, around.folder / "checkpoint"),
            data_collator=_collator(model),
            train_dataset=Dataset.from_list([_row(pair) for pair in made]),
            processing_class=copy.deepcopy(model.tokenizer),
            callbacks=[dpo_callback.Watch(model, trained, settings, steps, state, around)],
            optimizers=(optimiser, factor),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)


def _row(pair: Mapping[str, list[int]]) -> dict[str, Any]:
    """A pair under names that TRL leaves alone; it makes tokens of the texts, which are empty."""
    texts = dict.fromkeys(("prompt", "chosen", "rejected"), "")
    return {**texts, **{f"drawn_{name}": tokens for name, tokens in pair.items()}}


def _collator(model: LocalModel) -> Any:
    """TRL's own, given the tokens as they were drawn: an answer cut short stays without an end."""
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    pad = model.tokenizer.pad_token_id
    collate = DataCollatorForPreference(model.stop_token if pad is None else pad)

    def batch(examples: Sequence[Mapping[str, Any]]) -> Any:
        drawn = ("prompt_ids", "chosen_ids", "rejected_ids")
        return collate(
            [{**one, **{name: one[f"drawn_{name}"] for name in drawn}} for one in examples]
        )

    return batch


def _arguments(
    model: LocalModel, settings: Dpo, steps: int, longest: int, seed: int, folder: Path
) -> Any:
    from trl import DPOConfig

    at_once = pairs_at_once(settings, longest)
    on_cpu = model.device.type == "cpu"
    return DPOConfig(
        output_dir=str(folder),
        beta=settings.beta,
        loss_type=[settings.loss_type],
        max_length=None,
        precompute_ref_log_probs=True,
        max_steps=steps,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=settings.pairs_per_step // at_once,
        max_grad_norm=settings.max_grad_norm,
        learning_rate=settings.learning_rate,
        save_steps=settings.checkpoint_every_steps,
        save_total_limit=2,
        logging_steps=1,
        remove_unused_columns=False,
        gradient_checkpointing=False,
        bf16=model.dtype == torch.bfloat16,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        seed=checkpoint.stream(seed, "dpo").getrandbits(31),
    )


def pairs_at_once(settings: Dpo, longest: int) -> int:
    """How many pairs go through the model together: a divisor of `pairs_per_step`, at least 1.

    Both answers of each, padded to the longest row, are at most `micro_batch_tokens`.
    """
    room = settings.micro_batch_tokens // (2 * longest)
    step = settings.pairs_per_step
    return max(size for size in range(1, step + 1) if step % size == 0 and size <= max(1, room))
