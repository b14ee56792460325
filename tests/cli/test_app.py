"""The command tree as a person meets it: exit codes, streams, errors with a fix."""

import json
import sys

import fake_stages
import pytest
from typer.testing import CliRunner

from srlr import __version__
from srlr.cli import app, invoking
from srlr.core.errors import GateFailed

BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def fakes(monkeypatch, tmp_path):
    fake_stages.install(lambda name, module: monkeypatch.setitem(sys.modules, name, module))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAKE", raising=False)
    return tmp_path


def test_every_command_is_in_the_help():
    shown = CliRunner().invoke(app.app, ["--help"]).output
    commands = {*app.COMMANDS, "predict", "runs", "assets", "config", "models", "doctor", "version"}
    commands |= {"deploy", "releases", "serve", "swap", "backup", "keys", "guard", "audit"}

    assert all(f"\n  {name} " in shown for name in commands)
    assert "discover" not in shown


@pytest.mark.parametrize("name", [*app.COMMANDS])
def test_every_stage_command_takes_words_and_the_same_flags(name):
    shown = CliRunner().invoke(app.app, [name, "--help"]).output
    flags = ("--config-dir", "--run", "--force", "--dry-run", "--json", "--quiet", "--verbose")

    assert "[KEY=VALUE]..." in shown
    assert all(flag in shown for flag in flags)


def test_version(capsys):
    assert app.main(["version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_no_words_show_the_help(capsys):
    assert app.main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_train_ends_with_the_closing_table_on_stdout_and_the_rest_on_stderr(fakes, capsys):
    assert app.main(["train", "role=sentiment", "tier=gold"]) == 0
    out = capsys.readouterr()

    assert "RLVR: no gain" in out.out
    assert "report: runs/sentiment-gold/" in out.out
    assert "srl: done" in out.err
    assert "srl: 5/5" in out.err


def test_options_may_come_before_and_after_the_words(fakes, capsys):
    assert app.main(["train", "--run", "r1", "tier=gold", "--json", "srl.epochs=9", "-q"]) == 0
    out = capsys.readouterr()
    data = json.loads(out.out)["data"]

    assert data["name"] == "r1"
    assert data["stages"]["evaluate"]["status"] == "done"
    assert data["report"]["final"] == "rlvr"
    assert out.err == ""


def test_json_of_a_run_is_only_json_on_stdout(fakes, capsys):
    app.main(["train", "--json"])
    envelope = json.loads(capsys.readouterr().out)

    assert (envelope["srlr"], envelope["schema"], envelope["kind"]) == (__version__, 1, "run")


def test_a_single_stage_shows_its_figures_and_artifact(fakes, capsys):
    assert app.main(["generate", "--run", "r1"]) == 0
    out = capsys.readouterr().out

    assert "loss" in out
    assert out.endswith("runs/sentiment-gold/r1/generate/result.txt\n")


def test_a_dry_run_shows_config_and_costs_and_touches_nothing(fakes, capsys):
    assert app.main(["train", "--dry-run", "srl.epochs=9"]) == 0
    out = capsys.readouterr().out

    assert "epochs: 9" in out
    assert f"name: {fake_stages.MODEL}" in out
    assert "5,000" in out
    assert "nothing was touched" in out
    assert list(fakes.iterdir()) == []


def test_a_dry_run_for_machines_has_config_plan_and_sums(fakes, capsys):
    assert app.main(["train", "--dry-run", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]

    assert data["total"] == {
        "tokens": 5000,
        "seconds": 300,
        "cost_usd": None,
        "memory_gb": 2,
        "disk_gb": 2.5,
    }
    assert [stage["state"] for stage in data["stages"]] == ["run"] * 5
    assert data["config"]["role"]["name"] == "sentiment"
    assert data["exists"] is False


def test_a_dry_run_says_what_it_costs_where_an_hour_has_a_price(fakes, capsys):
    """Five stages of a minute at $12 an hour are $1.00; at $1,200, more than gold's budget."""
    assert app.main(["train", "--dry-run", "--json", "hardware.price_usd_per_hour=12"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]

    assert data["total"]["cost_usd"] == 1.0
    assert [stage["cost_usd"] for stage in data["stages"]] == [0.2] * 5

    assert app.main(["train", "--dry-run", "hardware.price_usd_per_hour=12"]) == 0
    out = capsys.readouterr().out

    assert "$1.00" in out
    assert "training_cost_usd\n" not in out.rpartition("together")[2]

    assert app.main(["train", "--dry-run", "hardware.price_usd_per_hour=1200"]) == 0
    assert "more than the $75 of tier.training_cost_usd" in capsys.readouterr().out


def test_done_stages_cost_nothing_in_a_plan(fakes, capsys):
    app.main(["generate", "--run", "r1"])
    capsys.readouterr()
    app.main(["train", "--dry-run", "--json", "--run", "r1"])
    data = json.loads(capsys.readouterr().out)["data"]

    assert data["total"]["tokens"] == 3000
    assert data["exists"] is True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "sentiment"], "role=sentiment"),
        (["train", "role=sentimnt"], "sentiment"),
        (["train", "tier=platinum"], "tier"),
        (["train", "srl.epoch=3"], "srl.epochs"),
        (["train", "srl.epochs=many"], "srl.epochs"),
        (["train", "--nope"], "--nope"),
        (["nope"], "nope"),
        (["runs", "show"], "RUN"),
    ],
)
def test_what_cannot_be_meant_is_exit_2_with_a_fix(fakes, capsys, words, said):
    assert app.main(words) == 2
    out = capsys.readouterr()

    assert said in out.err
    assert "fix:" in out.err
    assert out.out == ""


def test_with_json_an_error_is_an_envelope(fakes, capsys):
    assert app.main(["train", "sentiment", "--json"]) == 2
    envelope = json.loads(capsys.readouterr().out)

    assert envelope["kind"] == "error"
    assert envelope["data"]["exit_code"] == 2
    assert app.main(["train", "--nope", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["data"]["hint"] == "see srlr train --help"


@pytest.mark.parametrize(
    ("fake", "code", "said"),
    [
        ("srl:gate", 5, "below 0.5"),
        ("srl:full", 4, "disk is full"),
        ("srl:deny", 4, "no permission"),
    ],
)
def test_exit_codes(fakes, monkeypatch, capsys, fake, code, said):
    monkeypatch.setenv("FAKE", fake)

    assert app.main(["train"]) == code
    assert said in capsys.readouterr().err


def test_a_stage_without_its_forerunner_is_exit_3(fakes, capsys):
    assert app.main(["rlvr"]) == 3
    assert "srlr srl" in capsys.readouterr().err


def test_a_failed_gate_still_shows_the_table(fakes, capsys):
    assert app.main(["train", "evaluate.gate.accuracy=0.9"]) == GateFailed.exit_code
    out = capsys.readouterr()

    assert "TF-IDF + LR" in out.out
    assert "below the gate" in out.err


def test_a_bug_keeps_its_traceback(run_srlr):
    done = run_srlr("train", "--json", fake=True, env={"FAKE": "srl:bug"})

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert json.loads(done.stdout)["data"]["what"] == "ValueError('a bug')"


def test_memory_that_runs_out_outside_a_stage_is_exit_4(fakes, monkeypatch, capsys):
    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setattr("srlr.cli.pipeline.work", greedy)

    assert app.main(["train"]) == 4
    assert "fix:" in capsys.readouterr().err


def _blocked(tmp_path, *names):
    """A PYTHONPATH whose sitecustomize makes packages unimportable."""
    place = tmp_path / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(BLOCK.format(names=set(names)))
    return {"PYTHONPATH": f"{place}:{app.__file__.removesuffix('/srlr/cli/app.py')}"}


def test_a_missing_extra_is_named(run_srlr, tmp_path):
    env = _blocked(tmp_path, "transformers", "torch")
    env["PYTHONPATH"] += f":{fake_stages.__file__.removesuffix('/fake_stages.py')}"
    done = run_srlr("train", fake=True, env={**env, "FAKE": "srl:missing"})

    assert done.returncode == 3
    assert "transformers is not installed" in done.stderr
    assert "pip install 'srlr[train]'" in done.stderr


@pytest.mark.parametrize(
    ("error", "extra"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "train"),
        (ModuleNotFoundError("No module named 'x'", name="sklearn.metrics"), "train"),
        (ImportError("Please install torch and gguf>=0.10.0"), "train"),
        (ModuleNotFoundError("No module named 'srlr.nope'", name="srlr.nope"), None),
        (ImportError("cannot import name 'x'", name="srlr.core"), None),
    ],
)
def test_which_extra_brings_a_missing_module(error, extra):
    assert invoking.missing_extra(error) == extra


def test_a_reader_that_goes_away_is_no_error(run_srlr):
    process = run_srlr("train", "--dry-run", fake=True, wait=False)
    process.stdout.close()
    said = process.stderr.read()
    process.wait(timeout=60)

    assert "Traceback" not in said
    assert "Exception" not in said


def test_python_m_srlr_is_srlr(run_srlr):
    done = run_srlr("version", "--json")

    assert json.loads(done.stdout)["data"] == {"version": __version__}


def test_completion_offers_options(run_srlr):
    asked = {
        "_SRLR_COMPLETE": "complete_bash",
        "COMP_WORDS": "srlr train tier=g",
        "COMP_CWORD": "2",
    }
    done = run_srlr(env=asked)

    assert "tier=gold" in done.stdout


def test_a_command_line_is_kept_as_a_shell_would_take_it(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x", "train", "role.data=./my file.jsonl"])

    assert app.command_line() == "srlr train 'role.data=./my file.jsonl'"


def test_ctrl_c_outside_a_stage_is_exit_130(fakes, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("srlr.cli.pipeline.work", stop)

    assert app.main(["train"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_quiet_runs_say_only_their_result(run_srlr):
    done = run_srlr("train", "-q", fake=True)

    assert done.stderr == ""
    assert "RLVR: no gain" in done.stdout


def test_verbose_runs_show_the_log(run_srlr):
    done = run_srlr("train", "-v", fake=True)

    assert "INFO srlr.stages.pipeline: srl: run" in done.stderr
