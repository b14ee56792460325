import contextlib
import json
import resource
import shutil

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.models import local

CHAT = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "A fine film."}]


@pytest.fixture
def folder(tiny_model_folder, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(tiny_model_folder, tmp_path / "model")


@contextlib.contextmanager
def files_no_larger_than(limit_bytes):
    """As on a full disk: a write beyond the limit fails; Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_folder_becomes_a_model_that_is_ready_to_generate(tiny_model_folder):
    model = tiny.load(tiny_model_folder)

    assert not model.model.training
    assert model.model.config._attn_implementation == "srlr_grouped"
    assert (model.name, model.device.type, model.dtype) == ("tiny", "cpu", torch.float32)
    assert model.stop_token == model.tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_bfloat16_is_what_the_weights_are_loaded_into(tiny_model_folder):
    model = tiny.load(tiny_model_folder, dtype="bfloat16")

    assert model.dtype == torch.bfloat16
    assert {parameter.dtype for parameter in model.model.parameters()} == {torch.bfloat16}


def test_a_chat_ends_where_the_assistants_answer_begins(tiny_model_folder):
    model = tiny.load(tiny_model_folder)

    said = model.tokenizer.decode(model.encode_chat(CHAT))

    assert said == (
        "<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\nA fine film.<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("text", ["", " label", "Höflich\n\tund – 你好 🙂", "a  b\r\n"])
def test_text_survives_encoding_and_decoding(tiny_model_folder, text):
    model = tiny.load(tiny_model_folder)

    assert model.decode(model.encode(text)) == text


def test_a_decoded_answer_does_not_show_the_stop_token(tiny_model_folder):
    model = tiny.load(tiny_model_folder)

    assert model.decode([*model.encode("good"), model.stop_token]) == "good"


def test_a_saved_model_comes_back_bit_for_bit_and_replaces_the_former(tiny_model_folder, tmp_path):
    model = tiny.load(tiny_model_folder)
    place = tmp_path / "best"
    model.save(place)
    with torch.no_grad():
        model.model.model.norm.weight += 0.25
    model.save(place)
    again = tiny.load(place)

    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    assert again.encode_chat(CHAT) == model.encode_chat(CHAT)
    for (name, weight), (_, back) in zip(
        model.model.named_parameters(), again.model.named_parameters(), strict=True
    ):
        assert torch.equal(weight, back), name


def test_what_a_killed_save_left_behind_is_cleared_away(tiny_model_folder, tmp_path):
    (tmp_path / ".best.part").mkdir()
    (tmp_path / ".best.part" / "model.safetensors").write_text("half")
    tiny.load(tiny_model_folder).save(tmp_path / "best")

    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_full_disk_leaves_the_former_model_and_says_what_to_do(tiny_model_folder, tmp_path):
    model = tiny.load(tiny_model_folder)
    place = tmp_path / "best"
    model.save(place)
    before = (place / "model.safetensors").read_bytes()

    with files_no_larger_than(4096), pytest.raises(ResourceError, match="best") as caught:
        model.save(place)

    assert "free some space" in caught.value.hint
    assert (place / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_folder_without_config_is_not_a_model(tmp_path):
    with pytest.raises(MissingArtifact, match=r"no config\.json") as caught:
        tiny.load(tmp_path)

    assert "srlr assets list" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ('{"base_model_name_or_path": "org/small"}', "'org/small'"),
        ('{"base_model_name_or_path": null}', "'another model'"),
        ("[]", "'another model'"),
        ("{", "'another model'"),
    ],
)
def test_an_adapter_alone_is_called_what_it_is(tmp_path, text, base):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(ConfigError, match=f"is an adapter, not a whole model.*{base}") as caught:
        tiny.load(folder)

    assert "merge_and_unload" in caught.value.hint

    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        tiny.load(folder)

    assert f"model.source={tmp_path}," in caught.value.hint


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]
)
def test_a_file_cut_short_is_named_as_damage(folder, name):
    cut(folder / name)

    with pytest.raises(MissingArtifact, match="cannot be read") as caught:
        tiny.load(folder)

    assert "--force" in caught.value.hint


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
def test_a_file_that_is_not_there_is_named_as_damage(folder, name):
    (folder / name).unlink()

    with pytest.raises(MissingArtifact, match="cannot be read"):
        tiny.load(folder)


def test_layers_that_are_not_found_are_named(tiny_model_folder):
    model = tiny.load(tiny_model_folder)
    model.model.config.num_hidden_layers = 3

    with pytest.raises(ConfigError, match="layers of 'tiny' are not found"):
        _ = model.stack


OTHER_KINDS = ["{}", "[]", '"text"', '{"added_tokens": [], "model": {"type": "other"}}']


@pytest.mark.parametrize("text", OTHER_KINDS)
def test_a_tokenizer_file_of_another_kind_is_named_as_damage(folder, text):
    (folder / "tokenizer.json").write_text(text)

    with pytest.raises(MissingArtifact, match="cannot be read"):
        tiny.load(folder)


def test_weights_of_another_shape_are_named_as_damage(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 128}))

    with pytest.raises(MissingArtifact, match="cannot be read"):
        tiny.load(folder)


def test_weights_that_lack_a_tensor_are_named_as_damage(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(MissingArtifact, match="cannot be read"):
        tiny.load(folder)


def test_a_model_that_cannot_chat_is_refused_by_name(folder):
    (folder / "chat_template.jinja").unlink()

    with pytest.raises(ConfigError, match="'tiny' has no chat template") as caught:
        tiny.load(folder)

    assert "chat_template.jinja" in caught.value.hint


@pytest.fixture
def torch_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


@pytest.mark.usefixtures("torch_as_before")
def test_a_prepared_process_draws_the_same_numbers_and_refuses_chance():
    local.prepare(1, 7)
    first = torch.rand(3)
    local.prepare(1, 7)

    assert torch.equal(torch.rand(3), first)
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
