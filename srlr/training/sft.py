"""SRL, objective `sft`: the expert's completions by plain fine-tuning, the yardstick of `imitate`.

    loss = mean of -log π(token)      over the completion tokens of a batch

TRL's SFTTrainer is given the tokens, the batches and their order that `imitate` has; no step weighs
more than another, and no divergence holds the model back.

Source: TRL 1.16, SFTTrainer.
"""

import copy
from collections.abc import Sequence
from typing import Any

from srlr.core.training import Sft
from srlr.models.local import LocalModel
from srlr.training import imitate, trl_trainer
from srlr.training.forward import Row
from srlr.training.imitate import Example
from srlr.training.progress import Outcome, Surroundings
from srlr.training.trl_callback import Job, Told, Watch

TOLD = Told({"mean_token_accuracy": "token_accuracy"}, ("loss", "token_accuracy"))


def train(
    model: LocalModel, examples: Sequence[Example], settings: Sft, seed: int, around: Surroundings
) -> Outcome:
    """The model's weights become those last judged; the best ones are in `around.folder`/best.

    Raises:
        MissingArtifact: TRL is not installed.
    """
    trl_trainer.require("srl=sft")
    steps = imitate.plan_steps(len(examples), settings)
    rows = [example.row() for example in examples]
    return trl_trainer.fit(
        model, settings, steps, seed, around, lambda job: _trainer(job, settings, rows)
    )


def _trainer(job: Job, settings: Sft, rows: Sequence[Row]) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    at_once = trl_trainer.at_once(
        settings.batch_size, settings.micro_batch_tokens // max(map(_length, rows))
    )
    shared = trl_trainer.arguments(job, "sft", at_once, settings.batch_size)
    return SFTTrainer(
        model=job.trained,
        args=SFTConfig(**shared, max_length=None, train_sampling_strategy="sequential"),
        data_collator=DataCollatorForLanguageModeling(trl_trainer.pad_of(job.model)),
        train_dataset=Dataset.from_list(list(map(_labelled, laid_out(rows, job, settings)))),
        processing_class=copy.deepcopy(job.model.tokenizer),
        callbacks=[Watch(job, TOLD)],
        optimizers=trl_trainer.optimizers(job),
    )


def laid_out(rows: Sequence[Row], job: Job, settings: Sft) -> list[Row]:
    """The rows of all steps one after the other, in a step the longest first, so that little is
    padded where a step is cut into pieces.
    """
    size, out = settings.batch_size, list[Row]()
    for step in range(job.steps):
        own = [rows[index] for index in imitate.places(step, len(rows), size, job.seed)]
        out += sorted(own, key=_length, reverse=True)
    return out


def _length(row: Row) -> int:
    return len(row.prompt) + len(row.completions[0])


def _labelled(row: Row) -> dict[str, list[int]]:
    """A row under TRL's names; -100 is not learnt."""
    prompt, (completion,) = list(row.prompt), map(list, row.completions)
    return {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}
