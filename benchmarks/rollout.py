"""Answers a second, against transformers' generate, as both would be used.

python -m benchmarks.rollout [--turns N] [--prompts P] [--samples G] [--tokens T]

The same prompts, in bfloat16, temperature 1 over the whole vocabulary, `samples` answers to each
prompt, at most `tokens` tokens long; answers end where the model ends them. A token counts if it
is the answer's: the end token does, padding after it does not.
"""

from argparse import Namespace

from benchmarks import apart, subject
from benchmarks.timing import machine, spread, table

SIDES = ("generate", "ours")


def ours(asked: Namespace, gate: apart.Turnstile) -> None:
    from srlr.models import rollout
    from srlr.models.sampling import Sampling

    model = subject.model(asked.threads)
    chats = subject.chats(asked.prompts)

    def turn(number: int) -> dict[str, float]:
        how = Sampling(asked.tokens, 10**6, asked.samples, 1.0, seed=number)
        answers = rollout.generate(model, chats, how)
        return {"tokens": float(sum(len(answer.tokens) for answer in answers))}

    gate.repeat(turn)


def generate(asked: Namespace, gate: apart.Turnstile) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(asked.threads)
    folder = subject.folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    asks = tokenizer.apply_chat_template(
        subject.chats(asked.prompts),
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
    )

    def turn(number: int) -> dict[str, float]:
        torch.manual_seed(number)
        with torch.inference_mode():
            rows = model.generate(
                **asks,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                max_new_tokens=asked.tokens,
                num_return_sequences=asked.samples,
            )
        said = rows[:, asks["input_ids"].shape[1] :]
        ended = (said == tokenizer.eos_token_id).int().cumsum(-1) - (
            said == tokenizer.eos_token_id
        ).int()
        return {"tokens": float((ended == 0).sum())}

    gate.repeat(turn)


def main() -> None:
    asked = apart.arguments(__doc__, SIDES, prompts=8, samples=8, tokens=48)
    if asked.side:
        {"ours": ours, "generate": generate}[asked.side](asked, apart.Turnstile())
        return
    print(machine("torch", "transformers"))
    turns = apart.alternate("benchmarks.rollout", asked, SIDES)
    speeds = {
        side: [one["tokens"] / one["seconds"] for one in turns[side].figures] for side in SIDES
    }
    faster = [own / peer for own, peer in zip(speeds["ours"], speeds["generate"], strict=True)]
    rows = [
        [
            f"{asked.prompts} x {asked.samples} x {asked.tokens} tokens",
            spread(speeds["generate"], "{:.0f}"),
            spread(speeds["ours"], "{:.0f}"),
            spread(faster, "{:.2f}"),
            f"{turns['generate'].peak_mb:.0f} / {turns['ours'].peak_mb:.0f}",
        ]
    ]
    heads = ["rollout", "generate, tokens/s", "ours, tokens/s", "times", "peak MB, theirs / ours"]
    print(table(heads, rows))


if __name__ == "__main__":
    main()
