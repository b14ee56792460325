"""A model's own files, from a folder and from a hub."""

import json

import model_files
import pytest
from hub_like import HubLike

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.models import published


@pytest.fixture
def folder(tmp_path):
    return model_files.folder(tmp_path / "Name-1B")


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    config = json.dumps(model_files.CONFIG).encode()
    with HubLike({"config.json": config, "README.md": model_files.README.encode()}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def test_a_folder_tells_config_tensors_and_the_readmes_block(folder):
    found = published.from_folder(folder)

    assert found.config == model_files.CONFIG
    assert [one.name for one in found.tensors] == list(model_files.SHAPES)
    assert found.matter == {"license": "apache-2.0", "language": ["en", False]}
    assert found.source == str(folder)
    assert found.place == f"{folder}/"
    assert found.template is None


def test_shards_are_those_of_the_index(folder):
    (folder / "old.safetensors").write_bytes(b"of another model")
    index = {"weight_map": {"embed": "model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    assert len(published.from_folder(folder).tensors) == 3


def test_a_hub_tells_the_same_without_tensors(hub):
    hub.info = {"createdAt": "2025-01-02T03:04:05.000Z"}
    found = published.from_hub("org/Name-1B")

    assert found.config == model_files.CONFIG
    assert found.source == "hub:org/Name-1B"
    assert found.place == f"{hub.url}/org/Name-1B "
    assert found.info["createdAt"] == "2025-01-02T03:04:05.000Z"
    assert found.matter["license"] == "apache-2.0"
    assert found.tensors == ()


def test_a_revision_is_asked_for_and_kept(hub):
    found = published.from_hub("org/Name-1B", "v1")

    assert found.source == "hub:org/Name-1B@v1"
    assert {path for path, _ in hub.asked} >= {
        "/api/models/org/Name-1B/revision/v1",
        "/org/Name-1B/resolve/v1/config.json",
    }


@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({"chat_template.jinja": "{{ tools }}", "tokenizer_config.json": "{}"}, "{{ tools }}"),
        ({"tokenizer_config.json": '{"chat_template": "{{ x }}"}'}, "{{ x }}"),
        (
            {"tokenizer_config.json": '{"chat_template": [{"template": "a"}, {"template": "b"}]}'},
            "a\nb",
        ),
        ({"tokenizer_config.json": "{}"}, None),
        ({"tokenizer_config.json": '{"chat_template": ""}'}, None),
    ],
)
def test_the_chat_template_is_found_where_it_may_be(folder, files, template):
    for name, text in files.items():
        (folder / name).write_text(text)
    found = published.from_folder(folder).template

    assert (found and found[0]) == template
    assert found is None or found[1] == next(iter(files))


@pytest.mark.parametrize(
    "readme", ["", "# No block", "---\nnever ends", "---\n- a list\n---\n", "---\na: [b\n---\n"]
)
def test_a_readme_without_a_block_says_nothing(folder, readme):
    (folder / "README.md").write_text(readme)

    assert published.from_folder(folder).matter == {}


def test_what_is_no_model_folder_says_which_may_be(tmp_path, folder):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").touch()
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf/model.gguf").touch()
    (tmp_path / "empty").mkdir()
    hints = {}
    for name in ("adapter", "gguf", "empty", ".", "gone"):
        with pytest.raises(MissingArtifact) as error:
            published.from_folder(tmp_path / name)
        hints[name] = error.value.hint

    assert "its base model" in hints["adapter"]
    assert "GGUF" in hints["gguf"]
    assert hints["empty"] == "name the folder that config.json is in"
    assert hints["."] == f"is it {str(folder)!r}?"
    assert hints["gone"] == "name a model's folder, or hub:org/name"


def test_a_folder_without_safetensors_or_with_broken_files_is_refused(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingArtifact, match="has no safetensors"):
        published.from_folder(folder)
    for text, said in (("{", "is not JSON"), ("[]", "is not a JSON object"), ("[" * 9999, "JSON")):
        (folder / "config.json").write_text(text)
        with pytest.raises(MissingArtifact, match=said) as error:
            published.from_folder(folder)

        assert error.value.hint == "fetch or save it again"


def test_a_file_that_cannot_be_read_is_named(folder):
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()

    with pytest.raises(MissingArtifact, match=r"README.md' cannot be read: Is a directory"):
        published.from_folder(folder)


def test_a_web_page_in_place_of_json_points_to_the_endpoint(hub):
    hub.answers["/api/models/org/Name-1B"] = (200, b"<!doctype html>", {})
    with pytest.raises(MissingArtifact, match="it is a web page") as error:
        published.from_hub("org/Name-1B")

    assert "HF_ENDPOINT" in error.value.hint


def test_a_repository_that_is_no_model_or_not_there_is_refused(hub):
    del hub.files["config.json"]
    with pytest.raises(MissingArtifact, match=r"has no config\.json") as error:
        published.from_hub("org/Name-1B")
    assert "GGUF" in error.value.hint
    with pytest.raises(MissingArtifact, match="no repository 'org/gone'"):
        published.from_hub("org/gone")
    with pytest.raises(ConfigError, match="does not name a repository"):
        published.from_hub("gone")


def test_a_hub_without_the_question_of_a_repository_has_none(hub):
    hub.answers["/api/models/org/Name-1B"] = (404, b"", {"X-Error-Code": "EntryNotFound"})

    with pytest.raises(MissingArtifact, match="no repository 'org/Name-1B'"):
        published.from_hub("org/Name-1B")
