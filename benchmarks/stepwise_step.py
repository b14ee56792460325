"""One step of stepwise SRL, rollout and update, against TRL's GRPOTrainer on the same prompts.

python -m benchmarks.stepwise_step [--turns N] [--trajectories K] [--steps S] [--samples G]
                                   [--tokens T]

A problem is a product review with a question, 100 to 150 tokens; its expert's answer is `steps`
lines of other reviews, about 16 tokens each. Every step is asked for after those before it, in
groups of `samples` answers that end with the line or after `tokens` tokens; the reward is
srlr.rewards.similarity with the expert's step. TRL is given each of these prompts as text, and the
tokens that end a line as tokens that end an answer. Both train every weight of
SmolLM2-135M-Instruct at temperature 1, without reference (beta 0) or checkpointing of activations,
in bfloat16 products with float32 weights.
"""

from argparse import Namespace
from collections.abc import Iterator, Mapping

from benchmarks import apart, subject, trainer
from benchmarks.timing import machine
from srlr.core.training import Stepwise
from srlr.models.local import LocalModel
from srlr.training.stepwise import Instance, Problem, decompose, draw_of

SIDES = ("trl", "ours")
PROBLEM_TOKENS = range(100, 151)
STEP_TOKENS = 16
END = "\n"


def problems(model: LocalModel, asked: Namespace) -> list[Problem]:
    """Reviews of the right length, each with lines of the reviews that follow all of them."""
    chats = subject.chats(40 * asked.trajectories)
    fit = [chat for chat in chats if len(model.encode_chat(chat)) in PROBLEM_TOKENS]
    if len(fit) < asked.trajectories:
        raise SystemExit(f"{len(fit)} problems have the length, {asked.trajectories} are asked for")
    found = lines(model, " ".join(chat[-1]["content"] for chat in reversed(chats)))
    out = []
    for chat in fit[: asked.trajectories]:
        said = [next(found) for _ in range(asked.steps)]
        tokens = [token for line in said for token in model.encode(line)]
        out.append(Problem(chat, model.encode_chat(chat), [*tokens, model.stop_token]))
    return out


def lines(model: LocalModel, text: str) -> Iterator[str]:
    """The text's words, so many a line that it has STEP_TOKENS tokens or a few more."""
    line: list[str] = []
    for word in text.split():
        line.append(word)
        if len(model.encode(" ".join(line) + END)) >= STEP_TOKENS:
            yield " ".join(line) + END
            line = []


def instances(model: LocalModel, asked: Namespace) -> list[Instance]:
    settings = Stepwise(step_end=END)
    return [one for own in problems(model, asked) for one in decompose(model, own, settings)]


def ours(asked: Namespace, gate: apart.Turnstile) -> None:
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from srlr.models.rollout import Completion
    from srlr.rewards.similarity import Similarity
    from srlr.training import grpo
    from srlr.training.groups import Worth

    model = subject.model(asked.threads)
    likeness = Similarity().ratio
    experts = [one.expert for one in instances(model, asked)]

    def judge(index: int, answer: Completion) -> Worth:
        value = likeness(answer.text.strip(), experts[index])
        return Worth(value, value, {})

    def told(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        if what == "steps":
            gate.leave()
            gate.enter()

    settings = Stepwise(
        learning_rate=1e-6,
        epochs=10**6,
        prompts_per_step=len(experts),
        samples_per_prompt=asked.samples,
        refill_attempts=0,
        max_step_tokens=asked.tokens,
        step_end=END,
        micro_batch_tokens=1024,
        eval_every_steps=10**6,
        checkpoint_every_steps=10**6,
        patience=10**6,
    )
    own = problems(model, asked)
    with tempfile.TemporaryDirectory() as folder:
        start = lambda step: gate.enter() if step == -1 else None  # noqa: E731
        around = subject.around(Path(folder), told, start)
        draw = draw_of(model, own, Similarity().step_reward, settings, rows=10**6)
        # An answer that the limit cut off is worth what it is here, as it is for TRL.
        grpo.train(model, replace(draw, worth=judge), settings, 0, around, {"figure": 0.0})


def trl(asked: Namespace, gate: apart.Turnstile) -> None:
    import tempfile

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    from srlr.rewards.similarity import Similarity

    tokenizer = subject.tokenizer()
    torch.set_num_threads(asked.threads)
    likeness = Similarity().ratio
    posed = instances(tokenizer, asked)
    model = AutoModelForCausalLM.from_pretrained(subject.folder(), dtype=torch.float32)
    model.generation_config.eos_token_id = [
        tokenizer.stop_token,
        *(token for token in range(len(tokenizer.tokenizer)) if END in tokenizer.decode([token])),
    ]

    def reward(completions: list[str], expert: list[str], **_: object) -> list[float]:
        return [likeness(*both) for both in zip(map(str.strip, completions), expert, strict=True)]

    with tempfile.TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=asked.samples,
            gradient_accumulation_steps=len(posed),
            num_generations=asked.samples,
            max_completion_length=asked.tokens,
            temperature=1.0,
            beta=0.0,
            **trainer.PLAIN,
        )
        learner = GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=arguments,
            train_dataset=Dataset.from_list(
                [
                    {"prompt": tokenizer.tokenizer.decode(one.prompt), "expert": one.expert}
                    for one in posed
                ]
            ),
            callbacks=[trainer.turns(gate)],
        )
        learner.train()


def main() -> None:
    asked = apart.arguments(__doc__, SIDES, trajectories=2, steps=8, samples=8, tokens=24)
    if asked.side:
        {"ours": ours, "trl": trl}[asked.side](asked, apart.Turnstile())
        return
    print(machine("torch", "transformers", "trl"))
    turns = apart.alternate("benchmarks.stepwise_step", asked, SIDES)
    heads = ["stepwise SRL step", "TRL GRPO", "ours", "times"]
    shape = f"{asked.trajectories} x {asked.steps} steps x {asked.samples} x {asked.tokens} tokens"
    print(apart.against_trl(turns, shape, heads))


if __name__ == "__main__":
    main()
