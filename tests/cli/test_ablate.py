import json

import pytest
import toy_job

from srlr.cli.ablate import chosen
from srlr.cli.app import main
from srlr.core.errors import ConfigError
from srlr.management.ablation import Chosen

RECIPE = """
ablation:
  budget: 900
  arms:
    one: {stages: [srl], trials: [[srl.learning_rate=1e-3], [srl.learning_rate=5e-3]]}
    two: {stages: [rlvr], trials: [[rlvr.learning_rate=1e-3], [rlvr.learning_rate=5e-3]]}
"""


@pytest.fixture
def words(tmp_path, tiny_model_folder):
    folder = toy_job.write_config(tmp_path / "own", tiny_model_folder)
    (folder / "recipes").mkdir()
    (folder / "recipes" / "ablation_two.yaml").write_text(RECIPE)
    said = ("role=toy", "model=tiny", "recipe=ablation_two", f"runs_dir={tmp_path / 'runs'}")
    return ["ablate", *said, "--config-dir", str(folder)]


def test_flags_choose_arms_seeds_and_a_share():
    assert chosen("1, 2", "sft,rlvr", "2/3") == Chosen(("sft", "rlvr"), (1, 2), (2, 3))
    assert chosen(None, None, "1/1") == Chosen()


@pytest.mark.parametrize(
    ("seeds", "share"), [("one", "1/1"), ("-1", "1/1"), (None, "0/2"), (None, "3/2"), (None, "2")]
)
def test_what_cannot_be_meant_is_refused(seeds, share):
    with pytest.raises(ConfigError):
        chosen(seeds, None, share)


def test_a_dry_run_lists_the_cells_and_touches_nothing(words, tmp_path, capsys):
    assert main([*words, "--dry-run", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]

    assert [one["cell"] for one in data["cells"]] == [
        f"ablation_two-{arm}-t{trial}-s{seed}"
        for arm in ("one", "two")
        for trial, seed in ((1, 1), (2, 1), (1, 2), (1, 3))
    ]
    assert "srl.token_budget=900" in data["cells"][0]["words"]
    assert data["total"]["tokens"] == sum(one["tokens"] for one in data["cells"])
    assert not (tmp_path / "runs").exists()

    assert main([*words, "--dry-run"]) == 0
    assert "together" in capsys.readouterr().out


def test_the_tables_are_shown_and_json_is_all_there_is_on_stdout(words, tmp_path, capsys):
    assert main([*words, "--arms", "one", "--seeds", "1"]) == 0
    said = capsys.readouterr()

    assert "| `one`, 2 | `srl.learning_rate=5e-3` |" in said.out
    assert "table: " in said.out
    assert "== ablation_two-one-t1-s1" in said.err

    assert main([*words, "--arms", "one", "--seeds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["arms"]["one"]["test"]


def test_without_arms_the_recipe_is_named(tmp_path, capsys):
    assert main(["ablate", f"runs_dir={tmp_path}"]) == 2
    assert "recipe=ablation_sentiment" in capsys.readouterr().err
