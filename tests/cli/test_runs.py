"""srlr runs: list, show, compare, remove, through the command line."""

import json
import shutil
import sys

import fake_stages
import pytest

from srlr.cli import app
from srlr.core.target import Ask
from srlr.stages import pipeline


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs, a and b, and one that has only begun; made once, as composing is slow."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patched:
        fake_stages.install(lambda name, module: patched.setitem(sys.modules, name, module))
        patched.chdir(place)
        patched.delenv("FAKE", raising=False)
        pipeline.run(Ask(("seed=1",), run="a", command="srlr train seed=1 --run a"))
        pipeline.run(Ask(("seed=2", "srl.epochs=9"), run="b"))
        pipeline.run(Ask(("tier=silver",), run="c"), ("generate",))
    (place / "runs/sentiment-gold/a/srl/best").mkdir()
    (place / "runs/sentiment-gold/a/srl/best/model.safetensors").write_bytes(b"x" * 2_000_000)
    return place


@pytest.fixture
def made(runs, monkeypatch, tmp_path):
    """A copy of the runs, in the current folder."""
    fake_stages.install(lambda name, module: monkeypatch.setitem(sys.modules, name, module))
    shutil.copytree(runs, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAKE", raising=False)
    return tmp_path


def answer(capsys, *words):
    capsys.readouterr()
    code = app.main([*words])
    return code, capsys.readouterr()


def data(capsys, *words):
    code, out = answer(capsys, *words, "--json")

    assert code == 0
    return json.loads(out.out)["data"]


def test_list_shows_the_newest_first_with_stages_score_and_size(made, capsys):
    rows = data(capsys, "runs", "list")["runs"]

    assert [row["name"] for row in rows] == ["c", "b", "a"]
    assert rows[2]["macro_f1"] == 0.75
    assert rows[2]["bytes"] > 2_000_000
    assert rows[0]["stages"]["srl"] is None
    assert rows[0]["tier"] == "silver"
    assert rows[2]["model"] == fake_stages.MODEL


def test_list_for_people_marks_stages(made, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    _, out = answer(capsys, "runs", "list")

    assert "✓✓···" in out.out
    assert "✓✓✓✓✓" in out.out
    assert "2.0 MB" in out.out


def test_an_empty_place_says_how_to_start(tmp_path, capsys):
    code, out = answer(capsys, "runs", "list", "--runs-dir", str(tmp_path))

    assert code == 0
    assert "srlr train" in out.err


def test_show_has_command_stages_and_checkpoints(made, capsys):
    shown = data(capsys, "runs", "show", "a")

    assert shown["command"] == "srlr train seed=1 --run a"
    assert shown["checkpoints"] == [{"name": "srl/best", "bytes": 2_000_000}]
    assert shown["entries"]["srl"]["status"] == "done"


def test_show_for_people_ends_with_the_closing_table(made, capsys):
    _, out = answer(capsys, "runs", "show", "a")

    assert "srl/best: 2.0 MB" in out.out
    assert "RLVR: no gain" in out.out


def test_compare_shows_scores_and_the_settings_that_differ(made, capsys):
    compared = data(capsys, "runs", "compare", "a", "b")

    assert compared["scores"]["macro_f1"] == [0.75, 0.75]
    assert compared["settings"]["seed"] == [1, 2]
    assert compared["settings"]["srl.epochs"][1] == 9
    assert "rlvr.epochs" not in compared["settings"]


def test_compare_for_people_names_the_runs(made, capsys):
    _, out = answer(capsys, "runs", "compare", "a", "c")

    assert "macro_f1" in out.out
    assert "tier.name" in out.out


@pytest.fixture
def sown(made):
    """Two more runs, d and e, that differ from a in their seed alone."""
    for seed, name in ((3, "d"), (4, "e")):
        pipeline.run(Ask((f"seed={seed}",), run=name))
    return made


def test_runs_that_differ_in_their_seed_alone_are_pooled(sown, capsys):
    """RLVR adds 2 of 10 with odd seeds and 1 with even ones, each time on the same tasks."""
    pooled = data(capsys, "runs", "compare", "a", "d", "e")["pooled"]
    gap = pooled["tests"]["RLVR − SRL"]

    assert pooled["metric"] == "accuracy"
    assert list(pooled["tests"]) == ["SRL − Baseline", "RLVR − SRL", "RLVR − Baseline"]
    assert gap["runs"] == pytest.approx([0.2, 0.2, 0.1])
    assert gap["value"] == pytest.approx(0.5 / 3)
    assert 0.0 <= gap["low"] < gap["value"] < gap["high"] < 0.5


def test_pooled_runs_for_people_show_the_mean_and_each_run(sown, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    _, out = answer(capsys, "runs", "compare", "a", "d", "e")

    assert "Accuracy, mean of 3 runs" in out.out
    assert "+0.167 [" in out.out


def test_other_runs_are_not_pooled(sown, capsys):
    """b has other epochs; f is not evaluated."""
    pipeline.run(Ask(("seed=5",), run="f"), ("generate",))

    assert data(capsys, "runs", "compare", "a", "b")["pooled"] is None
    assert data(capsys, "runs", "compare", "a", "f")["pooled"] is None


def test_one_run_cannot_be_compared(made, capsys):
    assert answer(capsys, "runs", "compare", "a")[0] == 2


def test_remove_asks_and_nobody_is_there_to_say_yes(made, capsys):
    code, out = answer(capsys, "runs", "remove", "a")

    assert code == 2
    assert "--yes" in out.err
    assert (made / "runs/sentiment-gold/a").exists()


def test_remove_with_yes_frees_the_space(made, capsys):
    removed = data(capsys, "runs", "remove", "a", "b", "--yes")["removed"]

    assert removed[0]["freed_bytes"] > 2_000_000
    assert [p.name for p in made.glob("runs/sentiment-*/*")] == ["c"]


def test_a_run_that_is_not_there_is_exit_3(made, capsys):
    code, out = answer(capsys, "runs", "show", "nope")

    assert code == 3
    assert "sentiment-silver/c" in out.err


def test_a_role_without_f1_is_listed_with_its_accuracy(made, capsys):
    for path in made.glob("runs/*/a/evaluate/report.json"):
        report = json.loads(path.read_text())
        for row in report["table"]:
            row["metrics"] = {"accuracy": {"value": 0.321, "low": 0.3, "high": 0.4}}
        path.write_text(json.dumps(report))
    row = data(capsys, "runs", "list")["runs"][2]

    assert (row["macro_f1"], row["accuracy"]) == (None, 0.321)
    assert "0.321" in answer(capsys, "runs", "list")[1].out
