"""`srlr --help` is there at once: nothing heavy is imported to say what one can type."""

import json
import subprocess
import sys
import time

import pytest

HEAVY = {
    "torch",
    "transformers",
    "hydra",
    "omegaconf",
    "pydantic",
    "numpy",
    "sklearn",
    "matplotlib",
    "yaml",
    "rich",
}
LIMIT_S = 0.4
"""Over a bare interpreter on the same machine at the same moment."""

LIST_MODULES = """
import sys, json
from srlr.cli.app import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("words", [("--help",), ("train", "--help"), ("version",)])
def test_help_imports_nothing_heavy(words):
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, *words], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])

    # typer itself reads a command's parameters with pydantic; the list of commands has none.
    allowed = set() if words == ("--help",) else {"pydantic"}

    assert code == 0
    assert HEAVY & set(modules) <= allowed


def _seconds(*command):
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def test_help_is_there_within_the_limit():
    """The best of several: a busy machine slows single calls, not all of them."""
    bare = min(_seconds(sys.executable, "-c", "pass") for _ in range(5))
    help_ = min(_seconds(sys.executable, "-m", "srlr", "--help") for _ in range(5))

    assert help_ - bare < LIMIT_S
