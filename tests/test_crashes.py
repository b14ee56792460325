"""Training that is killed at random moments, and ends as training that was not: to the bit.

Every stage of a copy of the finished toy run is a process of its own. It is killed with a signal
that nothing can catch: after a step, and before a file is put in place or flushed, which is inside
a checkpoint's write, a model's and a manifest's too.
"""

import random
import shutil
import signal
from pathlib import Path

import pytest
import toy_job

from srlr.core.rundir import RunDir

SHORT = {
    "eval_tasks": 8,
    "eval_every_steps": 2,
    "checkpoint_every_steps": 2,
    "patience": 99,
    "learning_rate": 1e-3,
}
PPO = {"prompts_per_step": 4, "samples_per_prompt": 3, "passes": 2, "minibatches": 2}
DPO = {"prompts": 16, "samples_per_prompt": 4, "pairs_per_step": 4, "epochs": 50}
LORA = {"tuning": "lora", "lora.rank": 4}
ALGORITHMS = {
    "ppo": ("rlvr", ["rlvr=ppo"], {**SHORT, **PPO}),
    "dpo": ("rlvr", ["rlvr=dpo"], {**SHORT, **DPO}),
    "lora": ("srl", [], {**SHORT, **LORA}),
    "grpo through lora": ("rlvr", [], {**SHORT, **LORA}),
}


class Job:
    """A stage of a run that is done up to there; `run` is the folder."""

    def __init__(self, place, toy_run, algorithm, steps):
        self.stage, first, keys = ALGORITHMS[algorithm]
        self.run = shutil.copytree(toy_run, place / "whole")
        rundir = RunDir(self.run)
        for stage in ("srl", "rlvr", "evaluate")[self.stage == "rlvr" :]:
            rundir.forget(stage)
        said = {**keys, "max_steps": steps}
        self.words = [*first, *(f"{self.stage}.{key}={value}" for key, value in said.items())]

    def __call__(self, **how):
        process = toy_job.Process(
            self.run.parent, self.stage, "--run", str(self.run), *self.words, **how
        )
        return process, process.wait(300)

    def traces(self):
        return {**toy_job.traces(self.run), "metrics": toy_job.rows(self.run)}


@pytest.fixture
def job(tmp_path, toy_run):
    """`job("ppo", "cut", steps)`: a fresh one."""

    def make(algorithm, name, steps):
        if algorithm == "dpo":
            pytest.importorskip("trl")
        (tmp_path / name).mkdir()
        return Job(Path(tmp_path / name), toy_run, algorithm, steps)

    return make


def finished(job):
    process, code = job()

    assert code == 0, process.stderr
    assert not list(job.run.rglob("*checkpoint*"))
    return job.traces()


@pytest.mark.parametrize(
    "algorithm",
    ["ppo", *(pytest.param(name, marks=pytest.mark.slow) for name in ALGORITHMS if name != "ppo")],
)
def test_killed_after_a_step_and_in_a_write_it_ends_as_if_it_had_not_been(job, algorithm):
    whole, cut = job(algorithm, "uncut", 4), job(algorithm, "cut", 4)

    assert cut(stop_at=(cut.stage, 3, signal.SIGKILL))[1] == -signal.SIGKILL
    assert finished(cut) == finished(whole)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_it_ends_as_if_it_had_not_been(job, algorithm, seed):
    """Each time before one of its next 40 writes or after one of 8 steps, until one time it ends
    before that.
    """
    whole, cut = job(algorithm, "uncut", 8), job(algorithm, "cut", 8)
    rng = random.Random(f"{algorithm} {seed}")
    kills = 0
    for _ in range(6):
        moment = {"die_at": (None, rng.randint(1, 40))}
        if rng.random() < 0.3:
            moment = {"stop_at": (cut.stage, rng.randint(1, 8), signal.SIGKILL)}
        process, code = cut(**moment)

        assert code in (0, -signal.SIGKILL), process.stderr
        kills += code != 0
    assert kills
    assert finished(cut) == finished(whole)
