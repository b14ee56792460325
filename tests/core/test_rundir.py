"""A run on disk: written whole, read back, locked, refused when damaged."""

import json
import subprocess
import sys

import pytest

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.rundir import RunDir, write_atomic, writing
from srlr.core.types import StageResult


@pytest.fixture
def rundir(tmp_path):
    return RunDir.create(
        tmp_path / "runs" / "r", config_yaml="seed: 1\n", command="srlr x", facts={"seed": 1}
    )


def test_a_new_run_has_its_config_command_and_facts(rundir):
    assert rundir.read_text("config.yaml") == "seed: 1\n"
    assert rundir.read_text("command.txt") == "srlr x\n"
    assert rundir.read_json("manifest.json")["seed"] == 1


def test_an_existing_folder_is_not_taken_for_a_new_run(rundir):
    with pytest.raises(FileExistsError):
        RunDir.create(rundir.path, config_yaml="", command="", facts={})


def test_files_come_back_as_they_were_written(rundir):
    rundir.write_json("a/b.json", {"text": "größer"})
    rundir.write_jsonl("a/c.jsonl", [{"n": 1}, {"n": 2}])

    assert rundir.read_json("a/b.json") == {"text": "größer"}
    assert rundir.read_jsonl("a/c.jsonl") == [{"n": 1}, {"n": 2}]


def test_a_file_that_a_stage_should_have_left_names_the_stage(rundir):
    with pytest.raises(MissingArtifact) as missing:
        rundir.read_json("generate/tasks.jsonl")

    assert f"srlr generate --run {rundir.path}" in missing.value.hint


def test_a_damaged_file_names_its_line(rundir):
    rundir.write_text("srl/result.json", "{")
    rundir.write_text("generate/tasks.jsonl", '{"n": 1}\n{"n":\n')

    with pytest.raises(ConfigError, match="damaged"):
        rundir.read_json("srl/result.json")
    with pytest.raises(ConfigError, match="line 2"):
        rundir.read_jsonl("generate/tasks.jsonl")


def test_a_metric_line_cut_by_a_kill_is_dropped(rundir):
    rundir.metric("srl", 1, loss=0.5)
    rundir.metric("rlvr", 1, reward=0.1)
    with open(rundir.path / "metrics.jsonl", "a") as file:
        file.write('{"stage": "srl", "st')

    assert rundir.metrics("srl") == [{"stage": "srl", "step": 1, "loss": 0.5}]
    assert len(rundir.metrics()) == 2


def test_rewinding_drops_one_stages_later_steps(rundir):
    for step in (1, 2, 3):
        rundir.metric("srl", step, loss=1.0)
        rundir.metric("rlvr", step, loss=1.0)
    rundir.rewind_metrics("srl", 1)

    assert [(row["stage"], row["step"]) for row in rundir.metrics()] == [
        ("srl", 1),
        ("rlvr", 1),
        ("rlvr", 2),
        ("rlvr", 3),
    ]


def test_a_result_is_in_the_manifest_on_disk(rundir):
    rundir.record("srl", status="running", inputs="abc")
    rundir.record_result(StageResult("srl", "srl/best", {"loss": 0.5}, ("a note",)))
    entry = RunDir(rundir.path).status("srl")

    assert entry["status"] == "done"
    assert (entry["inputs"], entry["artifact"]) == ("abc", "srl/best")
    assert (entry["metrics"], entry["notes"]) == ({"loss": 0.5}, ["a note"])


def test_a_forgotten_stage_leaves_nothing(rundir):
    rundir.write_text("srl/x", "x")
    rundir.metric("srl", 1, loss=1.0)
    rundir.record("srl", status="done")
    rundir.forget("srl")

    assert rundir.status("srl") == {}
    assert not (rundir.path / "srl").exists()
    assert rundir.metrics() == []


def test_every_subscriber_hears_progress(rundir):
    heard = []
    for _ in range(2):
        rundir.subscribe(lambda what, done, total, figures: heard.append((what, done, figures)))
    rundir.progress("srl", 1, 2, loss=0.5)

    assert heard == [("srl", 1, {"loss": 0.5})] * 2


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path):
    target = tmp_path / "a"
    write_atomic(target, "old")
    with pytest.raises(TypeError):
        write_atomic(target, 5)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_refused_write_names_place_and_fix(tmp_path):
    with pytest.raises(ResourceError) as refused, writing(tmp_path / "x"):
        raise OSError(28, "No space left on device")

    assert "No space left on device" in refused.value.what
    assert "runs_dir=DIR" in refused.value.hint


@pytest.mark.parametrize(
    ("manifest", "error"),
    [
        (None, MissingArtifact),
        ("{", ConfigError),
        (b"\xff\xfe", ConfigError),
        (json.dumps({"format": 2, "stages": {}}), ConfigError),
    ],
)
def test_a_folder_that_is_no_run_of_this_layout_is_refused(tmp_path, manifest, error):
    if manifest is not None:
        data = manifest if isinstance(manifest, bytes) else manifest.encode()
        (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(error):
        RunDir(tmp_path)


HOLD = """
import sys
from pathlib import Path
from srlr.core.rundir import RunDir
with RunDir(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_is_refused_with_the_holders_pid_and_ends_with_its_process(rundir):
    command = [sys.executable, "-c", HOLD, str(rundir.path)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **streams) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ResourceError, match=f"process {holder.pid}"), rundir.lock():
            pass
        holder.kill()
    with rundir.lock():
        assert (rundir.path / ".lock").read_text().isdigit()
