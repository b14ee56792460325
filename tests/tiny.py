"""A model small enough to be trained in a test: random weights, a real tokenizer, ChatML.

`make(folder)` writes a transformers folder of about 140 kB that `srlr.models.local.load` reads.
"""

from pathlib import Path

SENTENCES = (
    "The plot was dull and the acting was worse, but the music saved the evening.",
    "A wonderful film: warm, funny and never too long. I would watch it again tomorrow.",
    "I cannot say that the food was bad, although the service was slow and the room was cold.",
    "The label is positive. The label is negative. The label is neutral.",
    "The camera is great, the battery lasts two days, and the price is fair.",
)
VOCABULARY = 384  # more than one block of rollout.BLOCK, less than two
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make(folder: Path, seed: int = 0) -> Path:
    """A random float32 Llama: 2 layers of width 32, 4 heads of which 2 share keys and values."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.3,  # wide enough for greedy answers that differ from prompt to prompt
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tokenizer():
    """Byte-level BPE of `VOCABULARY` entries; every text survives encoding and decoding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(SENTENCES * 2, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
    )


def vowels(_, answer):
    """Worth the more the more an answer has of the letter e; right with one at least."""
    from srlr.training.groups import Worth

    share = sum(letter == "e" for letter in answer.text) / 8
    return Worth(share, float(share > 0), {"e": share})


def draw(model, worth, max_new_tokens: int = 8, rows: int = 64):
    """What a loop draws from: each of SENTENCES as a prompt, judged by `worth`."""
    from srlr.training.drawing import Draw
    from srlr.training.groups import Asked

    chats = [[{"role": "user", "content": text}] for text in SENTENCES]
    asked = [Asked(model.encode_chat(chat)) for chat in chats]
    units = [(index,) for index in range(len(asked))]
    return Draw(asked, units, worth, None, max_new_tokens, rows)


def load(folder: Path, dtype: str = "float32"):
    """A fresh copy of the model in `folder`, on one thread."""
    import torch

    from srlr.models import local

    torch.set_num_threads(1)
    return local.load(folder, name="tiny", device="cpu", dtype=dtype)
