import json

import pytest
from released import files, publish

from srlr.cli.app import main
from srlr.core import releases


@pytest.fixture
def store(tmp_path):
    """v1 is current, v2 the candidate; its gate failed."""
    given = files(tmp_path / "model", zeros=2000)
    publish(tmp_path / "store", given, alias="current", metrics={"macro_f1": 0.75})
    failed = {"gate": "failed", "failed": ("accuracy is 0.3",), "force": True}
    publish(tmp_path / "store", given, alias="candidate", **failed)
    return tmp_path / "store"


@pytest.fixture
def srlr(store, capsys):
    """`srlr releases WORDS…` on the store: exit code, stdout, stderr; stdout read if it is JSON."""

    def run(*words):
        code = main(["releases", *map(str, words), "--store-dir", str(store)])
        said = capsys.readouterr()
        out = json.loads(said.out)["data"] if "--json" in words else said.out
        return code, out, said.err

    return run


def test_list_shows_versions_with_what_points_to_them(srlr):
    code, out, _ = srlr("list")
    rows = [line.split() for line in out.splitlines()[2:]]

    assert code == 0
    assert rows[0][:5] == ["toy@v2", "candidate", "tiny", "failed", "(forced)"]
    assert rows[1][:5] == ["toy@v1", "current", "tiny", "passed", "0.750"]
    assert [one["name"] for one in srlr("list", "toy", "--json")[1]["releases"]] == [
        "toy@v2",
        "toy@v1",
    ]


def test_list_of_an_empty_store_says_how_to_begin(tmp_path, capsys):
    assert main(["releases", "list", "--store-dir", str(tmp_path / "none")]) == 0
    assert "srlr deploy role=ROLE" in capsys.readouterr().err


def test_show_tells_what_it_is_and_which_files_it_has(srlr):
    _, out, _ = srlr("show", "toy@v2")

    assert "toy@v2 candidate" in out
    assert "not reached: accuracy is 0.3" in out
    assert "model.safetensors" in out
    assert srlr("show", "toy", "--json")[1]["version"] == "v1"


def test_a_release_whose_gate_failed_is_promoted_only_by_force(srlr):
    code, _, err = srlr("promote", "toy")

    assert code == 5
    assert "accuracy is 0.3" in err
    assert srlr("promote", "toy", "--force", "--why", "urgent", "--json")[1]["aliases"] == {
        "current": "v2",
        "backup": "v1",
    }


def test_rollback_is_one_command_and_on_record(srlr, store):
    srlr("promote", "toy", "--force")
    code, out, _ = srlr("rollback", "toy", "--why", "too slow")

    assert (code, out) == (0, "toy: current v1\n")
    with releases.opened(store) as registry:
        *_, last = registry.audit.entries()
    assert (last.kind, last.why) == ("release.rollback", "too slow")
    assert srlr("rollback", "toy")[0] == 3


def test_any_version_is_promoted_by_its_number(srlr):
    srlr("promote", "toy", "v2", "--force")

    assert srlr("promote", "toy", "v1", "--json")[1]["aliases"] == {"current": "v1", "backup": "v2"}
    assert srlr("promote", "toy", "v9")[0] == 3
    assert srlr("promote", "toy")[0] == 3


def test_verify_names_the_file_that_was_changed_and_exits_with_3(srlr, store):
    assert srlr("verify")[:2] == (0, "toy@v1: whole\ntoy@v2: whole\n")
    path = next(p for p in (store / "blobs").glob("??/*") if p.stat().st_size > 2000)
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))
    code, out, _ = srlr("verify", "toy@v1")

    assert code == 3
    assert "toy@v1: not what was published\n  model.safetensors was changed" in out
    assert srlr("verify", "--json")[1]["toy@v2"][0]["path"] == "model.safetensors"


def test_prune_says_what_goes(srlr, tmp_path):
    assert srlr("prune", "--keep", "0")[:2] == (0, "0 files, 0 KB freed\n")
    srlr("promote", "toy", "--force")
    srlr("rollback", "toy")
    data = srlr("prune", "--keep", "0", "--dry-run", "--json")[1]

    assert data == {"releases": ["toy@v2"], "blobs": 0, "bytes": 0, "dry_run": True}
    assert srlr("prune", "--keep", "0")[1].startswith("toy@v2\n")
    assert srlr("show", "toy@v2")[0] == 3


def test_export_copies_what_was_published(srlr, tmp_path):
    code, _, _ = srlr("export", "toy@v2", "--to", tmp_path / "out")

    assert code == 0
    assert (tmp_path / "out" / "model.safetensors").stat().st_nlink == 1
    assert json.loads((tmp_path / "out" / "release.json").read_text())["version"] == "v2"
    code, _, err = srlr("export", "toy", "--to", tmp_path / "out")
    assert (code, "is there already" in err) == (2, True)
    assert srlr("export", "toy", "--to", tmp_path / "o", "--type", "f32")[0] == 2
    assert srlr("export", "toy", "--to", tmp_path / "o.gguf", "--type", "q3")[0] == 2
