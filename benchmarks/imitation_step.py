"""One SRL imitation step, our divergence included, against TRL's SFTTrainer; and FLOP/s achieved.

python -m benchmarks.imitation_step [--turns N] [--rows R] [--tokens T] [--at-once B]

Both train every weight of SmolLM2-135M-Instruct on `rows` rows of `tokens` tokens of real text, the
second half of which is learnt, `at_once` rows a micro-batch, in bfloat16 products with float32
weights, without checkpointing of activations. Ours also reads each row once with the reference and
measures the divergence from it at every learnt token; that is part of our time.

FLOP are those of the products with weights, 2 a weight and token forward and 4 backward, and of the
output layer at learnt tokens (for us once more, for the reference). Attention's own are left out.
The peak is the best of several products of two square bfloat16 matrices in the same process.
"""

from argparse import Namespace
from collections.abc import Mapping

from benchmarks import apart, subject, trainer
from benchmarks.timing import machine, ratios, spread, table

SIDES = ("trl", "ours")
WIDTH = 2048
"""Of the matrices that give the peak."""


def peak_flop_per_s() -> float:
    import time

    import torch

    one = torch.randn(WIDTH, WIDTH, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(8):
        began = time.perf_counter()
        one @ one
        best = max(best, 2 * WIDTH**3 / (time.perf_counter() - began))
    return best


def flop(model, tokens: int, learnt: int) -> float:  # type: ignore[no-untyped-def]
    """Of one of our steps: forward, backward and the reference's forward."""
    head = model.get_output_embeddings().weight.numel()
    body = sum(one.numel() for one in model.parameters()) - head  # the embeddings are the head
    return (2 + 4 + 2) * (body * tokens + head * learnt)


def ours(asked: Namespace, gate: apart.Turnstile) -> None:
    import tempfile
    import time
    from pathlib import Path

    from srlr.core.training import Imitate
    from srlr.training import imitate

    model = subject.model(asked.threads)
    count = asked.rows * (1 + asked.turns)
    texts = subject.rows(model, count, asked.tokens)
    examples = [imitate.Example(prompt, [said], [1.0]) for prompt, said in texts]
    work = flop(
        model.model,
        sum(len(prompt) + len(said) for prompt, said in texts[: asked.rows]),
        sum(len(said) for _, said in texts[: asked.rows]),
    )
    own = {"flop": work}

    def start(_: int) -> None:
        own["reference_s"] = (time.perf_counter() - began) / (1 + asked.turns)

    def told(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        if what == "steps":
            gate.leave(own)
            gate.enter()

    settings = Imitate(
        learning_rate=1e-6,
        epochs=1,
        batch_size=asked.rows,
        kl_share=1.0,
        micro_batch_tokens=asked.at_once * asked.tokens,
        eval_every_steps=10**6,
        checkpoint_every_steps=10**6,
    )
    with tempfile.TemporaryDirectory() as folder:
        gate.enter()  # the warm-up's turn holds the reference's pass over the examples of all turns
        own["peak_flop_per_s"] = peak_flop_per_s()
        began = time.perf_counter()
        imitate.train(model, examples, settings, 0, subject.around(Path(folder), told, start))


def trl(asked: Namespace, gate: apart.Turnstile) -> None:
    import tempfile

    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(asked.threads)
    tokenizer = AutoTokenizer.from_pretrained(subject.folder())
    texts = subject.rows(subject.model(asked.threads), asked.rows * (1 + asked.turns), asked.tokens)

    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=asked.at_once,
            gradient_accumulation_steps=asked.rows // asked.at_once,
            max_length=2 * asked.tokens,
            **trainer.PLAIN,
        )
        learner = SFTTrainer(
            model=str(subject.folder()),
            args=arguments,
            train_dataset=Dataset.from_list(
                [
                    {
                        "input_ids": prompt + said,
                        "completion_mask": [0] * len(prompt) + [1] * len(said),
                    }
                    for prompt, said in texts
                ]
            ),
            processing_class=tokenizer,
            callbacks=[trainer.turns(gate)],
        )
        learner.train()


def main() -> None:
    asked = apart.arguments(__doc__, SIDES, rows=16, tokens=100, at_once=4)
    if asked.side:
        {"ours": ours, "trl": trl}[asked.side](asked, apart.Turnstile())
        return
    print(machine("torch", "transformers", "trl"))
    turns = apart.alternate("benchmarks.imitation_step", asked, SIDES)
    theirs = turns["trl"].column("seconds")
    own = [one["seconds"] + one["reference_s"] for one in turns["ours"].figures]
    shares = [
        one["flop"] / (one["seconds"] + one["reference_s"]) / one["peak_flop_per_s"]
        for one in turns["ours"].figures
    ]
    heads = ["imitation step", "TRL SFT", "ours", "times"]
    rows = [
        [
            f"{asked.rows} x {asked.tokens} tokens, s",
            spread(theirs),
            spread(own),
            spread(ratios(theirs, own), "{:.2f}"),
        ],
        [
            "peak memory of the process, MB",
            f"{turns['trl'].peak_mb:.0f}",
            f"{turns['ours'].peak_mb:.0f}",
            f"{turns['ours'].peak_mb / turns['trl'].peak_mb:.2f}",
        ],
        ["of the bfloat16 peak, %", "", spread(shares, "{:.0f}", 100), ""],
    ]
    print(table(heads, rows))


if __name__ == "__main__":
    main()
