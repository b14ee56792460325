import json
import shutil
import sys
from dataclasses import replace

import pytest
import tiny
import torch
from peft import LoraConfig

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.models import adapter, local

torch.set_num_threads(1)


def config(**changes):
    how = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "up_proj"], "lora_dropout": 0.1}
    return LoraConfig(task_type="CAUSAL_LM", **how | changes)


@pytest.fixture
def saved(tiny_model_folder, tmp_path):
    """The folder of a model that learnt through an adapter."""
    model = tiny.load(tiny_model_folder)
    view = adapter.begin(model.model, None, config(), 0)
    disturb(model, 0.1)
    replace(model, adapter=view).save(tmp_path / "best")
    return tmp_path / "best"


def disturb(model, much):
    for name, weight in model.model.named_parameters():
        if f"lora_B.{adapter.NAME}" in name:
            weight.detach().copy_(torch.linspace(-much, much, weight.numel()).reshape_as(weight))


def logits(model):
    with torch.no_grad():
        return model.model(input_ids=torch.arange(20)[None]).logits


def mounted(folder, saved):
    model = tiny.load(folder)
    return model, adapter.mount(model.model, model.tokenizer.get_vocab(), saved / "adapter")


def test_an_adapter_that_is_mounted_says_what_the_merged_model_says(tiny_model_folder, saved):
    model, _ = mounted(tiny_model_folder, saved)

    torch.testing.assert_close(logits(model), logits(tiny.load(saved)), atol=1e-5, rtol=1e-5)
    assert not any(parameter.requires_grad for parameter in model.model.parameters())
    assert not torch.allclose(logits(model), logits(tiny.load(tiny_model_folder)), atol=1e-2)


def test_one_learns_on_top_of_another_that_stays(tiny_model_folder, saved, tmp_path):
    names = adapter.linear_names(tiny.load(tiny_model_folder).model)
    model, view = mounted(tiny_model_folder, saved)
    before = logits(model)

    assert len(names) == 7
    assert adapter.linear_names(model.model) == names

    view = adapter.begin(model.model, view, config(r=2), 1)
    learning = {name for name, p in model.model.named_parameters() if p.requires_grad}

    assert torch.equal(logits(model), before)
    assert len(learning) == 8  # two matrices on two layers of two blocks
    assert all(f".{adapter.NAME}." in name for name in learning)

    disturb(model, 0.2)
    after = logits(model)
    with adapter.switched_off(view):
        assert torch.equal(logits(model), before)
    replace(model, adapter=view).save(tmp_path / "both")
    both = logits(tiny.load(tmp_path / "both"))

    assert torch.equal(logits(model), after)
    assert learning == {name for name, p in model.model.named_parameters() if p.requires_grad}
    torch.testing.assert_close(both, after, atol=1e-5, rtol=1e-5)
    assert (tmp_path / "both" / "adapter" / adapter.EARLIER / "adapter_config.json").is_file()


def test_another_vocabulary_than_the_base_models_is_refused(tiny_model_folder, saved):
    model = tiny.load(tiny_model_folder)
    vocabulary = {**model.tokenizer.get_vocab(), "<|new|>": 384}

    with pytest.raises(ConfigError, match="384 tokens, which is not the base model's of 385"):
        adapter.mount(model.model, vocabulary, saved / "adapter")


def test_an_adapter_of_a_model_of_another_size_is_refused(tiny_model_folder, saved):
    """As one whose vocabulary was grown, or one for another model with the same layers' names."""
    from safetensors.torch import load_file, save_file

    path = saved / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name: torch.zeros(len(w) + 1, w.shape[1]) for name, w in weights.items()}, path)

    with pytest.raises(ConfigError, match=r"does not fit the model: size mismatch") as caught:
        mounted(tiny_model_folder, saved)

    assert caught.value.hint == "use the base model it was learnt on"


@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "adapter_config.json", "tokenizer.json"]
)
def test_a_damaged_adapter_is_missing(tiny_model_folder, saved, name):
    path = saved / "adapter" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(MissingArtifact, match="cannot be read") as caught:
        mounted(tiny_model_folder, saved)

    assert "--force" in caught.value.hint


def test_a_folder_without_an_adapter_is_missing(tiny_model_folder, tmp_path):
    (tmp_path / "adapter").mkdir()

    with pytest.raises(MissingArtifact, match="cannot be read"):
        mounted(tiny_model_folder, tmp_path)


def test_another_kind_of_adapter_is_refused(tiny_model_folder, saved):
    path = saved / "adapter" / "adapter_config.json"
    kind = json.loads(path.read_text()) | {"peft_type": "IA3"}
    path.write_text(json.dumps(kind))

    with pytest.raises(ConfigError, match="is not a LoRA adapter"):
        mounted(tiny_model_folder, saved)


def test_an_adapter_without_its_tokenizer_is_taken_as_it_is(tiny_model_folder, saved):
    for path in (saved / "adapter").glob("tokenizer*"):
        path.unlink()
    model, _ = mounted(tiny_model_folder, saved)

    torch.testing.assert_close(logits(model), logits(tiny.load(saved)), atol=1e-5, rtol=1e-5)


# -- weights in 4 bits -----------------------------------------------------------------------------


def test_weights_in_4_bits_are_written_as_what_they_stand_for(tiny_model_folder, tmp_path):
    """Also where no adapter is beside them."""
    pytest.importorskip("bitsandbytes")
    model = local.load(tiny_model_folder, name="q", device="cpu", dtype="float32", four_bit=True)
    view = adapter.begin(model.model, None, config(layers_to_transform=[1]), 0)
    disturb(model, 0.1)
    replace(model, adapter=view).save(tmp_path / "best")
    plain = tiny.load(tmp_path / "best")
    kinds = {type(module).__name__ for module in plain.model.modules()}

    assert "Linear4bit" not in kinds
    assert "quantization_config" not in json.loads((tmp_path / "best/config.json").read_text())
    torch.testing.assert_close(logits(plain), logits(model), atol=1e-4, rtol=1e-4)


def test_putting_merged_weights_into_4_bits_again_would_round_what_was_learnt_away(
    tiny_model_folder, tmp_path
):
    """Why RLVR mounts SRL's adapter instead: the base's values are those 4 bits can have."""
    pytest.importorskip("bitsandbytes")
    shutil.copytree(tiny_model_folder, tmp_path / "base")
    how = {"name": "q", "device": "cpu", "dtype": "float32", "four_bit": True}
    model = local.load(tmp_path / "base", **how)
    base = logits(model)
    view = adapter.begin(model.model, None, config(), 0)
    disturb(model, 0.02)
    replace(model, adapter=view).save(tmp_path / "best")
    learnt = logits(model) - base
    again = logits(local.load(tmp_path / "best", **how)) - base
    other = local.load(tmp_path / "base", **how)
    adapter.mount(other.model, other.tokenizer.get_vocab(), tmp_path / "best" / "adapter")

    assert (again - learnt).norm() > 0.5 * learnt.norm()
    assert (logits(other) - base - learnt).norm() < 1e-3 * learnt.norm()


def test_without_bitsandbytes_it_names_the_extra(tiny_model_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)

    with pytest.raises(MissingArtifact, match="'bitsandbytes' is not installed") as caught:
        local.load(tiny_model_folder, name="q", device="cpu", dtype="float32", four_bit=True)

    assert caught.value.hint == "pip install 'srlr[qlora]', or tuning=lora"


def test_a_bitsandbytes_that_does_not_load_says_why(tmp_path, monkeypatch):
    (tmp_path / "bitsandbytes.py").write_text("raise OSError('libcudart.so.13: no such file')")
    monkeypatch.delitem(sys.modules, "bitsandbytes", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ResourceError, match=r"4 bits: .*libcudart.so.13: no such file") as caught:
        adapter.bitsandbytes("4 bits", "tuning=lora")

    assert caught.value.hint == "tuning=lora"
