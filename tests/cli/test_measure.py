"""srlr select --measure on a terminal and for scripts; the candidate's process is replaced."""

import json
import sys

import pytest
from measurements import measured

from srlr.cli.app import main
from srlr.stages import select_measure

FINDS = """
import json, sys
from pathlib import Path
said = json.loads({said!r})
(Path(sys.argv[1]) / "measured.json").write_text(json.dumps(said))
"""


@pytest.fixture
def words(tmp_path, toy_config, monkeypatch):
    code = FINDS.format(said=json.dumps(measured().as_dict()))

    def command(run, name, place):
        return [sys.executable, "-c", code, str(place)]

    monkeypatch.setattr(select_measure, "command", command)
    job = ("role=toy", "model=tiny", "seed=1", "hardware.price_usd_per_hour=0.73")
    return [*job, f"runs_dir={tmp_path}", "--config-dir", str(toy_config), "--run", "m"]


def test_it_chooses_measures_and_shows_both(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    assert main(["select", "--measure", *words]) == 0
    out, err = capsys.readouterr()
    assert "select: done" in err
    assert "10 / 14 ms" in out
    assert "0.50 [0.38, 0.62]" in out
    for check in ("benchmark_match", "hardware_compatible", "latency_verified", "peak_load"):
        assert check in out
    assert "an answer: $1.01e-05" in out
    assert "select/measured.json" in out


def test_for_scripts_it_is_one_envelope(words, capsys):
    assert main(["select", "--measure", *words, "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)

    assert (said["kind"], err) == ("measured", "")
    assert said["data"]["measured"]["measured"]["tiny"]["probe"]["right"] == 32
    assert set(said["data"]["model_selection"]["validation_results"]) >= {
        "benchmark_match",
        "hardware_compatible",
        "cost_within_budget",
        "latency_verified",
        "quality_floor",
        "peak_load",
    }
    assert said["data"]["measured"]["costs"]["usd_per_request"] > 0


def test_ctrl_c_says_how_to_go_on(words, capsys, monkeypatch):
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(60)"
    monkeypatch.setattr(select_measure, "command", lambda *_: [sys.executable, "-c", code])

    assert main(["select", "--measure", *words, "-q"]) == 130
    assert "srlr select --measure --run" in capsys.readouterr().err


def test_nothing_to_measure_is_shown_and_is_an_error(words, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    words[1] = "model=llama-3.2-3b-instruct"

    assert main(["select", "--measure", *words, "-q"]) == 3
    said = capsys.readouterr().err
    assert "hf download meta-llama/Llama-3.2-3B-Instruct" in said
    assert "fix: " in said


def test_a_role_without_tasks_is_refused_before_anything_is_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(select_measure, "command", lambda *_: pytest.fail("it is measured"))
    (tmp_path / "role").mkdir()
    profile = "name: odd\nfamily: classification\ndescription: Odd.\ndata: none\n"
    (tmp_path / "role" / "odd.yaml").write_text(profile)
    words = ["role=odd", "model=smollm2-135m-instruct", f"runs_dir={tmp_path}", "-q"]

    assert main(["select", "--measure", *words, "--config-dir", str(tmp_path), "--run", "m"]) == 3
    assert "role 'odd' has a profile but no module" in capsys.readouterr().err


def test_a_plan_measures_nothing(words, capsys):
    assert main(["select", "--measure", "--dry-run", *words]) == 0
    assert "nothing was touched" in capsys.readouterr().out
