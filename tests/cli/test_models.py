"""srlr models: list, show, add, check and facts, as people and as programs read them."""

import json
from pathlib import Path
from types import SimpleNamespace

import model_files
import pytest
import yaml
from hub_like import HubLike
from typer.testing import CliRunner

from srlr.cli import app as whole
from srlr.cli import models
from srlr.core.compose import compose
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def folder(tmp_path):
    return model_files.folder(tmp_path / "Name-1B")


def srlr(*words, fails=None):
    """What `srlr models ...` says; `fails` is the error it must raise."""
    result = CliRunner().invoke(models.app, [str(word) for word in words])
    if fails is None:
        assert result.exit_code == 0, result.output
    else:
        assert isinstance(result.exception, fails), result.output
        return result.exception
    return result


def data(*words):
    return json.loads(srlr(*words, "--json").stdout)["data"]


def test_list_shows_sizes_licences_tiers_and_who_stands_in():
    rows = {row["name"]: row for row in data("list")}

    assert rows["qwen2.5-7b-instruct"] == {
        "name": "qwen2.5-7b-instruct",
        "parameters_b": 7.62,
        "context_tokens": 131072,
        "licence": "apache-2.0",
        "here": "no",
        "tiers": ["gold", "silver"],
        "stand_in": [],
        "from": "srlr",
        "source": "hub:Qwen/Qwen2.5-7B-Instruct",
    }
    assert rows["smollm2-135m-instruct"]["stand_in"] == ["bronze", "gold", "silver"]
    assert rows["gpt-6-luna"]["here"] == "pay"
    shown = srlr("list").stdout
    line = next(line for line in shown.splitlines() if "deepseek" in line)
    assert line.split() == ["deepseek-v3.1", "671", "131,072", "mit", "no", "bronze", "srlr"]
    assert "stand-in" in shown


def test_list_names_the_folder_of_own_cards(tmp_path, folder):
    srlr("add", folder, "--to", "mine")
    rows = {row["name"]: row for row in data("list", "--config-dir", "mine")}

    assert rows["name-1b"]["from"] == str(tmp_path / "mine/model")
    assert rows["name-1b"]["here"] == "yes"
    assert rows["qwen3-8b"]["from"] == "srlr"


def test_show_gives_every_fact_with_source_and_date():
    said = data("show", "smollm2-135m-instruct")

    assert said["facts"]["hidden_size"] == {
        "value": 576,
        "source": "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct (config.json)",
        "date": "2026-11-23",
    }
    assert said["gaps"] == []
    assert said["tuning"]["srl"]["learning_rate"] == 3e-4
    shown = srlr("show", "smollm2-135m-instruct").stdout
    assert "stand-in of: bronze, gold, silver" in shown
    assert "\nhidden_size: 576\n  https://huggingface.co/" in shown
    assert "tiers: gold, silver\n" in srlr("show", "qwen2.5-7b-instruct").stdout


def test_a_typo_gives_the_nearest_name():
    assert srlr("show", "qwen3-8", fails=ConfigError).hint == "did you mean 'qwen3-8b'?"
    assert srlr("show", "Qwen3-8B", fails=ConfigError).hint == "did you mean 'qwen3-8b'?"
    assert srlr("check", "zzz", fails=ConfigError).hint == "see `srlr models list`"


def test_add_writes_a_card_and_says_how_to_use_it(folder):
    said = srlr("add", folder)

    assert said.stdout == "own/model/name-1b.yaml\n"
    assert "  licence: apache-2.0\n" in said.stderr
    assert "use it: srlr train model=name-1b --config-dir own\n" in said.stderr
    card = compose(["model=name-1b"], config_dir=Path("own"), environ={}).settings.model
    assert card.facts["parameters_b"].value == 1952e-9


def test_add_tells_what_the_files_left_out(tmp_path):
    folder = model_files.folder(tmp_path / "m", readme="")
    said = data("add", f"path:{folder}", "--name", "mine")

    assert said["gaps"] == ["licence: absent, select excludes it: nobody may use it"]
    assert said["name"] == "mine"
    assert "licence: absent" in srlr("add", folder, "--name", "other").stderr
    assert "licence: absent" in srlr("show", "mine", "--config-dir", "own").stderr


def test_add_refuses_a_name_that_is_taken(folder):
    srlr("add", folder)
    error = srlr("add", folder, fails=ConfigError)

    assert error.what.startswith("there is a card 'name-1b' already: ")
    assert error.what.endswith("/own/model/name-1b.yaml")
    assert "--force" in error.hint
    srlr("add", folder, "--force")
    srlr("add", folder, "--name", "second")
    assert srlr("add", folder, "--name", "qwen3-8b", fails=ConfigError).exit_code == 2


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    config = json.dumps(model_files.CONFIG).encode()
    files = {"config.json": config, "README.md": model_files.README.encode()}
    with HubLike(files, {"safetensors": {"total": 1952}, "createdAt": "2025-01-02T00:00"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_a_hubs_card_is_derived_from_what_it_serves(hub):
    srlr("add", "hub:org/Name-1B")
    card = yaml.safe_load(Path("own/model/name-1b.yaml").read_text())

    assert card["source"] == "hub:org/Name-1B"
    assert card["facts"]["parameters_b"]["value"] == 1952e-9
    assert card["facts"]["licence"]["source"] == f"{hub.url}/org/Name-1B README.md"
    assert data("check", "name-1b", "--config-dir", "own")[0]["faults"] == []


def test_a_revision_stays_in_the_cards_source(hub):
    srlr("add", "hub:org/Name-1B@v1")

    card = yaml.safe_load(Path("own/model/name-1b.yaml").read_text())
    assert card["source"] == "hub:org/Name-1B@v1"


def test_nothing_is_written_where_the_hub_refuses(hub, tmp_path, monkeypatch):
    assert "no repository" in srlr("add", "hub:org/gone", fails=MissingArtifact).what
    hub.answers["/api/models/org/Name-1B"] = (403, b"", {"X-Error-Code": "GatedRepo"})
    assert "its terms" in srlr("add", "hub:org/Name-1B", fails=MissingArtifact).what
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert "out of reach" in srlr("add", "hub:org/Name-1B", fails=ResourceError).what
    assert "not a folder" in srlr("add", "org/Name-1B", fails=MissingArtifact).what
    assert not (tmp_path / "own").exists()


def test_check_finds_every_card_of_ours_sound():
    said = srlr("check")

    assert said.stdout.split(" of ")[0] == said.stdout.split(" of ")[1].split()[0]
    assert said.stderr == ""


def test_check_names_faults_and_gaps_of_a_file(tmp_path):
    fact = {"source": "https://example.org", "date": "2026-11-23"}
    facts = {"ifeval": {"value": 77.4, **fact}, "licens": {"value": "mit", **fact}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "source": "/m", "facts": facts}))
    said = CliRunner().invoke(models.app, ["check", str(path)])

    assert said.exit_code == 2
    assert f"{path}: ifeval: 77.4 is not a share from 0 to 1" in said.stdout
    assert "did you mean 'licence'?" in said.stdout
    assert "0 of 1 cards are sound" in said.stdout
    assert "mine: parameters_b: absent" in said.stderr


def test_a_file_that_is_no_card_or_not_there_is_a_fault(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: [")
    for name, why in (("mine.yaml", "is not YAML"), ("gone.yaml", "cannot be read")):
        said = CliRunner().invoke(models.app, ["check", name, "--json"])

        assert said.exit_code == 2
        assert why in json.loads(said.stdout)["data"][0]["faults"][0]


def test_a_wrong_card_is_not_shown_but_named(tmp_path):
    (tmp_path / "own/model").mkdir(parents=True)
    (tmp_path / "own/model/mine.yaml").write_text("name: mine\nsorce: x\n")
    error = srlr("show", "mine", "--config-dir", "own", fails=ConfigError)

    assert "own/model/mine.yaml' is wrong:\n  source: field required" in error.what
    assert "mine.yaml: sorce" in srlr("list", "--config-dir", "own", fails=ConfigError).what


def test_a_wrong_tier_is_named(tmp_path):
    (tmp_path / "own/tier").mkdir(parents=True)
    (tmp_path / "own/tier/mine.yaml").write_text("name: mine\n")
    error = srlr("list", "--config-dir", "own", fails=ConfigError)

    assert "own/tier/mine.yaml: parameters_min_b: field required" in error.what


def test_facts_are_listed_with_what_they_take():
    rows = {row["fact"]: row for row in data("facts")}

    assert rows["ifeval"]["takes"] == "a share from 0 to 1"
    assert "kv_size" in srlr("facts").stdout


def test_names_are_completed(tmp_path):
    def complete(start, config_dir=None):
        return models._complete(SimpleNamespace(params={"config_dir": config_dir}), start)

    assert complete("qwen3-4") == ["qwen3-4b", "qwen3-4b-instruct-2507"]
    assert complete("aut") == []
    assert complete("qwen", tmp_path / "gone") == []


def test_training_a_for_pay_model_says_that_its_weights_cannot_be_had():
    from srlr import assets

    with pytest.raises(ConfigError, match="its weights cannot be had") as error:
        assets.locate("api:openai/gpt-6-luna")
    assert "srlr models list" in error.value.hint


def test_errors_come_through_the_whole_command(capsys):
    assert whole.main(["models", "show", "qwen3-8", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["data"]["hint"] == "did you mean 'qwen3-8b'?"
