"""The whole job of the toy role on the tiny random model: its config, its processes, its traces.

`Process` runs `srlr WORDS…` in a real process that can be killed. A server that has imported torch
once forks them, because an import takes longer than all the stages together.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path

ROLES = Path(__file__).parent / "roles" / "toy"
WORDS = ("role=toy", "model=tiny", "seed=1")
CONFIG = """
role_path: {roles}
hardware: {{device: cpu, threads: 1, compute_dtype: {dtype}}}
generate: {{num_tasks: 200, quality: {{embedded: 0}}}}
evaluate: {{limit: 24, shots_tasks: 8, bootstrap_samples: 100, latency_tasks: 1}}
"""
CARD = """
name: tiny
source: {model}
facts: {{}}
tuning:
  srl:
    learning_rate: 5.0e-3
    epochs: 99
    max_steps: 40
    batch_size: 16
    patience: 99
    kl_penalty_weight: 0.001
    eval_every_steps: 10
    eval_tasks: 24
    checkpoint_every_steps: 7
  rlvr:
    learning_rate: 1.0e-3
    max_steps: 10
    prompts_per_step: 6
    samples_per_prompt: 4
    patience: 99
    kl_penalty_weight: 0.01
    eval_every_steps: 4
    eval_tasks: 24
    checkpoint_every_steps: 3
  rollout: {{max_new_tokens: 24, batch_size: 64}}
"""
IMPORTED_ONCE = [
    "hydra",
    "matplotlib.pyplot",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "torch.optim",
    "transformers.models.llama.modeling_llama",
    "transformers.tokenization_utils_tokenizers",
]
CLOCKS = {"seconds", "latency_s"}
"""What may differ between two runs that are the same."""


def write_config(folder, model, dtype="bfloat16"):
    """A folder for --config-dir: the tiny model's card, and settings that make the job short."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "tiny.yaml").write_text(CARD.format(model=model))
    (folder / "config.yaml").write_text(CONFIG.format(roles=ROLES, dtype=dtype))
    return folder


# -- what a run leaves -----------------------------------------------------------------------------


def rows(run, name="metrics.jsonl"):
    """The lines of a run's file, without what a clock wrote and without a line cut by a kill."""
    path, found = Path(run) / name, []
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            row = json.loads(line)
            found.append({key: row[key] for key in row if key not in CLOCKS})
    return found


def sums(run):
    """{file: SHA-256} of all weights in a run."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(run).rglob("*.safetensors"))
    }


def traces(run):
    """All that two runs of one seed must have in common, bit for bit."""
    names = ("metrics.jsonl", "generate/trajectories.jsonl", "evaluate/attempts.jsonl")
    files = {name: rows(run, name) for name in names if (Path(run) / name).exists()}
    results = [path.read_text() for path in sorted(Path(run).glob("*/result.json"))]
    return {**files, "results": results, "weights": sums(run)}


def stamps(folder):
    """{path: time of change} of everything in a folder."""
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*")}


# -- processes -------------------------------------------------------------------------------------


class Process:
    """`srlr words…` in `cwd`, started now. `stdout` and `stderr` are what it has said so far.

    Args:
        stop_at: (stage, step, signal): gets the signal when the stage has logged that step.
        die_at: (name, times): is killed right before it puts a file or folder of that name in
            place for the how manieth time; name None: before any file is put in place or flushed,
            which is inside a checkpoint too.
        limit_bytes: no file may grow larger.
    """

    server = None

    def __init__(self, cwd, *words, stop_at=None, die_at=None, limit_bytes=None):
        if Process.server is None:
            Process.server = multiprocessing.get_context("forkserver")
            Process.server.set_forkserver_preload(IMPORTED_ONCE)
        self.streams = [Path(cwd) / f"{name}-{time.monotonic_ns()}" for name in ("out", "err")]
        moments = {"stop_at": stop_at, "die_at": die_at, "limit_bytes": limit_bytes}
        arguments = ([str(word) for word in words], str(cwd), self.streams, moments)
        self.process = Process.server.Process(target=_main, args=arguments)
        self.process.start()

    def wait(self, seconds=120):
        """The exit code; minus the signal's number where one ended it."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            raise AssertionError(f"it still ran after {seconds} s:\n{self.stderr}")
        return self.process.exitcode

    @property
    def stdout(self):
        return self.streams[0].read_text()

    @property
    def stderr(self):
        return self.streams[1].read_text()


def _main(words, cwd, streams, moments):
    """What runs in the new process."""
    os.chdir(cwd)
    os.environ["COLUMNS"] = "80"
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    for name in [name for name in os.environ if name.startswith("SRLR_")]:
        del os.environ[name]
    if moments["limit_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (moments["limit_bytes"],) * 2)
    if moments["stop_at"]:
        _stop_after(*moments["stop_at"])
    if moments["die_at"]:
        _die_before(*moments["die_at"])
    sys.argv = ["srlr", *words]
    from srlr.cli.app import main

    sys.exit(main())


def _stop_after(stage, step, number):
    """A signal at a moment of its own choosing would come too late on a busy machine."""
    from srlr.core.rundir import RunDir

    metric = RunDir.metric

    def stopping(self, its, at, **values):
        metric(self, its, at, **values)
        if (its, at) == (stage, step):
            os.kill(os.getpid(), number)

    RunDir.metric = stopping


def _die_before(name, times):
    replace, flush, left = os.replace, os.fsync, [times]

    def count(one):
        left[0] -= one
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly(source, target, **how):
        count(name in (None, Path(target).name))
        replace(source, target, **how)

    def deadly_flush(file):
        count(name is None)
        flush(file)

    os.replace, os.fsync = deadly, deadly_flush
