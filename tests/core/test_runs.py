"""Names of runs, finding them, what they occupy."""

import fcntl
import os
import re
from datetime import UTC, datetime

import pytest

from srlr.core import runs
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.rundir import RunDir


def make(path, **facts):
    return RunDir.create(path, config_yaml="seed: 1\n", command="srlr train", facts=facts)


def test_a_name_is_the_time_in_utc_and_six_hex_digits():
    at = datetime(2026, 11, 22, 14, 3, 5, tzinfo=UTC)

    assert runs.new_name(at, "a1b2c3") == "2026-11-22T14-03-05_a1b2c3"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d_[0-9a-f]{6}", runs.new_name())


def test_a_drawn_seed_has_31_bits():
    seeds = {runs.draw_seed() for _ in range(50)}

    assert len(seeds) > 40
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_two_configs_that_differ_in_seed_and_place_are_the_same_experiment():
    one = {"seed": 1, "runs_dir": "a", "srl": {"epochs": 3}}

    assert runs.config_hash(one) == runs.config_hash({**one, "seed": 2, "runs_dir": "b"})
    assert runs.config_hash(one) != runs.config_hash({**one, "srl": {"epochs": 4}})


def test_all_runs_lists_the_newest_first_and_leaves_out_what_is_no_run(tmp_path):
    for name in ("a", "b", "c"):
        make(tmp_path / "s-gold" / name)
    (tmp_path / "s-gold" / "empty").mkdir()
    (tmp_path / "s-gold" / "bad").mkdir()
    (tmp_path / "s-gold" / "bad" / "manifest.json").write_text("{")

    assert [run.path.name for run in runs.all_runs(tmp_path)] == ["c", "b", "a"]
    assert runs.all_runs(tmp_path / "nowhere") == []


def test_a_run_is_found_by_path_by_name_and_as_latest(tmp_path):
    path = make(tmp_path / "s-gold" / "r1").path
    runs.point_latest(tmp_path, path)

    assert runs.locate(tmp_path, str(path)) == path
    assert runs.locate(tmp_path, "s-gold/r1") == path
    assert runs.locate(tmp_path, "r1") == path
    assert runs.locate(tmp_path, "latest") == path
    assert runs.locate(tmp_path, "r2") is None
    assert runs.locate(tmp_path, "*") is None


def test_a_name_in_two_groups_must_be_given_as_a_path(tmp_path):
    make(tmp_path / "s-gold" / "r1")
    make(tmp_path / "s-silver" / "r1")
    with pytest.raises(ConfigError, match="names 2 runs"):
        runs.locate(tmp_path, "r1")


def test_a_run_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    make(tmp_path / "s-gold" / "r1")
    with pytest.raises(MissingArtifact) as missing:
        runs.existing(tmp_path, "r2")

    assert "s-gold/r1" in missing.value.hint


def test_a_folder_that_is_no_run_is_left_to_the_reader_to_name(tmp_path):
    assert runs.existing(tmp_path, str(tmp_path)) == tmp_path


def test_latest_moves_to_the_newer_run_and_ignores_runs_kept_elsewhere(tmp_path):
    place = tmp_path / "runs"
    one, two = make(place / "s" / "1").path, make(place / "s" / "2").path
    runs.point_latest(place, one)
    runs.point_latest(place, two)
    runs.point_latest(place, make(tmp_path / "elsewhere").path)

    assert (place / "latest").resolve() == two.resolve()
    assert not (place / "latest").readlink().is_absolute()


def test_removing_the_latest_run_removes_the_link(tmp_path):
    path = make(tmp_path / "s" / "1").path
    runs.point_latest(tmp_path, path)
    runs.remove(path)

    assert not path.exists()
    assert not (tmp_path / "latest").is_symlink()


def test_a_run_that_a_process_works_on_is_not_removed(tmp_path):
    path = make(tmp_path / "s" / "1").path
    with open(path / ".lock", "a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("4321")
        held.flush()

        assert runs.holder(path) == 4321
        with pytest.raises(ResourceError, match="4321"):
            runs.remove(path)

    assert path.exists()
    assert runs.holder(path) is None


def test_a_run_nobody_worked_on_yet_has_no_holder(tmp_path):
    assert runs.holder(make(tmp_path / "r").path) is None


def test_size_counts_files_once_and_follows_no_link(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"x" * 1000)
    os.symlink(tmp_path / "deep" / "a", tmp_path / "b")

    assert runs.size_bytes(tmp_path / "deep") == 1000
    assert runs.size_bytes(tmp_path / "deep" / "a") == 1000


def test_checkpoints_are_folders_with_weights(tmp_path):
    for name, size in (("srl/best", 300), ("srl/step-10", 200)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.safetensors").write_bytes(b"x" * size)

    assert runs.checkpoints(tmp_path) == [("srl/best", 300), ("srl/step-10", 200)]


def test_changed_keys_are_the_leaves_that_differ():
    old = {"seed": 1, "srl": {"epochs": 3, "batch_size": 4}, "gone": 1}
    new = {"seed": 1, "srl": {"epochs": 5, "batch_size": 4}, "new": {"a": 1}}

    assert runs.changed_keys(old, new) == ["gone", "new", "srl.epochs"]


def test_versions_are_read_without_importing():
    found = runs.versions(("typer", "no-such-package"))

    assert found["typer"]
    assert found["no-such-package"] is None


def test_a_run_cannot_be_called_latest(tmp_path):
    with pytest.raises(ConfigError):
        runs.place_for(tmp_path, None, "latest")
