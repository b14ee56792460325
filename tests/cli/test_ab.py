"""srlr ab, through the command line."""

import json
import sys

import evaluated
import pytest

from srlr.cli import app


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two evaluated runs of 60 tasks: RLVR is right on 12 of them in a, on 48 in b."""
    place = tmp_path_factory.mktemp("made")
    for name, right in (("a", 12), ("b", 48)):
        models = {"baseline": 6, "srl": 6, "rlvr": right}
        rows = [row for model, n in models.items() for row in evaluated.answers(model, n)]
        evaluated.make(place / "runs", name, rows)
    evaluated.make(place / "runs", "c", rows, role={**evaluated.ROLE, "label": "mood"})
    return place


@pytest.fixture
def ab(runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)

    def call(*words):
        capsys.readouterr()
        code = app.main(["ab", *map(str, words)])
        return code, capsys.readouterr()

    return call


def test_two_runs_are_told_apart_before_all_their_tasks_are_read(ab):
    code, out = ab("a", "b", "--runs-dir", "runs", "--json")
    data = json.loads(out.out)["data"]

    assert code == 0
    assert (data["verdict"], data["a"], data["b"]) == ("B", "a", "b")
    assert data["pairs"] < 60
    assert data["p"] <= 0.05
    assert 0 < data["low"] < data["gap"] < data["high"]


def test_two_stages_of_one_run_are_compared_and_shown(ab):
    code, out = ab("a:baseline", "a:srl", "--runs-dir", "runs", "--check")

    assert code == 5
    assert "not decided between a:baseline and a:srl: +0.000" in out.out
    assert "the pairs ran out after 60 pairs" in out.out
    assert "So many pairs find no gap in 80% of tests" in out.out


def test_traffic_from_a_file_decides(ab, tmp_path):
    rows = [{"arm": arm, "outcome": int(arm == "old")} for _ in range(30) for arm in ("old", "new")]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out = ab("new", "old", "--traffic", tmp_path / "t.jsonl", "--check")

    assert code == 0
    assert "old is better than new: +1.000" in out.out
    assert "stopped after" in out.out


def test_traffic_from_a_pipe_is_read_no_further_than_needed(ab, monkeypatch):
    read = iter(['{"x": 0, "y": 1}\n'] * 50)
    monkeypatch.setattr(sys, "stdin", read)
    code, out = ab("x", "y", "--traffic", "-", "--json")

    assert code == 0
    assert len(list(read)) == 50 - json.loads(out.out)["data"]["pairs"] > 0


def test_the_pairs_that_a_gap_needs_are_planned(ab):
    code, out = ab("x", "y", "--expect", 0.2, "--discordant", 0.4)

    assert code == 0
    assert "pairs find it in 80% of tests at a risk of 0.05" in out.out


def test_models_that_agree_are_alike(ab, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"x": 1, "y": 1}\n' * 400)
    _, out = ab("x", "y", "--traffic", tmp_path / "t.jsonl", "--alike", 0.05)

    assert "x and y are alike within ±0.05" in out.out


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("a", "a"), 2, "cannot be compared with itself"),
        (("a", "b:vadr", "--runs-dir", "runs"), 2, "one of b:baseline, b:srl, b:rlvr"),
        (("a", "nowhere", "--runs-dir", "runs"), 3, "no run 'nowhere'"),
        (("x", "y", "--traffic", "none.jsonl"), 3, "there is no file 'none.jsonl'"),
        (("x", "y", "--traffic", "runs"), 2, "cannot be read"),
        (("x", "y", "--alpha", "2"), 2, "make no test"),
    ],
)
def test_what_cannot_be_compared_is_told(ab, words, code, what):
    found, out = ab(*words)

    assert found == code
    assert what in out.err


def test_runs_of_other_roles_are_refused(ab):
    code, out = ab("a", "c", "--runs-dir", "runs")

    assert code == 2
    assert "runs of roles with other answers" in out.err
