"""The files beside a model's weights, made by hand: small, and of any contents."""

import json

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "vocab_size": 100,
    "tie_word_embeddings": True,
}
SHAPES = {"embed": (100, 8), "attention": (2, 2, 8, 12), "feed_forward": (2, 3, 8, 16)}
"""800 + 384 + 768: what CONFIG makes, V h + L (2 h h + 2 h 4 + 3 h 16)."""
README = "---\nlicense: apache-2.0\nlanguage:\n- en\n- no\n---\n# A model\n"


def safetensors(shapes, dtype="BF16", width=2):
    """A file of zeros: 8 bytes of length, the header, the weights."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = width
        for number in shape:
            size *= number
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


def folder(path, config=None, shapes=SHAPES, readme=README, **how):
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(CONFIG if config is None else config))
    (path / "model.safetensors").write_bytes(safetensors(shapes, **how))
    (path / "README.md").write_text(readme)
    return path
