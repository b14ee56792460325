import sys
from pathlib import Path

import evaluated
import pytest

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.evaluating import Evaluate, Track
from srlr.evaluation import tracker
from srlr.stages import tracking


class Asked:
    """As much of the settings as tracking reads."""

    def __init__(self, runs_dir, **track):
        self.runs_dir, self.evaluate = str(runs_dir), Evaluate(track=Track(**track))


@pytest.fixture
def rundir(tmp_path):
    return evaluated.make(tmp_path, "a", evaluated.answers("rlvr", 5, 10))


def kept(runs_dir):
    with tracker.opened(Track(), Path(runs_dir)) as database:
        return tracker.history(database)


def test_an_evaluation_is_kept_once_however_often_it_is_told(rundir, tmp_path):
    assert tracking.track(Asked(tmp_path), rundir) == ()
    assert tracking.track(Asked(tmp_path), rundir) == ()
    (entry,) = kept(tmp_path)

    assert (entry.run, entry.tasks, entry.code) == ("a", 10, "c0de")
    assert entry.path == str(rundir.path.resolve())


def test_what_is_not_wanted_is_not_kept(rundir, tmp_path):
    assert tracking.track(Asked(tmp_path, enabled=False), rundir) == ()
    assert not (tmp_path / tracker.FILE).exists()


def test_a_database_that_is_away_is_a_note_and_no_error(rundir, tmp_path, monkeypatch):
    (tmp_path / tracker.FILE).mkdir()
    (note,) = tracking.track(Asked(tmp_path), rundir)

    assert note.startswith("Not tracked: evaluations cannot be kept in")
    assert "srlr track --rebuild" in note

    monkeypatch.setitem(sys.modules, "srlr.evaluation.tracker", None)
    monkeypatch.delattr("srlr.evaluation.tracker", raising=False)
    (note,) = tracking.track(Asked(tmp_path), rundir)

    assert "pip install 'srlr[track]'" in note


def test_a_run_without_or_with_a_damaged_report_has_no_row(rundir):
    rundir.write_json("evaluate/report.json", {"run": "a"})
    with pytest.raises(ConfigError, match=r"report of .* cannot be read"):
        tracking.entry_of(rundir, "2026-11-22T00:00:00+00:00")
    (rundir.path / "evaluate" / "report.json").unlink()
    with pytest.raises(MissingArtifact):
        tracking.entry_of(rundir, "2026-11-22T00:00:00+00:00")
