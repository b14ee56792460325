import json
import shutil
import signal

import pytest
import toy_job
from toy_job import Process

from srlr.cli.app import main
from srlr.core.errors import ConfigError
from srlr.core.target import Ask
from srlr.management import ablation, cells
from srlr.management.ablation import Chosen


def run_of(place, cell):
    return place / "toy-gold" / f"ablation_toy-{cell}"


def record(place, cell, name="cell"):
    return json.loads((run_of(place, cell) / "ablation" / f"{name}.json").read_text())


def examined(place):
    return sorted(path.parents[1].name for path in place.glob("*/*/ablation/test.json"))


def test_every_arm_uses_its_budget_and_at_most_a_step_more(finished_ablation, table):
    arms = table(finished_ablation)["arms"]
    stages = {"base": 0, "srl": 1, "srl_rlvr": 2}

    for name, arm in arms.items():
        for one in arm.get("runs", ()):
            used = one["tokens_forward"] + one["tokens_backward"]

            assert 24_000 * (stages[name] > 0) <= used < 24_000 + 2_500 * stages[name] + 1


def test_two_stages_have_half_of_the_budget_each(finished_ablation):
    run = run_of(finished_ablation, "srl_rlvr-t1-s1")
    results = [json.loads((run / stage / "result.json").read_text()) for stage in ("srl", "rlvr")]

    for one in results:
        assert 12_000 <= one["tokens_forward"] + one["tokens_backward"] < 14_500


def test_the_trial_that_is_best_on_dev_is_run_on_the_other_seeds_and_tested(
    finished_ablation, table
):
    found, expected = table(finished_ablation), []
    for name, arm in found["arms"].items():
        dev = [trial["dev"] for trial in arm["trials"]]

        assert dev[arm["chosen"]] == max(dev)
        expected += [f"ablation_toy-{name}-t{arm['chosen'] + 1}-s{seed}" for seed in (1, 2)]

    assert examined(finished_ablation) == sorted(expected)


def test_the_table_has_figures_intervals_and_differences(finished_ablation, table):
    found = table(finished_ablation)
    arm = found["arms"]["srl"]

    assert (found["tasks"], found["samples"], found["failed"]) == (12, 2, [])
    assert arm["test"]["by_seed"].keys() == {"1", "2"}
    assert arm["test"]["mean"]["low"] <= arm["test"]["mean"]["value"] <= arm["test"]["mean"]["high"]
    assert len(arm["against"]["base"]["metric"]["runs"]) == 2
    assert "base" not in found["arms"]["base"]["against"]
    assert found["model"] == "tiny"
    assert "| `srl_rlvr` |" in (finished_ablation / "ablation_toy" / "table.md").read_text()


def test_weights_that_are_not_kept_are_gone(finished_ablation):
    assert not list(finished_ablation.rglob("best"))


@pytest.mark.slow
def test_what_is_done_is_not_done_again(finished_ablation, words, tmp_path, table):
    place = shutil.copytree(finished_ablation, tmp_path / "runs")
    before = {p: t for p, t in toy_job.stamps(place).items() if p.parent.name != "ablation_toy"}

    assert main(["ablate", *words(place)]) == 0

    after = toy_job.stamps(place)

    assert {path: after[path] for path in before if path.is_file()} == {
        path: stamp for path, stamp in before.items() if path.is_file()
    }
    assert table(place) == table(finished_ablation)


@pytest.mark.slow
def test_two_processes_share_the_arms(finished_ablation, words, tmp_path, table):
    assert main(["ablate", *words(tmp_path, "--cells", "1/2")]) == 0
    first = table(tmp_path)["arms"]

    assert first["srl"]["test"] is None
    assert first["base"]["test"] is not None
    assert main(["ablate", *words(tmp_path, "--cells", "2/2")]) == 0
    assert table(tmp_path) == table(finished_ablation)


@pytest.mark.slow
def test_a_killed_cell_goes_on(finished_ablation, words, tmp_path, table):
    killed = Process(tmp_path, "ablate", *words(tmp_path), stop_at=("rlvr", 4, signal.SIGKILL))

    assert killed.wait() == -signal.SIGKILL
    assert not examined(tmp_path)
    assert main(["ablate", *words(tmp_path)]) == 0
    assert table(tmp_path) == table(finished_ablation)


@pytest.mark.slow
def test_a_cell_that_fails_is_told_and_the_rest_goes_on(words, tmp_path, table, capsys):
    bad = "ablation.arms.srl.words=['srl.trained_layers=99']"
    code = main(["ablate", *words(tmp_path, "--seeds", "1", "--arms", "base,srl", bad)])
    found = table(tmp_path)

    assert code == 2
    assert [one["cell"] for one in found["failed"]] == [
        "ablation_toy-srl-t1-s1",
        "ablation_toy-srl-t2-s1",
    ]
    assert "trained_layers=99" in found["failed"][0]["what"]
    assert found["arms"]["srl"]["test"] is None
    assert found["arms"]["base"]["test"] is not None
    assert "failed: ablation_toy-srl-t1-s1" in capsys.readouterr().err


def test_a_bug_in_a_cell_is_told_too(tmp_path, ablation_config):
    ask = Ask(("role=toy", "recipe=ablation_toy", f"runs_dir={tmp_path}"), ablation_config)
    study, _ = ablation.study_of(ask, Chosen())
    failures = ablation.Failures()
    with failures.noted(study, cells.Cell("srl", 0, 1)):
        raise ZeroDivisionError("by nothing")

    assert failures.found == [
        {"cell": "ablation_toy-srl-t1-s1", "what": "ZeroDivisionError: by nothing", "exit_code": 1}
    ]


def test_a_trial_without_a_figure_is_the_last_choice(tmp_path, finished_ablation, ablation_config):
    place = shutil.copytree(finished_ablation, tmp_path / "runs")
    ask = Ask(
        ("role=toy", "model=tiny", "recipe=ablation_toy", f"runs_dir={place}"), ablation_config
    )
    study, _ = ablation.study_of(ask, Chosen())
    best = ablation.choice(study, "srl")
    path = run_of(place, f"srl-t{best + 1}-s1") / "ablation" / "cell.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dev": None}))

    assert ablation.choice(study, "srl") == 1 - best


def test_what_a_cell_says_comes_after_the_recipe_and_before_what_was_typed(
    ablation_config, tmp_path
):
    typed = ("role=toy", "recipe=ablation_toy", f"runs_dir={tmp_path}", "srl.epochs=3")
    study, _ = ablation.study_of(Ask(typed, ablation_config), Chosen())
    said = cells.asked(study, cells.Cell("srl", 1, 2)).words

    assert said == (
        "role=toy",
        "recipe=ablation_toy",
        "rlvr=none",
        "srl.eval_every_steps=1000",
        "srl.patience=99",
        "srl.max_steps=null",
        "srl.eval_tasks=12",
        "srl.token_budget=24000",
        "srl.learning_rate=5e-3",
        f"runs_dir={tmp_path}",
        "srl.epochs=3",
        "seed=2",
    )


def test_without_arms_there_is_nothing_to_compare(tmp_path):
    with pytest.raises(ConfigError, match="nothing to compare"):
        ablation.study_of(Ask((f"runs_dir={tmp_path}",)), Chosen())


def test_an_arm_that_is_not_there_is_an_error(ablation_config):
    with pytest.raises(ConfigError, match="there is no arm 'sft'"):
        ablation.study_of(Ask(("recipe=ablation_toy",), ablation_config), Chosen(arms=("sft",)))


@pytest.mark.slow
def test_weights_are_kept_where_nothing_else_is_said(words, tmp_path):
    more = ("--arms", "srl", "--seeds", "1", "ablation.keep_weights=true", "ablation.budget=800")

    assert main(["ablate", *words(tmp_path, *more)]) == 0
    assert len(list(tmp_path.glob("toy-gold/*/srl/best"))) == 2
