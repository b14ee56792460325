"""srlr runs export, through the command line."""

import csv
import json
import sys
from pathlib import Path

import fake_stages
import pytest

from srlr.cli import app
from srlr.core.target import Ask
from srlr.stages import pipeline


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run, a; made once, as composing is slow."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patched:
        fake_stages.install(lambda name, module: patched.setitem(sys.modules, name, module))
        patched.chdir(place)
        patched.delenv("FAKE", raising=False)
        pipeline.run(Ask(("seed=1",), run="a"))
    return place / "runs"


@pytest.fixture
def export(runs, tmp_path, monkeypatch, capsys):
    """Runs the command in a folder of its own; returns the exit code, data and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        capsys.readouterr()
        code = app.main(["runs", "export", "a", "--runs-dir", str(runs), *words, "--json"])
        out = capsys.readouterr()
        return code, json.loads(out.out)["data"] if code == 0 else None, out.err

    return call


def test_attempts_are_a_csv_unless_said_otherwise(export):
    code, data, _ = export()
    with open(data["path"], encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))

    assert (code, data["rows"], data["path"]) == (0, 30, "a-attempts.csv")
    assert list(read[0]) == data["columns"]
    assert sum(one["right"] == "true" for one in read if one["model"] == "rlvr") == 9


def test_the_file_is_what_its_name_says(export):
    _, data, _ = export("--out", "deep/rows.jsonl")
    rows = Path(data["path"]).read_text().splitlines()

    assert (data["format"], len(rows)) == ("jsonl", 30)
    assert export("--out", "rows.txt", "--format", "jsonl")[1]["format"] == "jsonl"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--what", "atempts"], 2, "--what attempts"),
        (["--format", "xlsx"], 2, "csv, jsonl, parquet"),
        (["--what", "trajectories"], 3, "generate"),  # the fake stage writes none
        (["--what", "lm-eval", "--format", "csv"], 2, "form of its own"),
    ],
)
def test_what_cannot_be_written_is_refused_with_what_can(export, words, code, said):
    assert export(*words)[0] == code
    assert said in export(*words)[2]


def test_a_place_that_can_be_no_file_is_refused(export, tmp_path):
    (tmp_path / "file").write_text("")

    assert export("--out", "file/rows.csv")[0] == 2
    assert export("--out", str(tmp_path))[0] == 2
