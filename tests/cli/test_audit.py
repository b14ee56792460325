"""srlr audit"""

import json
import signal

import pytest

from srlr.cli.app import main
from srlr.core.audit import Audit


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Audit(tmp_path / "store" / "audit.jsonl")
    for number in range(3):
        found.append("swap.step", "gateway", f"step {number}", {"share": number})
    return found


def told(capsys, code, *words):
    assert main(["audit", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)["data"]


def test_a_whole_log_is_whole_and_its_last_hash_is_told(log, capsys):
    data = told(capsys, 0, "verify")

    assert (data["entries"], data["whole"], data["breaks"]) == (3, True, [])
    assert data["last"] == list(log.entries())[-1].hash


def test_a_line_that_was_changed_is_named_with_exit_5(log, capsys):
    log.path.write_text(log.path.read_text().replace("step 1", "step 9"))

    assert told(capsys, 5, "verify")["breaks"] == [{"line": 2, "why": "was changed"}]
    assert main(["audit", "verify"]) == 5
    assert "line 2 was changed" in capsys.readouterr().out


def test_the_last_entries_are_shown(log, capsys):
    assert [one["why"] for one in told(capsys, 0, "tail", "-n", "2")["entries"]] == [
        "step 1",
        "step 2",
    ]
    assert main(["audit", "tail", "-n", "1"]) == 0
    assert 'swap.step by gateway: step 2 {"share": 2}' in capsys.readouterr().out


def test_a_store_without_a_log_is_whole_and_empty(tmp_path, capsys):
    word = f"store_dir={tmp_path / 'none'}"

    assert told(capsys, 0, "verify", word)["entries"] == 0
    assert told(capsys, 0, "tail", word)["entries"] == []


def test_what_comes_is_shown_as_it_comes(log, run_srlr):
    with run_srlr("audit", "tail", "-n", "1", "--follow", "--json", wait=False) as process:
        first = json.loads(process.stdout.readline())
        log.append("swap.done", "gateway", "done")
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert (first["why"], second["kind"]) == ("step 2", "swap.done")
    assert process.returncode == 130
