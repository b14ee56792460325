import json
import math
import resource
import struct

import pytest

from srlr.assets import derive, ensure, locked, verify
from srlr.core.errors import ResourceError


def test_versions_of_what_is_not_installed_are_said(monkeypatch):
    monkeypatch.setattr(derive, "LIBRARIES", ("pytest", "no-such-package"))

    assert derive.versions() == {"pytest": pytest.__version__, "no-such-package": "not installed"}


def test_a_bar_tells_progress_and_draws_nothing(capfd):
    told = []
    progress = lambda *event: told.append(event)  # noqa: E731
    with derive._Bar("abc", "loading", progress) as bar:
        bar.set_description("ignored")
        assert list(bar) == ["a", "b", "c"]
    assert list(derive._Bar(iter("d"), "loading", progress)) == ["d"]

    assert told == [("loading", 1, 3), ("loading", 2, 3), ("loading", 3, 3), ("loading", 1, None)]
    assert capfd.readouterr() == ("", "")


# One layer, 32 wide, nine words: small enough to convert in a second once torch is there.
WORDS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "a", "b", "c", "ab", "Ġ", "Ċ"]
WIDE, FEED, HEADS = 32, 64, 2


@pytest.fixture
def gguf_file(tmp_path):
    """A llama of one layer with a byte-level tokenizer, quantised as the embedded model is."""
    gguf = pytest.importorskip("gguf")
    np = pytest.importorskip("numpy")
    pytest.importorskip("accelerate")
    path = tmp_path / "tiny.Q4_1.gguf"
    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(64)
    out.add_embedding_length(WIDE)
    out.add_block_count(1)
    out.add_feed_forward_length(FEED)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_rope_dimension_count(WIDE // HEADS)
    out.add_rope_freq_base(10000.0)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_vocab_size(len(WORDS))
    out.add_tokenizer_model("gpt2")
    out.add_token_list(WORDS)
    out.add_token_types([3, 3, 3, 1, 1, 1, 1, 1, 1])
    out.add_token_merges(["a b"])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    random = np.random.default_rng(0)
    shapes = {"token_embd": (len(WORDS), WIDE)}
    shapes |= {f"blk.0.attn_{x}": (WIDE, WIDE) for x in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_gate": (FEED, WIDE), "blk.0.ffn_up": (FEED, WIDE)}
    shapes |= {"blk.0.ffn_down": (WIDE, FEED)}
    kind = gguf.GGMLQuantizationType.Q4_1
    for name, shape in shapes.items():
        weights = gguf.quants.quantize(random.normal(size=shape).astype("float32"), kind)
        out.add_tensor(f"{name}.weight", weights, raw_dtype=kind)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        out.add_tensor(f"{name}.weight", np.ones(WIDE, dtype="float32"))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path


def header(folder):
    """What a safetensors file says it holds."""
    with open(folder / "model.safetensors", "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        found = json.loads(file.read(length))
    found.pop("__metadata__", None)
    return found


def test_a_gguf_becomes_a_plain_float32_model_folder(gguf_file, tmp_path, capfd):
    from transformers import modeling_gguf_pytorch_utils
    from transformers.utils import logging

    drawn, verbosity = modeling_gguf_pytorch_utils.tqdm, logging.get_verbosity()
    folder = tmp_path / "out"
    folder.mkdir()
    told = []
    derive.gguf_to_safetensors(gguf_file, folder, lambda *event: told.append(event))

    tensors = header(folder)
    assert {tensor["dtype"] for tensor in tensors.values()} == {"F32"}
    assert tensors["model.embed_tokens.weight"]["shape"] == [len(WORDS), WIDE]
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert (folder / "tokenizer.json").is_file()
    assert "content" in (folder / "chat_template.jinja").read_text()
    assert ("dequantising", 11, 11) in told
    assert ("writing safetensors", 1, 1) in told
    assert capfd.readouterr() == ("", "")
    assert modeling_gguf_pytorch_utils.tqdm is drawn
    assert logging.get_verbosity() == verbosity
    assert logging.set_tqdm_hook(None) is None


def test_a_disk_that_refuses_the_weights_is_said(gguf_file, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(ResourceError, match=r"cannot use the cache folder .*File too large"):
            derive.gguf_to_safetensors(gguf_file, folder, lambda *event: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_error_of_safetensors_that_is_not_the_disks_stays_what_it_is():
    errors = pytest.importorskip("safetensors")
    with pytest.raises(errors.SafetensorError, match="a bug"), derive._as_os_error():
        raise errors.SafetensorError("a bug")


@pytest.mark.assets
def test_the_embedded_model_is_there_and_right(monkeypatch):
    monkeypatch.undo()  # the cache and the pip configuration of this session, not of this test
    folder = ensure("smollm2-135m-instruct")
    tensors = header(folder)
    config = json.loads((folder / "config.json").read_text())

    assert verify(locked.find("smollm2-135m-instruct")).status == "ready"
    assert len(tensors) == 272
    assert sum(math.prod(t["shape"]) for t in tensors.values()) == 134_515_008
    assert (config["tie_word_embeddings"], config.get("quantization_config")) == (True, None)
    assert "<|im_start|>" in (folder / "chat_template.jinja").read_text()
