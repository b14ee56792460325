"""Random networks of many kinds, small enough to be made in a test, with the tokenizer of tiny."""

import tiny

SMALL = {"vocab_size": tiny.VOCABULARY, "bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0}
WIDE = SMALL | {"initializer_range": 0.3, "hidden_size": 32, "num_hidden_layers": 2}
GROUPED = WIDE | {"intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
CONFIGS = {
    "llama": ("LlamaConfig", GROUPED),
    "qwen2": ("Qwen2Config", GROUPED),
    "mistral": ("MistralConfig", GROUPED | {"sliding_window": None}),
    "mistral_window": ("MistralConfig", GROUPED | {"sliding_window": 12}),
    "gemma2": (
        "Gemma2Config",
        GROUPED
        | {
            "head_dim": 8,
            "query_pre_attn_scalar": 8,
            "sliding_window": 12,
            "attn_logit_softcapping": 2.0,
            "final_logit_softcapping": 5.0,
        },
    ),
    "gpt2": (
        "GPT2Config",
        SMALL | {"n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    ),
    "gpt_neox": (
        "GPTNeoXConfig",
        WIDE | {"intermediate_size": 64, "num_attention_heads": 4},
    ),
    "bloom": (
        "BloomConfig",
        SMALL | {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    ),
    "mamba": ("MambaConfig", WIDE | {"state_size": 4, "time_step_rank": 4}),
}


def make(folder, kind, seed=0):
    """A transformers folder with a random float32 network of this kind."""
    import torch
    import transformers

    name, values = CONFIGS[kind]
    config = getattr(transformers, name)(**values)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tiny.make_tokenizer().save_pretrained(folder)
    return folder
