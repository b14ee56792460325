import json
import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import postgres
import pytest

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.evaluating import Track
from srlr.evaluation import tracker
from srlr.evaluation.tracker import Figure

FACTS = {"at": "2026-11-22T14:20:00+00:00", "path": "/runs/a", "code": "c0de", "answers": "a1"}


@pytest.fixture(scope="module")
def entry(report):
    return tracker.entry_of(json.loads(report.model_dump_json()), ["1", "2", "2"], FACTS)


def kept(track, place, *entries, **which):
    with tracker.opened(track, place) as database:
        for one in entries:
            tracker.record(database, one)
        return tracker.history(database, **which)


def test_a_report_becomes_a_row_with_all_its_figures(entry, report):
    figure = report.table[2].metrics["macro_f1"]

    assert (entry.run, entry.role, entry.model) == (report.run, "sentiment", report.model)
    assert (entry.final, entry.tasks, entry.seed) == ("rlvr", 2, 7)
    assert entry.figures["rlvr"]["macro_f1"] == Figure(figure.value, figure.low, figure.high)
    assert entry.figures["rlvr"]["latency_p95_s"].low is None
    assert "latency_p95_s" not in entry.figures["tfidf"]
    assert "ece" not in entry.figures["vader"]


def test_what_is_recorded_is_read_again_the_oldest_first(entry, tmp_path):
    newer = replace(entry, id="2", at="2026-11-23T00:00:00+00:00", role="math", figures={})

    assert kept(Track(), tmp_path, newer, entry) == [entry, newer]
    assert kept(Track(), tmp_path, role="math") == [newer]
    assert kept(Track(), tmp_path, model="other") == []
    assert (tmp_path / tracker.FILE).exists()


def test_an_evaluation_told_twice_is_one_row_with_the_later_figures(entry, tmp_path):
    again = replace(entry, figures={"srl": {"accuracy": Figure(0.5)}})

    assert kept(Track(), tmp_path, entry, again) == [again]


def test_other_answers_of_the_same_run_are_another_evaluation(entry, report):
    data = json.loads(report.model_dump_json())
    other = tracker.entry_of(data, ["1", "2"], {**FACTS, "answers": "b2", "code": None})
    dev = tracker.entry_of({**data, "split": "dev"}, ["1", "2"], FACTS)

    assert other.id != entry.id
    assert other.code == ""
    assert other.tasks_hash == entry.tasks_hash != dev.tasks_hash


def _write(path, entry, name):
    kept(Track(path=path), Path("."), *(replace(entry, id=f"{name}{n}") for n in range(5)))


def test_processes_write_to_one_file_at_once(entry, tmp_path):
    path = str(tmp_path / "deep" / "own.sqlite")
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(path, entry, name)) for name in "abc"]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)

    assert len(kept(Track(path=path), tmp_path)) == 15


def test_a_file_that_is_no_database_is_named_with_the_way_out(tmp_path):
    (tmp_path / tracker.FILE).write_text("no database at all, but long enough to look like one" * 9)
    with pytest.raises(ResourceError, match="file is not a database") as refused:
        kept(Track(), tmp_path)

    assert "srlr track --rebuild" in refused.value.hint


def test_a_place_that_cannot_be_written_is_named(entry, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="evaluations cannot be kept in"):
        kept(Track(path=str(tmp_path / "file" / "own.sqlite")), tmp_path)


def test_a_database_of_another_layout_is_refused(entry, tmp_path):
    with sqlite3.connect(tmp_path / tracker.FILE) as other:
        other.execute("CREATE TABLE srlr_evaluations (id text)")
    with pytest.raises(ResourceError, match=r"no such column|has no column"):
        kept(Track(), tmp_path, entry)


def test_a_row_is_written_whole_or_not_at_all(entry, tmp_path):
    broken = replace(entry, id="x", figures={"srl": {"accuracy": Figure(None)}})
    with pytest.raises(ResourceError, match="NOT NULL"):
        kept(Track(), tmp_path, broken)

    assert kept(Track(), tmp_path) == []


@pytest.mark.parametrize(
    ("address", "error", "what"),
    [
        ("", ConfigError, "holds no address"),
        ("mysql://a:b@c/d", ConfigError, "is not postgresql"),
        ("postgresql://u:hidden@c:port/d", ConfigError, "no address that can be read"),
        ("postgresql://u:hidden@127.0.0.1:9/none", ResourceError, "127.0.0.1:9/none"),
    ],
)
def test_addresses_that_lead_nowhere_are_refused_without_their_passwords(
    monkeypatch, tmp_path, address, error, what
):
    monkeypatch.setenv("OWN_URL", address)
    with pytest.raises(error, match=what) as refused:
        kept(Track(url_env="OWN_URL"), tmp_path)

    assert "hidden" not in str(refused.value)


def test_without_psycopg_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    monkeypatch.setenv("OWN_URL", "postgresql://u:p@127.0.0.1:9/none")
    with pytest.raises(MissingArtifact, match="psycopg") as refused:
        kept(Track(url_env="OWN_URL"), tmp_path)

    assert refused.value.hint == "pip install 'srlr[track]'"


@pytest.mark.slow
def test_postgresql_keeps_the_same(entry, monkeypatch, tmp_path):
    with postgres.running() as url:
        monkeypatch.setenv("OWN_URL", url)
        other = replace(entry, id="2", role="math")
        track = Track(url_env="OWN_URL")

        assert kept(track, tmp_path, entry, other, entry) == [other, entry] or kept(
            track, tmp_path
        ) == [entry, other]
        assert kept(track, tmp_path, role="math") == [other]
        assert not (tmp_path / tracker.FILE).exists()
