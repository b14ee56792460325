"""Fixtures that several test modules share. Every test runs in a folder and a cache of its own."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # fake_stages, under every import mode
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs deaf to Ctrl-C, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A busy machine stalls for longer than any deadline; what is slow is measured in benchmarks.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
FAKE_MAIN = """
import sys, fake_stages
fake_stages.install()
from srlr.cli.app import main
sys.exit(main())
"""


@pytest.fixture
def run_srlr(tmp_path):
    """`run_srlr("train", "tier=gold")` runs `python -m srlr` in tmp_path and returns what came out.

    fake=True puts tests/fake_stages.py in place of the real stages; wait=False returns the Popen.
    """

    def run(*args, env=None, fake=False, wait=True, cwd=tmp_path, timeout=120, **how):
        paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
        full = {k: v for k, v in os.environ.items() if not k.startswith("SRLR_")} | {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "COLUMNS": "80",
            **(env or {}),
        }
        start = ["-c", FAKE_MAIN] if fake else ["-m", "srlr"]
        command = [sys.executable, *start, *map(str, args)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        if not wait:
            return subprocess.Popen(command, cwd=cwd, env=full, **streams | how)
        return subprocess.run(command, cwd=cwd, env=full, timeout=timeout, **streams | how)

    return run


class NoPrivileges:
    """How a child process meets a folder it may not write in, also where the tests run as root."""

    def close(self, folder):
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)

    def drop(self):
        """For preexec_fn: root stays root and loses the right to ignore permissions."""
        PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.fixture
def no_privileges():
    return NoPrivileges()


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory):
    """A transformers folder with the random model of tests/tiny.py, made once a session."""
    import tiny

    return tiny.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory, tiny_model_folder):
    """The same model as a GGUF, for llama.cpp."""
    import tiny

    from srlr.models import gguf_file

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    gguf_file.write(tiny.load(tiny_model_folder), path)
    return path


@pytest.fixture(scope="session")
def toy_config(tmp_path_factory, tiny_model_folder):
    """A folder for --config-dir in which the toy role's job on the tiny model takes seconds."""
    import toy_job

    return toy_job.write_config(tmp_path_factory.mktemp("config") / "own", tiny_model_folder)


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory, toy_config):
    """The folder of a run of the toy role that nothing interrupted. Read it; change a copy."""
    import toy_job

    from srlr.cli.app import main

    place = tmp_path_factory.mktemp("toy")
    words = (*toy_job.WORDS, f"runs_dir={place}", "--config-dir", str(toy_config), "--run", "whole")

    assert main(["train", *words, "--quiet"]) == 0
    return place / "toy-gold" / "whole"
