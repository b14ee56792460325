"""One GRPO step, rollout and update, against TRL's GRPOTrainer as a user would set it up.

python -m benchmarks.grpo_step [--turns N] [--prompts P] [--samples G] [--tokens T]

Both train every weight of SmolLM2-135M-Instruct on the same prompts, with groups of `samples`
answers of at most `tokens` tokens, temperature 1, no reference (beta 0), no checkpointing of
activations, the same reward, and bfloat16 products with float32 weights.
"""

from argparse import Namespace
from collections.abc import Mapping

from benchmarks import apart, subject, trainer
from benchmarks.timing import machine

SIDES = ("trl", "ours")


def worth(text: str) -> float:
    """A reward that has a spread in nearly every group: the share of lower-case vowels."""
    return sum(letter in "aeiou" for letter in text) / max(1, len(text))


def ours(asked: Namespace, gate: apart.Turnstile) -> None:
    import tempfile
    from pathlib import Path

    from srlr.core.training import Grpo
    from srlr.models.rollout import Completion
    from srlr.training import grpo
    from srlr.training.drawing import Draw
    from srlr.training.groups import Asked, Worth

    model = subject.model(asked.threads)
    prompts = [Asked(model.encode_chat(chat)) for chat in subject.chats(asked.prompts)]

    def judge(_: int, answer: Completion) -> Worth:
        return Worth(worth(answer.text), worth(answer.text), {})

    def told(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        if what == "steps":
            gate.leave()
            gate.enter()

    settings = Grpo(
        learning_rate=1e-6,
        epochs=10**6,
        prompts_per_step=asked.prompts,
        samples_per_prompt=asked.samples,
        kl_penalty_weight=0.0,
        micro_batch_tokens=512,
        eval_every_steps=10**6,
        checkpoint_every_steps=10**6,
        patience=10**6,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = lambda step: gate.enter() if step == -1 else None  # noqa: E731
        around = subject.around(Path(folder), told, start)
        units = [(index,) for index in range(len(prompts))]
        draw = Draw(prompts, units, judge, None, asked.tokens, rows=10**6)
        grpo.train(model, draw, settings, 0, around, {"figure": 0.0})


def trl(asked: Namespace, gate: apart.Turnstile) -> None:
    import tempfile

    import torch
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(asked.threads)

    def reward(completions: list[list[dict[str, str]]], **_: object) -> list[float]:
        return [worth(said[0]["content"]) for said in completions]

    with tempfile.TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=asked.samples,
            gradient_accumulation_steps=asked.prompts,
            num_generations=asked.samples,
            max_completion_length=asked.tokens,
            temperature=1.0,
            beta=0.0,
            **trainer.PLAIN,
        )
        learner = GRPOTrainer(
            model=str(subject.folder()),
            reward_funcs=reward,
            args=arguments,
            train_dataset=Dataset.from_list(
                [{"prompt": chat} for chat in subject.chats(asked.prompts)]
            ),
            callbacks=[trainer.turns(gate)],
        )
        learner.train()


def main() -> None:
    asked = apart.arguments(__doc__, SIDES, prompts=8, samples=8, tokens=48)
    if asked.side:
        {"ours": ours, "trl": trl}[asked.side](asked, apart.Turnstile())
        return
    print(machine("torch", "transformers", "trl"))
    turns = apart.alternate("benchmarks.grpo_step", asked, SIDES)
    heads = ["GRPO step", "TRL", "ours", "times"]
    shape = f"{asked.prompts} x {asked.samples} x {asked.tokens} tokens"
    print(apart.against_trl(turns, shape, heads))


if __name__ == "__main__":
    main()
