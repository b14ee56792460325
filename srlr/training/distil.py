"""SRL, objective `distil`: a larger model says of each token of the model's own answers what it
would have said.

    loss = mean of D(π_teacher ‖ π)      over the tokens of the answers of a batch

D is the generalised Jensen-Shannon divergence between the two distributions over the vocabulary,
forward KL at `divergence` 0 and reverse KL at 1. TRL's DistillationTrainer draws one answer a
prompt; teacher and model must have one vocabulary.

Source: generalised knowledge distillation, arXiv 2306.13649; TRL 1.16, DistillationTrainer.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.training import Distil
from srlr.core.types import Message
from srlr.models.local import LocalModel
from srlr.training import imitate, trl_trainer
from srlr.training.progress import Outcome, Surroundings
from srlr.training.trl_callback import Job, Told, Watch

TOLD = Told({"completions/mean_length": "response_tokens", "entropy": "entropy"})


@dataclass(frozen=True, slots=True)
class Lesson:
    """Who teaches, a transformers folder; the prompts as chats; and how long an answer may be."""

    teacher: Path
    chats: Sequence[Sequence[Message]]
    max_new_tokens: int


def train(
    model: LocalModel, lesson: Lesson, settings: Distil, seed: int, around: Surroundings
) -> Outcome:
    """The model's weights become those last judged; the best ones are in `around.folder`/best.

    Raises:
        MissingArtifact: TRL is not installed, or the teacher's folder is no model.
        ConfigError: the teacher's vocabulary is another.
    """
    trl_trainer.require("srl=distil")
    check_vocabulary(model, lesson.teacher)
    steps = imitate.plan_steps(len(lesson.chats), settings)
    return trl_trainer.fit(
        model, settings, steps, seed, around, lambda job: _trainer(job, settings, lesson)
    )


def check_vocabulary(model: LocalModel, teacher: Path) -> None:
    """Compares tokenizers and the sizes of the output layers; no weights are read.

    Raises:
        MissingArtifact: the teacher's folder is no model.
        ConfigError: they are not the same.
    """
    from transformers import AutoConfig, AutoTokenizer

    try:
        own = AutoTokenizer.from_pretrained(teacher, local_files_only=True).get_vocab()
        config = AutoConfig.from_pretrained(teacher, local_files_only=True).get_text_config()
    except Exception as error:  # tokenizers raises Exception itself
        raise MissingArtifact(
            f"the teacher in {str(teacher)!r} cannot be read: {error}",
            "srl.teacher=NAME of a card, a transformers folder, or hub:org/name",
        ) from error
    size = model.model.config.get_text_config().vocab_size
    if own != model.tokenizer.get_vocab() or config.vocab_size != size:
        raise ConfigError(
            f"the teacher in {str(teacher)!r} has another vocabulary than {model.name!r}: "
            f"{len(own)} tokens and an output layer of {config.vocab_size}, not "
            f"{len(model.tokenizer.get_vocab())} and {size}",
            "a teacher of the model's own family, srl.teacher=NAME, or learn from what it has "
            "written with srl=sft",
        )


def _trainer(job: Job, settings: Distil, lesson: Lesson) -> Any:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import DistillationConfig, DistillationTrainer

    teacher = AutoModelForCausalLM.from_pretrained(
        lesson.teacher, dtype=job.model.dtype, local_files_only=True
    )
    tokenizer = copy.deepcopy(job.model.tokenizer)
    tokenizer.padding_side = "left"
    size = settings.batch_size
    longest = max(len(job.model.encode_chat(chat)) for chat in lesson.chats) + lesson.max_new_tokens
    at_once = trl_trainer.at_once(size, settings.micro_batch_tokens // longest)
    rows = [
        {"prompt": list(lesson.chats[index])}
        for step in range(job.steps)
        for index in imitate.places(step, len(lesson.chats), size, job.seed)
    ]
    return DistillationTrainer(
        model=job.trained,
        teacher_model=teacher.eval().requires_grad_(False).to(job.model.device),
        args=DistillationConfig(
            **trl_trainer.arguments(job, "distil", at_once, size),
            max_completion_length=lesson.max_new_tokens,
            shuffle_dataset=False,
            beta=settings.divergence,
            temperature=settings.temperature,
            top_k=settings.top_k or 0,
            top_p=settings.top_p,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Watch(job, TOLD)],
        optimizers=trl_trainer.optimizers(job),
    )
