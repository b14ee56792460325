"""Cards that are derived and not typed."""

from datetime import date

import model_files
import pytest
import yaml

from srlr.core.errors import ConfigError
from srlr.core.settings import ModelCard
from srlr.models import derive, published, soundness
from srlr.models.headers import Tensor
from srlr.models.published import Published

TODAY = date(2026, 11, 23)


def facts(config=None, **how):
    """What is derived, by fact: its value."""
    content = {**model_files.CONFIG, **(config or {})}
    found = Published("hub:org/Name-1B", "https://hub/org/Name-1B ", content, **how)
    card = derive.card(found, None, TODAY)
    return {name: fact.value for name, fact in card.facts.items()}


def test_a_folders_card_is_counted_and_read_and_every_fact_names_its_file(tmp_path):
    folder = model_files.folder(tmp_path / "Name 1B")
    made = derive.card(published.from_folder(folder), None, TODAY)

    assert made.name == "name-1b"
    assert made.source == str(folder)
    assert {name: fact.value for name, fact in made.facts.items()} == {
        "parameters_b": 1952e-9,
        "architecture": "llama",
        "num_layers": 2,
        "hidden_size": 8,
        "intermediate_size": 16,
        "vocabulary": 100,
        "num_heads": 4,
        "context_tokens": 4096,
        "modalities": ["text"],
        "num_kv_heads": 2,
        "head_size": 2,
        "kv_size": 4,
        "tie_embeddings": True,
        "licence": "apache-2.0",
        "languages": ["en", "no"],
    }
    assert {fact.date for fact in made.facts.values()} == {TODAY}
    assert made.facts["licence"].source == f"{folder}/README.md"
    assert made.facts["kv_size"].source == f"{folder}/config.json: 2 key-value heads of 2"
    assert soundness.gaps(made) == []


def test_the_real_tiny_model_is_counted_as_transformers_counts_it(tiny_model_folder):
    import tiny

    made = derive.card(published.from_folder(tiny_model_folder), "tiny", TODAY)
    count = sum(one.numel() for one in tiny.load(tiny_model_folder).model.parameters())

    assert made.facts["parameters_b"].value == count / 1e9
    assert made.facts["tie_embeddings"].value is True
    assert made.facts["tool_calling"].value is False


def test_the_yaml_reads_back_as_the_card(tmp_path):
    folder = model_files.folder(tmp_path / "a: 'b'")
    made = derive.card(published.from_folder(folder), "one", TODAY)

    assert ModelCard.model_validate(yaml.safe_load(derive.text(made))) == made
    bare = ModelCard(name="one", source="x")
    assert ModelCard.model_validate(yaml.safe_load(derive.text(bare))) == bare


def test_a_hub_counts_by_what_it_says_else_by_the_index():
    said = {"info": {"safetensors": {"parameters": {"BF16": 1952}, "total": 1952}}}
    meta = {"index": {"metadata": {"total_parameters": 1952}}}
    bytes_ = {"index": {"metadata": {"total_size": 3904}}}

    assert facts(**said)["parameters_b"] == 1952e-9
    assert facts(**meta)["parameters_b"] == 1952e-9
    assert facts({"torch_dtype": "bfloat16"}, **bytes_)["parameters_b"] == 1952e-9
    assert (
        facts({"dtype": "float32"}, index={"metadata": {"total_size": 7808}})["parameters_b"]
        == 1952e-9
    )
    assert "parameters_b" not in facts(**bytes_)
    assert "parameters_b" not in facts()


def test_packed_weights_are_not_counted():
    packed = {"quantization_config": {"bits": 4}, "torch_dtype": "bfloat16"}
    counted = {"safetensors": {"parameters": {"I32": 9, "BF16": 1}, "total": 10}}

    assert "parameters_b" not in facts(packed, info=counted)
    assert "parameters_b" not in facts(packed, index={"metadata": {"total_size": 10}})
    assert "parameters_b" not in facts(packed, tensors=(Tensor("a", "I32", (9,)),))
    eight_bits = facts(packed, tensors=(Tensor("a", "F8_E4M3", (1952,)),))
    assert eight_bits["parameters_b"] == 1952e-9


def test_of_a_mixture_of_experts_the_active_ones_are_counted():
    """100 shared, 8 experts of 10; 2 a token: 100 + 20."""
    tensors = (
        Tensor("embed", "BF16", (100,)),
        Tensor("layers.0.mlp.experts.gate", "BF16", (8, 10)),
        Tensor("layers.0.counter", "I64", (5,)),
    )
    made = facts({"num_local_experts": 8, "num_experts_per_tok": 2}, tensors=tensors)

    assert made["parameters_b"] == 180e-9
    assert made["active_parameters_b"] == 120e-9
    assert made["num_experts"] == 8


def test_output_layers_tell_whether_embeddings_are_tied():
    silent = {"tie_word_embeddings": None}
    apart = {"index": {"weight_map": {"lm_head.weight": "a", "embed": "a"}}}

    assert facts(silent, **apart)["tie_embeddings"] is False
    assert facts(silent, index={"weight_map": {"embed": "a"}})["tie_embeddings"] is True
    assert "tie_embeddings" not in facts(silent)


def test_a_model_that_reads_images_is_described_by_its_language_part():
    inner = {key: value for key, value in model_files.CONFIG.items() if key != "architectures"}
    config = {"architectures": ["GemmaForConditionalGeneration"], "text_config": inner}
    found = Published("m", "m/", {**config, "vision_config": {}, "audio_config": {}})
    made = derive.card(found, None, TODAY)

    assert made.facts["num_layers"].value == 2
    assert made.facts["modalities"].value == ["text", "image", "audio"]


def test_windows_count_only_where_they_are_used_and_shorter():
    assert facts({"sliding_window": 16})["window_tokens"] == 16
    for config in ({"sliding_window": 4096}, {"sliding_window": 16, "use_sliding_window": False}):
        assert "window_tokens" not in facts(config)


def test_keys_and_values_kept_as_one_narrow_state_have_no_kv_size():
    made = facts({"kv_lora_rank": 512, "head_dim": 4})

    assert "kv_size" not in made
    assert made["head_size"] == 4


@pytest.mark.parametrize(
    "config",
    [
        {"num_attention_heads": None},
        {"num_attention_heads": "4"},
        {"num_key_value_heads": [2]},
        {"hidden_size": None},
        {"hidden_size": "8"},
    ],
)
def test_what_a_config_does_not_say_is_absent(config):
    assert "kv_size" not in facts(config)


def test_what_a_hub_adds():
    info = {
        "createdAt": "2025-01-02T03:04:05.000Z",
        "downloads": 12,
        "library_name": "transformers",
    }
    made = facts(info=info, matter={"license": "other", "license_name": "Own-1"})

    assert made["release_date"] == "2025-01-02"
    assert made["hub_downloads_per_month"] == 12
    assert made["libraries"] == ["transformers"]
    assert made["licence"] == "own-1"
    assert facts(matter={"license": "other"})["licence"] == "other"
    assert facts(matter={"language": "en", "license": ["mit", "gpl"]})["languages"] == ["en"]
    assert "licence" not in facts(matter={"license": ["mit", "gpl"]})


def test_a_template_with_a_place_for_tools_calls_them():
    assert facts(template=("{% if tools %}", "chat_template.jinja"))["tool_calling"] is True


def test_what_does_not_write_text_is_refused():
    with pytest.raises(ConfigError, match="it is a BertForMaskedLM"):
        facts({"architectures": ["BertForMaskedLM"]})
    assert facts({"architectures": None})["num_layers"] == 2


def test_files_that_contradict_each_other_make_no_card():
    with pytest.raises(ConfigError, match="contradicts itself") as error:
        facts({"num_key_value_heads": 8})

    assert "num_kv_heads: 8 is more than num_heads 4" in error.value.what


@pytest.mark.parametrize(
    ("source", "name", "made"),
    [
        ("hub:org/Qwen2.5-0.5B-Instruct@main", None, "qwen2.5-0.5b-instruct"),
        ("/models/My Model (v2)/", None, "my-model-v2"),
        ("/models/x", "mine", "mine"),
    ],
)
def test_a_card_is_named_after_its_model(source, name, made):
    assert derive.named(source, name) == made


@pytest.mark.parametrize("name", ["Mine", "a b", "auto", "-x", "../x", "x=1"])
def test_a_name_that_cannot_be_typed_is_refused(name):
    with pytest.raises(ConfigError, match="cannot be a card's name"):
        derive.named("hub:org/x", name)
