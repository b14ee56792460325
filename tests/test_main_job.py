"""From a role to an evaluated model: the whole job of a role outside the package, as users run it.

The model is random and tiny, everything else is real: processes, signals, files, exit codes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import toy_job
import yaml
from toy_job import Process

from srlr.cli.app import main

STAGES = ("select", "generate", "srl", "rlvr", "evaluate")


@pytest.fixture
def job(tmp_path, toy_config):
    """`job("train")` starts `srlr train` for the run r1 in tmp_path; `job.run` is its folder."""

    class Job:
        run = tmp_path / "runs" / "toy-gold" / "r1"
        words = (*toy_job.WORDS, "--config-dir", toy_config, "--run", "r1")

        def __call__(self, command, *words, **how):
            return Process(tmp_path, command, *self.words, *words, **how)

    return Job()


@pytest.fixture
def copy(toy_run, tmp_path):
    """The finished run's copy, to be changed."""
    return shutil.copytree(toy_run, tmp_path / "runs" / "toy-gold" / "whole")


# -- a run from start to end -----------------------------------------------------------------------


def test_a_role_outside_the_package_is_trained_on_a_model_of_ones_own(toy_run):
    manifest = json.loads((toy_run / "manifest.json").read_text())
    report = json.loads((toy_run / "evaluate" / "report.json").read_text())
    table = {row["model"]: row["metrics"]["accuracy"]["value"] for row in report["table"]}

    assert [manifest["stages"][name]["status"] for name in STAGES] == ["done"] * 5
    assert manifest["role"] == "toy"
    assert yaml.safe_load((toy_run / "config.yaml").read_text())["model"]["name"] == "tiny"
    assert table.keys() == {"baseline", "srl", "rlvr", "tfidf"}
    assert table["srl"] > table["baseline"]
    assert "<svg" in (toy_run / "evaluate" / "report.html").read_text()
    assert not list(toy_run.rglob("checkpoint*"))


@pytest.mark.slow
def test_every_stage_alone_in_a_shell_reads_what_the_one_before_wrote(
    tmp_path, toy_config, toy_run
):
    words = " ".join((*toy_job.WORDS, "--config-dir", str(toy_config), "--run", "r1"))
    script = f"""
    srlr() {{ "{sys.executable}" -m srlr "$@"; }}
    srlr generate {words} && srlr srl --run r1 && srlr rlvr --run r1 && srlr evaluate --run r1
    """
    root = toy_job.ROLES.parents[2]
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "80"},
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert "report: runs/toy-gold/r1/evaluate/report.html" in done.stdout
    assert toy_job.traces(tmp_path / "runs/toy-gold/r1") == toy_job.traces(toy_run)


def test_a_second_train_shows_the_finished_table_and_touches_nothing(toy_run, capsys):
    before = toy_job.stamps(toy_run)

    assert main(["train", "--run", str(toy_run)]) == 0
    out = capsys.readouterr()

    assert "Baseline" in out.out
    assert f"report: {toy_run}/evaluate/report.html" in out.out
    assert out.err.count("done before") == 5
    assert toy_job.stamps(toy_run) == before


def test_the_same_seed_gives_the_same_run_and_json_is_all_there_is_on_stdout(job, toy_run):
    process = job("train", "--json")

    assert process.wait() == 0, process.stderr
    assert toy_job.traces(job.run) == toy_job.traces(toy_run)

    envelope = json.loads(process.stdout)

    assert envelope["kind"] == "run"
    assert envelope["data"]["stages"]["rlvr"]["status"] == "done"
    assert envelope["data"]["report"]["table"]


@pytest.mark.slow
def test_another_seed_gives_another_model(job, toy_run):
    assert job("generate", "seed=2").wait() == 0
    assert job("srl", "seed=2").wait() == 0
    assert toy_job.sums(job.run)["srl/best/model.safetensors"] not in toy_job.sums(toy_run).values()


def test_without_gain_and_below_the_gate(job):
    """One step of each kind teaches nothing: the table says so, and the gate ends the command."""
    process = job("train", "srl.max_steps=1", "rlvr.max_steps=1", "evaluate.gate.accuracy=0.9")

    assert process.wait() == 5
    assert "RLVR: no gain" in process.stdout
    assert "RLVR: Accuracy is 0.000 [0.000, 0.000], the gate asks for ≥ 0.900" in process.stderr
    assert "fix:" in process.stderr
    assert (job.run / "evaluate" / "report.html").exists()


def test_rlvr_that_was_never_better_hands_on_the_model_of_srl(copy, capsys):
    words = ["rlvr.learning_rate=1e-12", "rlvr.max_steps=2", "rlvr.kl_penalty_weight=0"]

    assert main(["train", "--run", str(copy), *words, "--force"]) == 0
    assert "RLVR: no gain" in capsys.readouterr().out
    sums = toy_job.sums(copy)

    assert json.loads((copy / "rlvr" / "result.json").read_text())["gain"] is False
    assert sums["rlvr/best/model.safetensors"] == sums["srl/best/model.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["lora", "qlora"])
def test_both_stages_learn_through_adapters_and_leave_plain_models(job, tuning):
    """RLVR keeps 4 bits under SRL's adapter; a plain model of what both learnt is left."""
    words = [f"{stage}.tuning={tuning}" for stage in ("srl", "rlvr")]
    words += ["srl.learning_rate=2e-2", "rlvr.max_steps=4", "rlvr.learning_rate=1e-2"]
    process = job("train", *words)

    assert process.wait(300) == 0, process.stderr
    assert "Warning" not in process.stderr
    table = json.loads((job.run / "evaluate" / "report.json").read_text())["table"]
    accuracy = {row["model"]: row["metrics"]["accuracy"]["value"] for row in table}

    assert accuracy["srl"] > accuracy["baseline"]
    assert (job.run / "srl" / "best" / "adapter" / "adapter_config.json").is_file()
    assert "quantization_config" not in json.loads((job.run / "rlvr/best/config.json").read_text())
    assert not list(job.run.rglob("checkpoint*"))


@pytest.mark.slow
def test_srl_step_by_step_after_a_warm_up(job):
    """Killed in its warm-up and in its own steps, it ends as if it had not been."""
    words = ["srl=stepwise", "srl.warm_up.steps=20", "srl.warm_up.learning_rate=5e-3"]
    words += [
        "srl.warm_up.batch_size=16",
        "srl.learning_rate=1e-3",
        "srl.max_steps=6",
        "srl.eval_tasks=24",
    ]
    words += ["srl.max_step_tokens=16", "srl.checkpoint_every_steps=2", "rlvr.max_steps=2"]
    for place, step in (("srl/warm_up", 7), ("srl", 3)):
        assert job("train", *words, stop_at=(place, step, signal.SIGKILL)).wait() == -signal.SIGKILL
    process = job("train", *words)

    assert process.wait(300) == 0, process.stderr
    table = json.loads((job.run / "evaluate" / "report.json").read_text())["table"]
    accuracy = {row["model"]: row["metrics"]["accuracy"]["value"] for row in table}

    assert accuracy["srl"] > accuracy["baseline"]
    assert not list(job.run.rglob("checkpoint*"))
    assert not (job.run / "srl" / "warm_up").exists()


def test_predict_answers_in_json_lines(toy_run, tmp_path, capsys):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"id": 7, "text": "paint wall 50 red"}\n\npaint roof 51 blue\n{"text": 1}\n')

    assert main(["predict", "--run", str(toy_run), "paint boat 52 green", "-q"]) == 0
    assert main(["predict", "--run", str(toy_run), "--input", str(texts), "-q"]) == 2
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [row.get("text") for row in rows] == [
        "paint boat 52 green",
        "paint wall 50 red",
        "paint roof 51 blue",
        None,
    ]
    assert rows[1]["id"] == 7
    assert rows[3].keys() == {"row", "error"}
    assert all({"answer", "output", "valid"} <= row.keys() for row in rows[:3])


# -- stopped at any point --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(job, toy_run):
    """Before the first checkpoint, between checkpoints, in every stage that takes time."""
    for stage, step in (("srl", 1), ("srl", 5), ("srl", 12), ("srl", 29), ("rlvr", 1), ("rlvr", 5)):
        killed = job("train", stop_at=(stage, step, signal.SIGKILL))

        assert killed.wait() == -signal.SIGKILL, (stage, step)
    assert job("train", die_at=("rlvr.jsonl", 1)).wait() == -signal.SIGKILL
    assert job("train").wait() == 0
    assert toy_job.traces(job.run) == toy_job.traces(toy_run)


MOMENTS = (
    # what is about to be put in place, and the how manieth time in this process
    ("decision.yaml", 1),
    ("trajectories.jsonl", 1),
    ("best", 1),
    ("checkpoint", 2),
    (".checkpoint.old", 1),
    ("result.json", 1),
)


def test_a_run_killed_while_it_writes_goes_on(job, toy_run):
    for moment in MOMENTS:
        assert job("train", die_at=moment).wait() == -signal.SIGKILL, moment
    assert job("train").wait() == 0
    assert toy_job.traces(job.run) == toy_job.traces(toy_run)


@pytest.mark.parametrize("name", ["config.yaml", "manifest.json"])
def test_a_run_killed_while_it_is_made_does_not_block_its_name(job, name):
    assert job("generate", die_at=(name, 1)).wait() == -signal.SIGKILL

    again = job("generate")

    assert again.wait() == 0, again.stderr


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(job, toy_run):
    job("generate").wait()
    stopped = job("srl", stop_at=("srl", 12, signal.SIGINT))

    assert stopped.wait() == 130
    assert "fix: the same command" in stopped.stderr
    assert "Traceback" not in stopped.stderr

    again = job("srl")

    assert again.wait() == 0
    assert "srl: continues" in again.stderr
    assert toy_job.sums(job.run).items() <= toy_job.sums(toy_run).items()


def test_a_checkpoint_cut_short_is_exit_3_and_its_fix_loses_nothing_else(job, toy_run):
    job("train", stop_at=("srl", 18, signal.SIGKILL)).wait()
    (weights,) = job.run.glob("srl/checkpoint/weights.safetensors")
    os.truncate(weights, 1000)
    written = toy_job.stamps(job.run / "generate")
    refused = job("train")

    assert refused.wait() == 3
    assert "checkpoint" in refused.stderr
    assert "is damaged" in refused.stderr
    fix = refused.stderr.rpartition("`srlr ")[2].partition("`")[0].split()

    assert Process(job.run.parents[2], *fix).wait() == 0
    assert toy_job.stamps(job.run / "generate") == written
    assert toy_job.sums(job.run).items() <= toy_job.sums(toy_run).items()


def test_a_trained_model_cut_short_is_exit_3_where_it_is_read(copy, capsys):
    os.truncate(copy / "srl" / "best" / "model.safetensors", 1000)
    before = toy_job.sums(copy)

    assert main(["rlvr", "--run", str(copy), "--force", "-q"]) == 3
    said = capsys.readouterr().err

    assert "srl/best" in said
    assert "--force" in said
    assert toy_job.sums(copy).items() <= before.items()


def test_a_disk_that_fills_up_is_exit_4_and_the_same_command_goes_on(job, toy_run):
    """No file may grow past 100 kB: the untrained model fits nowhere, the examples do."""
    full = job("train", limit_bytes=100_000)

    assert full.wait() == 4
    assert "fix: free some space" in full.stderr
    assert job("train").wait() == 0
    assert toy_job.traces(job.run) == toy_job.traces(toy_run)
