"""A small ablation of the toy role on the tiny model, run once."""

import json

import pytest
import toy_job

from srlr.cli.app import main

RECIPE = """
# srlr ablate recipe=ablation_toy
evaluate: {samples: 2, limit: 12}
ablation:
  budget: 24000
  seeds: [1, 2]
  dev_tasks: 12
  keep_weights: false
  against: [base]
  each:
    srl: [srl.eval_every_steps=1000, srl.patience=99, srl.max_steps=null]
    rlvr: [rlvr.eval_every_steps=1000, rlvr.max_steps=null, rlvr.epochs=99]
  arms:
    base:
      stages: []
      trials: [['evaluate.shots=[0]'], ['evaluate.shots=[2]']]
    srl:
      stages: [srl]
      trials: [[srl.learning_rate=1e-3], [srl.learning_rate=5e-3]]
    srl_rlvr:
      trials: [[srl.learning_rate=1e-3], [srl.learning_rate=5e-3]]
"""


@pytest.fixture(scope="session")
def ablation_config(tmp_path_factory, tiny_model_folder):
    """A folder for --config-dir with the recipe ablation_toy."""
    folder = toy_job.write_config(tmp_path_factory.mktemp("ablation") / "own", tiny_model_folder)
    (folder / "recipes").mkdir()
    (folder / "recipes" / "ablation_toy.yaml").write_text(RECIPE)
    return folder


@pytest.fixture
def words(ablation_config):
    """The words after `srlr ablate` for an ablation under a folder."""

    def of(place, *more):
        own = ("role=toy", "model=tiny", "recipe=ablation_toy", f"runs_dir={place}")
        return [*own, "--config-dir", str(ablation_config), "--quiet", *more]

    return of


@pytest.fixture(scope="session")
def finished_ablation(tmp_path_factory, ablation_config):
    """The folder of runs of an ablation that nothing interrupted. Read it; change a copy."""
    place = tmp_path_factory.mktemp("finished")
    own = ("role=toy", "model=tiny", "recipe=ablation_toy", f"runs_dir={place}")

    assert main(["ablate", *own, "--config-dir", str(ablation_config), "--quiet"]) == 0
    return place


@pytest.fixture
def table():
    """A study's table.json without what a clock wrote."""

    def read(place):
        found = json.loads((place / "ablation_toy" / "table.json").read_text())
        for arm in found["arms"].values():
            del arm["seconds"]
        return found

    return read
