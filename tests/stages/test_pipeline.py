"""Which run, what is skipped, resumed, forgotten, refused; with stages that take milliseconds."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import fake_stages
import pytest
import yaml

from srlr.core import runs
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact, ResourceError
from srlr.core.rundir import RunDir
from srlr.core.target import Ask
from srlr.stages import pipeline
from srlr.stages.state import NAMES


@pytest.fixture(autouse=True)
def stages(monkeypatch, tmp_path):
    fake_stages.install(lambda name, module: monkeypatch.setitem(sys.modules, name, module))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAKE", raising=False)


def train(*words, names=NAMES, told=None, **ask):
    told = [] if told is None else told
    return pipeline.run(
        Ask(words, **ask), names, tell=lambda stage, event, detail: told.append((stage, event))
    )


def events(rundir):
    lines = (rundir.path / "audit.jsonl").read_text().splitlines()
    return [(row["event"], row.get("stage")) for row in map(json.loads, lines)]


def started(rundir, name):
    return rundir.status(name)["metrics"]["from"]


# -- a run from start to end -----------------------------------------------------------------------


def test_train_runs_every_stage_in_order():
    told = []
    rundir = train(told=told)

    assert told == [(name, event) for name in NAMES for event in ("run", "done")]
    assert [rundir.status(name)["status"] for name in NAMES] == ["done"] * 5


def test_a_seed_is_drawn_and_recorded_in_config_and_manifest():
    first, second = train(), train()
    config = yaml.safe_load(first.read_text("config.yaml"))

    assert config["seed"] == first.manifest["seed"] != second.manifest["seed"]
    assert first.read_text("srl/result.txt").split()[1] == str(config["seed"])


def test_a_given_seed_is_kept():
    assert train("seed=7").manifest["seed"] == 7


def test_the_selected_model_is_in_the_config_of_the_later_stages():
    rundir = train()

    assert rundir.read_text("select/result.txt").startswith("auto ")
    assert rundir.read_text("srl/result.txt").startswith(fake_stages.MODEL)
    assert yaml.safe_load(rundir.read_text("config.yaml"))["model"]["name"] == fake_stages.MODEL
    assert yaml.safe_load(rundir.read_text("config.auto.yaml"))["model"]["name"] == "auto"


def test_a_card_tunes_what_nobody_set():
    rundir = train("srl.epochs=9")
    config = yaml.safe_load(rundir.read_text("config.yaml"))

    assert config["srl"]["learning_rate"] == config["model"]["tuning"]["srl"]["learning_rate"]
    assert config["srl"]["epochs"] == 9


def test_a_run_says_what_made_it():
    manifest = train(command="srlr train").manifest

    assert manifest["command"] == "srlr train"
    assert {"python", "torch", "transformers"} == set(manifest["versions"])
    assert manifest["code"] == runs.code_hash()
    assert manifest["hardware"]["cores"] >= 1


def test_the_log_of_a_run_names_its_stages():
    log = (train().path / "log.txt").read_text()

    assert all(f"{name}: done" in log for name in NAMES)


def test_latest_points_to_the_run_last_worked_on(tmp_path):
    train()
    second = train()

    assert (tmp_path / "runs" / "latest").resolve() == second.path.resolve()


def test_a_stage_run_alone_continues_the_same_run_and_select_comes_by_itself():
    told = []
    first = train(names=("generate",), run="r1", told=told)
    second = train(names=("srl",), run="r1", told=told)

    assert first.path == second.path == runs.place_for(first.path.parents[1], _settings(), "r1")
    assert told[0] == ("select", "run")
    assert ("select", "skip") in told
    assert ("srl", "done") in told


def test_stages_run_one_by_one_find_their_run_without_a_name():
    paths = {train(names=(name,)).path for name in NAMES}

    assert len(paths) == 1


def _settings():
    from srlr.core import compose

    return compose.compose(()).settings


# -- skip and resume -------------------------------------------------------------------------------


def test_a_finished_run_named_again_is_left_untouched():
    rundir = train(run="r1")
    before = {p: p.stat().st_mtime_ns for p in rundir.path.rglob("*")}
    told = []
    train(run="r1", told=told)

    assert told == [(name, "skip") for name in NAMES]
    assert {p: p.stat().st_mtime_ns for p in rundir.path.rglob("*")} == before


def test_the_words_of_the_first_command_may_be_repeated_with_the_name():
    train("role=sentiment", "tier=gold", "srl.epochs=3", run="r1")
    told = []
    train("role=sentiment", "tier=gold", "srl.epochs=3", run="r1", told=told)

    assert told == [(name, "skip") for name in NAMES]


def test_without_a_name_a_finished_run_is_not_continued():
    assert train().path != train().path


def test_a_half_done_stage_goes_on_where_it_was(monkeypatch):
    monkeypatch.setenv("FAKE", "srl:bug")
    with pytest.raises(ValueError, match="a bug"):
        train()
    monkeypatch.delenv("FAKE")
    told = []
    rundir = train(told=told)

    assert len(runs.all_runs(rundir.path.parents[1])) == 1
    assert told[:3] == [("select", "skip"), ("generate", "skip"), ("srl", "resume")]
    assert started(rundir, "srl") == 2


def test_another_config_starts_another_run(monkeypatch):
    monkeypatch.setenv("FAKE", "srl:bug")
    with pytest.raises(ValueError, match="a bug"):
        train()
    monkeypatch.delenv("FAKE")

    assert started(train("srl.epochs=9"), "srl") == 0


def test_pinning_what_a_card_would_tune_is_another_config(monkeypatch):
    """srl.learning_rate=1e-5 is the default before select, and no longer after it."""
    monkeypatch.setenv("FAKE", "srl:bug")
    with pytest.raises(ValueError, match="a bug"):
        train()
    monkeypatch.delenv("FAKE")
    rundir = train("srl.learning_rate=1e-5")

    assert started(rundir, "srl") == 0
    assert yaml.safe_load(rundir.read_text("config.yaml"))["srl"]["learning_rate"] == 1e-5


def test_the_newest_of_two_unfinished_runs_is_continued():
    older, newer = train(names=("generate",), run="a"), train(names=("generate",), run="b")
    rundir = train()

    assert older.path != newer.path == rundir.path


def test_a_given_seed_continues_only_the_run_of_that_seed():
    one, two = (train(f"seed={n}", names=("generate",), run=f"s{n}") for n in (1, 2))

    assert train("seed=1").path == one.path
    assert train("seed=3").path not in (one.path, two.path)


def test_a_missing_artifact_is_made_again():
    rundir = train(run="r1")
    (rundir.path / "rlvr" / "result.txt").unlink()
    told = []
    train(run="r1", told=told)

    assert ("rlvr", "resume") in told
    assert ("srl", "skip") in told


def test_a_run_killed_between_selecting_and_recording_it_selects_again():
    rundir = train(names=("select",), run="r1")
    (rundir.path / "config.yaml").write_text(rundir.read_text("config.auto.yaml"))
    rundir = train(run="r1")

    assert rundir.read_text("srl/result.txt").startswith(fake_stages.MODEL)


# -- overrides and --force -------------------------------------------------------------------------


def test_an_override_of_a_finished_stage_is_refused_with_stage_and_key():
    rundir = train(run="r1")
    before = (rundir.path / "config.yaml").read_text()
    with pytest.raises(ConfigError) as refused:
        train("srl.epochs=9", run="r1")

    assert "srl is finished" in refused.value.what
    assert "srl.epochs" in refused.value.what
    assert "--force" in refused.value.hint
    assert (rundir.path / "config.yaml").read_text() == before


def test_an_override_of_a_stage_to_come_is_taken():
    train(names=("generate",), run="r1")
    rundir = train("srl.epochs=9", run="r1")

    assert yaml.safe_load(rundir.read_text("config.yaml"))["srl"]["epochs"] == 9
    assert rundir.manifest["stages"]["srl"]["status"] == "done"
    assert ("config", None) in events(rundir)


def test_an_override_of_a_half_done_stage_starts_it_from_nothing(monkeypatch):
    monkeypatch.setenv("FAKE", "srl:bug")
    with pytest.raises(ValueError, match="a bug"):
        train(run="r1")
    monkeypatch.delenv("FAKE")
    told = []
    rundir = train("srl.epochs=9", run="r1", told=told)

    assert ("srl", "again") in told
    assert started(rundir, "srl") == 0


def test_force_with_an_override_repeats_that_stage_and_what_follows():
    train(run="r1")
    told = []
    rundir = train("rlvr.epochs=9", run="r1", force=True, told=told)

    assert [stage for stage, event in told if event == "skip"] == ["select", "generate", "srl"]
    assert [stage for stage, event in told if event == "done"] == ["rlvr", "evaluate"]
    assert started(rundir, "rlvr") == 0
    assert ("forget", "rlvr") in events(rundir)


def test_force_on_one_stage_forgets_those_after_it():
    train(run="r1")
    rundir = train(names=("srl",), run="r1", force=True)

    assert set(rundir.manifest["stages"]) == {"select", "generate", "srl"}
    assert not (rundir.path / "rlvr").exists()
    assert {row["stage"] for row in rundir.metrics()} == {"select", "generate", "srl"}


def test_force_on_train_starts_from_the_first_stage():
    train(run="r1")
    told = []
    train(run="r1", force=True, told=told)

    assert [stage for stage, event in told if event == "done"] == list(NAMES)


def test_force_does_not_reach_a_stage_before_the_one_that_was_named():
    train(run="r1")
    with pytest.raises(ConfigError) as refused:
        train("generate.num_tasks=20", names=("rlvr",), run="r1", force=True)

    assert "srlr generate --run" in refused.value.hint


def test_a_forced_change_of_tier_selects_again():
    train(run="r1")
    rundir = train("tier=silver", run="r1", force=True)

    assert rundir.read_text("select/result.txt").startswith("auto ")
    assert yaml.safe_load(rundir.read_text("config.yaml"))["tier"]["name"] == "silver"
    assert yaml.safe_load(rundir.read_text("config.auto.yaml"))["tier"]["name"] == "silver"


def test_changed_data_of_a_finished_stage_is_noticed(tmp_path):
    data = tmp_path / "mine.jsonl"
    data.write_text('{"text": "good", "sentiment": "positive"}\n')
    train(f"role.data={data}", run="r1")
    data.write_text('{"text": "bad", "sentiment": "negative"}\n')
    with pytest.raises(ConfigError, match=r"is finished in .* the data"):
        train(run="r1")


# -- what is missing, what fails -------------------------------------------------------------------


def test_a_stage_whose_forerunner_is_not_done_names_the_command(tmp_path):
    with pytest.raises(MissingArtifact) as missing:
        train("tier=gold", names=("srl",))

    assert missing.value.what.startswith("srl needs generate")
    assert "srlr generate tier=gold" in missing.value.hint
    assert not (tmp_path / "runs").exists()


def test_in_an_existing_run_the_command_names_the_run():
    rundir = train(names=("generate",), run="r1")
    with pytest.raises(MissingArtifact) as missing:
        train(names=("rlvr",), run="r1")

    assert missing.value.hint == f"srlr srl --run {rundir.path}"


def test_a_failed_gate_stops_there_and_is_recorded(monkeypatch):
    monkeypatch.setenv("FAKE", "srl:gate")
    with pytest.raises(GateFailed):
        train(run="r1")
    rundir = RunDir(next((runs.Path("runs")).glob("*/r1")))

    assert rundir.status("srl")["status"] == "failed"
    assert rundir.status("srl")["gate"] is True
    assert ("gate", "srl") in events(rundir)
    assert rundir.status("rlvr") == {}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("full", ("disk is full", "free some space")),
        ("deny", ("no permission", "runs_dir=DIR")),
        ("memory", ("out of memory", "srl.micro_batch_tokens=512")),
    ],
)
def test_a_refusal_of_the_machine_says_what_to_do_and_the_run_goes_on(monkeypatch, what, words):
    monkeypatch.setenv("FAKE", f"srl:{what}")
    with pytest.raises(ResourceError) as refused:
        train()
    monkeypatch.delenv("FAKE")

    assert all(word in str(refused.value) for word in words)
    assert started(train(), "srl") == 2


def test_any_other_error_passes_unchanged_and_is_in_the_log(monkeypatch):
    monkeypatch.setenv("FAKE", "rlvr:bug")
    with pytest.raises(ValueError, match="a bug"):
        train(run="r1")
    rundir = RunDir(next((runs.Path("runs")).glob("*/r1")))

    assert rundir.status("rlvr")["status"] == "failed"
    assert "Traceback" in (rundir.path / "log.txt").read_text()


def test_a_folder_that_is_no_run_is_never_written_into(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ResourceError, match="is not a run"):
        train(run=f"{tmp_path}/mine")

    assert list((tmp_path / "mine").iterdir()) == []


def test_a_run_of_another_layout_is_refused():
    rundir = train(names=("select",), run="r1")
    rundir.manifest["format"] = 99
    rundir.save_manifest()
    with pytest.raises(ConfigError, match="layout version 99"):
        train(run="r1")


@pytest.mark.parametrize("content", ["role: [", "- 1\n", ""])
def test_a_damaged_config_of_a_run_is_named(content):
    rundir = train(names=("generate",), run="r1")
    (rundir.path / "config.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        train(run="r1")


def test_another_version_of_the_code_is_noted(monkeypatch, caplog):
    rundir = train(names=("generate",), run="r1")
    rundir.manifest["code"] = "0" * 16
    rundir.save_manifest()
    rundir = train(run="r1")

    assert ("code", None) in events(rundir)
    assert "code has changed" in caplog.text


# -- plan ------------------------------------------------------------------------------------------


def test_a_plan_touches_nothing(tmp_path):
    aim, planned = pipeline.plan(Ask(("tier=gold",)))

    assert [(one.stage, one.state) for one in planned] == [(name, "run") for name in NAMES]
    assert aim.final.settings.model.name == fake_stages.MODEL
    assert not (tmp_path / "runs").exists()


def test_a_plan_of_a_half_done_run_says_what_is_left(monkeypatch):
    monkeypatch.setenv("FAKE", "rlvr:bug")
    with pytest.raises(ValueError, match="a bug"):
        train()
    _, planned = pipeline.plan(Ask())

    assert [one.state for one in planned] == ["skip", "skip", "skip", "resume", "run"]


def test_a_plan_with_force_says_what_is_done_again():
    train(run="r1")
    _, planned = pipeline.plan(Ask(("rlvr.epochs=9",), run="r1", force=True))

    assert [one.state for one in planned] == ["skip", "skip", "skip", "run", "run"]


# -- other processes -------------------------------------------------------------------------------


def _until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def _sleeping(tmp_path):
    return lambda: list(tmp_path.glob("runs/*/*/sleeping"))


def test_a_second_process_on_a_run_is_refused_with_the_holders_pid(run_srlr, tmp_path):
    first = run_srlr("train", "--run", "r1", env={"FAKE": "srl:sleep"}, fake=True, wait=False)
    try:
        _until(_sleeping(tmp_path))
        named = run_srlr("train", "--run", "r1", fake=True)
        unnamed = run_srlr("train", fake=True)
    finally:
        first.kill()
        first.communicate()

    assert named.returncode == unnamed.returncode == 4
    assert f"in use by process {first.pid}" in named.stderr
    assert "--run NEW-NAME" in unnamed.stderr


@pytest.mark.parametrize("stage", ["select", "generate", "srl", "rlvr", "evaluate"])
def test_after_kill_9_the_same_command_goes_on(run_srlr, tmp_path, stage):
    first = run_srlr("train", env={"FAKE": f"{stage}:sleep"}, fake=True, wait=False)
    _until(_sleeping(tmp_path))
    first.kill()
    first.communicate()
    second = run_srlr("train", "--json", fake=True)
    data = json.loads(second.stdout)["data"]

    assert second.returncode == 0
    assert len(list(tmp_path.glob("runs/*/*/manifest.json"))) == 1
    assert data["stages"][stage]["metrics"]["from"] == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_says_how_to_go_on(run_srlr, tmp_path, number, code):
    first = run_srlr("train", env={"FAKE": "srl:sleep"}, fake=True, wait=False)
    _until(_sleeping(tmp_path))
    first.send_signal(number)
    _, stderr = first.communicate(timeout=30)
    run = next(tmp_path.glob("runs/*/*/manifest.json")).parent

    assert first.returncode == code
    assert "interrupted" in stderr
    assert f"srlr train --run runs/{run.parent.name}/{run.name}" in stderr
    assert "Traceback" not in stderr
    assert run_srlr("train", "--run", run, fake=True).returncode == 0


def test_a_full_disk_ends_with_4_and_loses_nothing(run_srlr, tmp_path):
    """No file may grow past 3,500 bytes; the write that would do it fails as on a full disk."""
    limited = run_srlr("train", "--run", "r1", fake=True, preexec_fn=lambda: _limit_files(3_500))
    again = run_srlr("train", "--run", "r1", fake=True)

    assert limited.returncode == 4
    assert "fix: free some space" in limited.stderr
    assert again.returncode == 0


def _limit_files(size):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a file system")
def test_a_really_full_file_system(run_srlr, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "none", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this container may not mount")
    try:
        full = run_srlr("train", f"runs_dir={place}", fake=True)
    finally:
        subprocess.run(["umount", str(place)], check=True)

    assert full.returncode == 4
    assert os.strerror(errno.ENOSPC) in full.stderr


def test_a_run_folder_of_somebody_else(run_srlr, no_privileges, tmp_path):
    (tmp_path / "runs").mkdir()
    no_privileges.close(tmp_path / "runs")
    refused = run_srlr("train", fake=True, preexec_fn=no_privileges.drop)

    assert refused.returncode == 4
    assert "cannot write" in refused.stderr
    assert "runs_dir=DIR" in refused.stderr
