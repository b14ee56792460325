"""The audit log: a chain that shows what was done to it."""

import json
import multiprocessing

from srlr.core.audit import START, Audit


def log(tmp_path, count=3):
    audit = Audit(tmp_path / "store" / "audit.jsonl")
    for number in range(count):
        audit.append("swap.step", "gateway", f"step {number}", {"share": number / 4})
    return audit


def test_entries_come_back_in_order_and_each_names_the_one_before(tmp_path):
    entries = list(log(tmp_path).entries())

    assert [entry.why for entry in entries] == ["step 0", "step 1", "step 2"]
    assert [entry.before for entry in entries] == [START, entries[0].hash, entries[1].hash]


def test_an_untouched_log_holds(tmp_path):
    assert log(tmp_path).verify() == []


def test_a_log_that_is_not_there_is_empty_and_holds(tmp_path):
    audit = Audit(tmp_path / "audit.jsonl")

    assert list(audit.entries()) == []
    assert audit.verify() == []


def test_a_changed_line_is_named(tmp_path):
    audit = log(tmp_path)
    audit.path.write_text(audit.path.read_text().replace('"step 1"', '"step 9"'))

    assert [(found.line, found.why) for found in audit.verify()] == [(2, "was changed")]


def test_a_line_taken_out_is_named_at_the_next_one(tmp_path):
    audit = log(tmp_path)
    lines = audit.path.read_text().splitlines(keepends=True)
    audit.path.write_text(lines[0] + lines[2])

    assert [(found.line, found.why) for found in audit.verify()] == [
        (2, "does not follow the line before")
    ]


def test_a_line_that_a_killed_writer_left_is_kept_apart_and_named(tmp_path):
    audit = log(tmp_path)
    with open(audit.path, "a") as file:
        file.write('{"at": "2026')
    audit.append("swap.step", "gateway", "after", {})

    assert [found.line for found in audit.verify()] == [4, 5]
    assert [entry.why for entry in audit.entries()][-1] == "after"


def test_an_entry_longer_than_what_is_read_at_once_is_followed(tmp_path):
    audit = log(tmp_path)
    audit.append("release", "me", "x" * 20_000)
    audit.append("release", "me", "after")

    assert audit.verify() == []


def _write(path, who):
    for number in range(25):
        Audit(path).append("test", who, str(number))


def test_processes_that_write_at_once_keep_the_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert Audit(path).verify() == []
    assert len(path.read_text().splitlines()) == 75


def test_text_that_is_not_ascii_keeps_its_hash(tmp_path):
    audit = log(tmp_path)
    audit.append("release", "Jürgen", "läuft → weiter")

    assert audit.verify() == []
    assert json.loads(audit.path.read_text().splitlines()[-1])["by"] == "Jürgen"
