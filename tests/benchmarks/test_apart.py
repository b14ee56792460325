import json
import subprocess
import sys
from argparse import Namespace

import pytest

from benchmarks import apart

SIDES = """
import sys
from benchmarks import apart

SIDES = ("one", "other")
asked = apart.arguments("", SIDES, size=3)


def turn(number):
    print("what a library says")
    with open({log!r}, "a") as log:
        log.write(asked.side + str(number) + " ")
    return {{"tokens": float(asked.size * number)}}


if asked.side == "other" and asked.size == 0:
    sys.exit(7)
apart.Turnstile().repeat(turn)
"""


@pytest.fixture
def sides(tmp_path, monkeypatch):
    """A benchmark of two sides that write down their turns in the file that is given back."""
    log = tmp_path / "log"
    (tmp_path / "two_sides.py").write_text(SIDES.format(log=str(log)))
    here = [str(tmp_path), *sys.path]
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in here if path))
    return log


def test_sides_take_turns_and_who_starts_changes(sides):
    found = apart.alternate("two_sides", Namespace(side=None, turns=2, size=5), ("one", "other"))

    assert sides.read_text().split() == ["one0", "other0", "other1", "one1", "one2", "other2"]
    assert found["one"].column("tokens") == [5.0, 10.0]  # the warm-up is left out
    assert all(seconds >= 0.0 for seconds in found["other"].column("seconds"))
    assert found["other"].peak_mb > 1.0


def test_a_side_that_ends_early_is_named(sides):
    asked = Namespace(side=None, turns=1, size=0)
    with pytest.raises(SystemExit, match="'other' ended with 7"):
        apart.alternate("two_sides", asked, ("one", "other"))


def test_a_side_alone_answers_in_lines(sides):
    told = subprocess.run(
        [sys.executable, "-m", "two_sides", "--side=one"],
        input="go\nstop\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert [sorted(json.loads(line)) for line in told] == [["seconds", "tokens"], ["peak_mb"]]
