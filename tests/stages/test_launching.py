"""Stages in several processes, as a user starts them: what they leave, and that nothing is left."""

import contextlib
import os
import shutil
import signal
import time

import psutil
import pytest
import toy_job
from safetensors.torch import load_file
from toy_job import Process

from srlr.cli.app import main
from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.launcher import Launcher
from srlr.stages import launching

FLOAT32 = "hardware.compute_dtype=float32"
TOGETHER = "launcher=accelerate"
PARTS = "launcher.sharding=fsdp2"


def settings(*words):
    return compose(words, environ={}).settings


# -- what is started -------------------------------------------------------------------------------


def test_without_a_launcher_and_for_other_stages_there_is_one_process():
    assert not launching.is_for(settings(), "srl")
    assert not launching.is_for(settings(TOGETHER), "evaluate")
    assert launching.is_for(settings(TOGETHER), "srl")
    assert launching.shown(settings(), "r1", ["srl", "rlvr"]) == []


def test_threads_are_shared_and_more_processes_than_cores_are_refused():
    assert launching.threads_each(settings(TOGETHER, "hardware.threads=8")) == 4
    assert launching.threads_each(settings(TOGETHER, "hardware.threads=1")) == 1
    with pytest.raises(ConfigError, match="processes=5000, but this machine has"):
        launching.check(
            settings(
                TOGETHER,
                "launcher.processes=5000",
                "hardware=cpu",
                "srl.batch_size=5000",
                "rlvr.prompts_per_step=5000",
                "generate.num_tasks=5000",
            ),
            ["srl"],
        )


def test_other_machines_are_told_who_they_are_and_where_the_first_is(tmp_path):
    words = ("launcher.machines=3", "launcher.processes=4", "launcher.main_address=node0")
    here, others = launching.shown(
        settings(TOGETHER, *words, "hardware.threads=8"), tmp_path / "r 1", ["generate", "rlvr"]
    )

    assert here.startswith("rlvr: srlr starts: accelerate launch --multi_gpu --num_machines 3 ")
    assert "--num_processes 12 --machine_rank 0 " in here
    assert others.startswith("rlvr: on each other machine, RANK 1 to 2: accelerate launch ")
    assert "--machine_rank RANK --main_process_ip node0 --main_process_port 29500" in others
    assert "--num_cpu_threads_per_process 2" in others
    assert others.endswith(f"-m srlr.launched '{tmp_path}/r 1' rlvr")


def test_one_machine_takes_any_free_port():
    words = launching.command(Launcher(name="accelerate", processes=2), "r1", "srl", "0", 1)

    assert words[words.index("--main_process_port") + 1] == "0"
    assert "--machine_rank" not in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["launcher.processes=2"], "2 processes are started by launcher=accelerate"),
        ([TOGETHER, "rlvr=dpo"], "rlvr=dpo trains in one process"),
        ([TOGETHER, "srl.batch_size=1"], "srl.batch_size=1: 2 processes need at least one each"),
        ([TOGETHER, "srl=stepwise", "srl.prompts_per_step=1"], "srl.prompts_per_step=1"),
        (
            [TOGETHER, "srl=stepwise", "srl.warm_up.steps=1", "srl.warm_up.batch_size=1"],
            "srl.warm_up.batch_size=1",
        ),
        ([TOGETHER, "rlvr=ppo", "rlvr.prompts_per_step=1"], "rlvr.prompts_per_step=1"),
        ([TOGETHER, "launcher.machines=2"], "launcher.main_address"),
        (["launcher.sharding=fsdp2"], "one process has nobody to share with"),
        ([TOGETHER, PARTS, "srl.tuning=qlora"], "srl.tuning=lora"),
        ([TOGETHER, PARTS, "rlvr.optimiser=adamw_8bit"], "rlvr.optimiser=adamw"),
        ([TOGETHER, PARTS, "rollout.engine=vllm"], "rollout.engine=own"),
        ([TOGETHER, PARTS, "srl=sft"], "srl=sft trains in one process"),
        ([TOGETHER, PARTS, "rlvr=dpo"], "rlvr=dpo trains in one process"),
        ([TOGETHER, PARTS, "rlvr.backend=trl"], "rlvr.backend=trl trains in one process"),
    ],
)
def test_what_several_processes_cannot_do_is_said_before_a_model_is_loaded(words, said):
    with pytest.raises(ConfigError, match=said):
        settings(*words)


# -- real processes --------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path, toy_config):
    """`start("srl", run)` starts `srlr srl --run run` on the toy role."""

    def begin(command, run, *words):
        config = ("--config-dir", toy_config, "--run", run)
        return Process(tmp_path, command, *config, *words)

    return begin


@pytest.fixture
def generated(tmp_path, toy_config):
    """`generated(name)`: a run that is ready for srl, in float32."""
    place = tmp_path / "runs" / "toy-gold" / "base"
    words = (*toy_job.WORDS, f"runs_dir={tmp_path / 'runs'}", FLOAT32, "srl.max_steps=24")
    config = ("--config-dir", str(toy_config), "--run", "base", "--quiet")
    assert main(["generate", *words, *config]) == 0
    return lambda name: shutil.copytree(place, place.with_name(name))


def ours(run):
    """The processes that were started for a run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if "srlr.launched" in words and str(run) in words:
                found.append(process)
    return found


def gone(run, seconds=60):
    end = time.monotonic() + seconds
    while ours(run) and time.monotonic() < end:
        time.sleep(0.1)
    return not ours(run)


def until(run, step, process):
    """Waits until srl has logged a step."""
    while not any(row["step"] >= step for row in toy_job.rows(run)):
        assert process.process.is_alive(), process.stderr
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("begun", "after"), [("none", "none"), ("fsdp2", "fsdp2")])
def test_two_processes_killed_and_three_that_go_on_learn_what_one_learns(
    begun, after, start, generated
):
    one, several = generated("one"), generated("several")
    assert main(["srl", "--run", str(one), "--quiet"]) == 0
    first = start("srl", several, TOGETHER, f"launcher.sharding={begun}")
    until(several, 8, first)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.join()

    assert gone(several)

    words = ("launcher.processes=3", f"launcher.sharding={after}")
    second = start("srl", several, *words, "--json")

    assert second.wait(600) == 0, second.stderr
    assert "srl: steps: 24/24" in second.stderr
    assert '"kind": "run"' in second.stdout
    assert (several / "srl" / "result.json").read_text() == (one / "srl/result.json").read_text()
    pairs = list(zip(toy_job.rows(one), toy_job.rows(several), strict=True))
    for alone, together in pairs:
        assert together.pop("stage") == alone.pop("stage")
        assert together == pytest.approx(alone, rel=1e-4, abs=1e-5)
    alone, together = (load_file(run / "srl/best/model.safetensors") for run in (one, several))
    for name, weight in alone.items():
        assert (weight - together[name]).square().mean().sqrt() < 1e-5
    assert gone(several)


@pytest.mark.slow
def test_what_a_process_raises_is_told_as_if_there_were_one(start, generated):
    run = generated("wrong")
    process = start("srl", run, TOGETHER, "srl.trained_layers=9")

    assert process.wait(600) == 2
    assert "error: trained_layers=9, but tiny has 2 layers" in process.stderr
    assert "fix: at most 2" in process.stderr
    assert gone(run)


@pytest.mark.slow
@pytest.mark.parametrize("sharding", ["none", "fsdp2"])
def test_a_process_that_is_killed_ends_the_others_and_ctrl_c_ends_all(sharding, start, generated):
    run = generated("r1")
    process = start("srl", run, TOGETHER, f"launcher.sharding={sharding}")
    until(run, 2, process)
    [one for one in ours(run) if one.children() == []][-1].kill()

    assert process.wait(600) == 4
    assert "goes on from the last checkpoint" in process.stderr
    assert gone(run)

    process = start("srl", run)
    until(run, 10, process)
    os.kill(process.process.pid, signal.SIGINT)

    assert process.wait(600) == 130
    assert gone(run)
