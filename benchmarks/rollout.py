"""Answers a second, against transformers' generate, as both would be used.

python -m benchmarks.rollout [--turns N] [--prompts P] [--samples G] [--tokens T]

The same prompts, in bfloat16, temperature 1 over the whole vocabulary, `samples` answers to each
prompt, at most `tokens` tokens long. The second row ends answers with their first sentence, so that
they are of many lengths, as those of a trained model are. A token counts if it is the answer's: the
token that ends it does, padding after it does not.
"""

from argparse import Namespace
from typing import Any

from benchmarks import apart, subject
from benchmarks.timing import machine, ratios, spread, table

SIDES = ("generate", "ours")


def ends(tokenizer: Any) -> list[int]:
    """The model's own end token and those that end a sentence."""
    return [
        tokenizer.eos_token_id,
        *(one for one in range(len(tokenizer)) if set(".!?\n") & set(tokenizer.decode([one]))),
    ]


def ours(asked: Namespace, gate: apart.Turnstile) -> None:
    from dataclasses import replace

    from srlr.models import rollout
    from srlr.models.sampling import Sampling

    model = subject.model(asked.threads)
    if asked.sentence:
        model = replace(model, stop_tokens=tuple(ends(model.tokenizer)))
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
    stops = ends(tokenizer) if asked.sentence else [tokenizer.eos_token_id]
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
                eos_token_id=stops,
            )
        said = rows[:, asks["input_ids"].shape[1] :]
        over = torch.isin(said, torch.tensor(stops)).int()
        return {"tokens": float((over.cumsum(-1) - over == 0).sum())}

    gate.repeat(turn)


def main() -> None:
    asked = apart.arguments(__doc__, SIDES, prompts=8, samples=8, tokens=48, sentence=0)
    if asked.side:
        {"ours": ours, "generate": generate}[asked.side](asked, apart.Turnstile())
        return
    print(machine("torch", "transformers"))
    rows = []
    for asked.sentence in (0, 1):
        turns = apart.alternate("benchmarks.rollout", asked, SIDES)
        speeds = {
            side: [one["tokens"] / one["seconds"] for one in turns[side].figures] for side in SIDES
        }
        said = turns["ours"].column("tokens")
        rows.append(
            [
                f"{asked.prompts} x {asked.samples} x {asked.tokens} tokens",
                spread([tokens / asked.prompts / asked.samples for tokens in said], "{:.0f}"),
                spread(speeds["generate"], "{:.0f}"),
                spread(speeds["ours"], "{:.0f}"),
                spread(ratios(speeds["ours"], speeds["generate"]), "{:.2f}"),
                f"{turns['generate'].peak_mb:.0f} / {turns['ours'].peak_mb:.0f}",
            ]
        )
    heads = ["rollout", "answers' tokens", "generate, tokens/s", "ours, tokens/s", "times"]
    print(table([*heads, "peak MB, theirs / ours"], rows))


if __name__ == "__main__":
    main()
