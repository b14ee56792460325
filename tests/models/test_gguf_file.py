import json
import urllib.request

import llama
import pytest
import tiny

from srlr.core.errors import ConfigError, ResourceError
from srlr.models import gguf_file

TOKENS = 12
TEXTS = (*tiny.SENTENCES[:2], "it's 12345 — naïve, 価格!\n\n  x  y")


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def post(url, path, body):
    address = url.removesuffix("/v1") + path
    data = json.dumps(body).encode()
    asked = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=300) as answer:
        return json.load(answer)


def prompts(model):
    return [model.encode_chat([{"role": "user", "content": text}]) for text in TEXTS]


def by_llama(url, model):
    """Greedy answers of llama.cpp, as tokens."""
    how = {"n_predict": TOKENS, "temperature": 0, "return_tokens": True}
    return [post(url, "/completion", {"prompt": one, **how})["tokens"] for one in prompts(model)]


def by_transformers(model):
    import torch

    how = {"max_new_tokens": TOKENS, "do_sample": False}
    with torch.no_grad():
        return [
            model.model.generate(torch.tensor([one]), **how)[0][len(one) :].tolist()
            for one in prompts(model)
        ]


def through_llama(model, path):
    """How llama.cpp splits the texts and what it answers, from the file of the model."""
    gguf_file.write(model, path)
    with llama.server(path) as url:
        tokens = [post(url, "/tokenize", {"content": text})["tokens"] for text in TEXTS]
        return tokens, by_llama(url, model)


def through_transformers(model):
    return [model.encode(text) for text in TEXTS], by_transformers(model)


def test_llama_cpp_answers_as_transformers_does_token_for_token(model, tmp_path):
    assert through_llama(model, tmp_path / "tiny.gguf") == through_transformers(model)


@pytest.mark.slow
@pytest.mark.assets
def test_so_it_does_with_the_embedded_model(tmp_path):
    from srlr import assets

    model = tiny.load(assets.ensure("smollm2-135m-instruct"))

    assert through_llama(model, tmp_path / "real.gguf") == through_transformers(model)


def read(path):
    from gguf import GGUFReader

    return GGUFReader(path)


def test_what_is_said_of_the_model_is_in_the_file(model, tmp_path):
    gguf_file.write(model, tmp_path / "tiny.gguf", None, "mit")
    file = read(tmp_path / "tiny.gguf")

    assert file.get_field("general.license").contents() == "mit"
    assert file.get_field("tokenizer.chat_template").contents() == tiny.CHAT_TEMPLATE
    assert file.get_field("tokenizer.ggml.eos_token_id").contents() == model.stop_token
    assert not any(one.name == "output.weight" for one in file.tensors)  # it is tied


@pytest.mark.parametrize(("type_", "kind"), [("f32", "F32"), ("bf16", "BF16"), ("q8_0", "Q8_0")])
def test_weights_are_of_the_type_asked_for_and_vectors_float32(model, tmp_path, type_, kind):
    gguf_file.write(model, tmp_path / "tiny.gguf", type_)
    kinds = {one.name: one.tensor_type.name for one in read(tmp_path / "tiny.gguf").tensors}

    assert kinds["blk.0.attn_q.weight"] == kind
    assert kinds["blk.0.attn_norm.weight"] == "F32"


def test_weights_stay_as_they_are_unless_asked(tiny_model_folder, tmp_path):
    gguf_file.write(tiny.load(tiny_model_folder, "bfloat16"), tmp_path / "tiny.gguf")
    kinds = {one.tensor_type.name for one in read(tmp_path / "tiny.gguf").tensors}

    assert kinds == {"BF16", "F32"}


def test_rows_of_a_head_are_paired():
    import torch

    rows = torch.arange(8).reshape(8, 1)  # two heads of 4

    assert gguf_file.interleaved(rows, 2).flatten().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_what_llama_cpp_would_do_otherwise_is_refused(model, tmp_path):
    path = tmp_path / "tiny.gguf"
    rope = model.model.config.rope_parameters
    model.model.config.rope_parameters = {**rope, "rope_type": "llama3"}
    with pytest.raises(ConfigError, match=r"scales its positions \(llama3\)"):
        gguf_file.write(model, path)
    model.model.config.rope_parameters = rope
    model.model.config.model_type = "mamba"
    with pytest.raises(ConfigError, match="of architecture 'mamba'") as refused:
        gguf_file.write(model, path)

    assert "convert_hf_to_gguf.py" in refused.value.hint
    assert not list(tmp_path.iterdir())


def test_another_split_of_texts_is_refused(model, tmp_path):
    from tokenizers import pre_tokenizers

    model.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ConfigError, match="splits texts as none"):
        gguf_file.write(model, tmp_path / "tiny.gguf")


def test_a_place_that_cannot_be_written_is_named(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"file/tiny\.gguf"):
        gguf_file.write(model, tmp_path / "file" / "tiny.gguf")
