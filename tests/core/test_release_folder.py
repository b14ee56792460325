import json
import os
import shutil
import sqlite3

import pytest
from released import files, publish

from srlr.core import releases
from srlr.core.errors import ConfigError, MissingArtifact


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def release(store, tmp_path):
    return publish(store, files(tmp_path / "model"), alias="current", lineage={"path": "/runs/a"})


def faults(store, release):
    with releases.opened(store) as registry:
        return [(fault.path, fault.why.split(":")[0]) for fault in registry.verify(release)]


def laid_out(store, release):
    with releases.opened(store) as registry:
        return registry.folder(release)


def overwrite(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


def blob(store, release, name):
    digest = next(one.sha256 for one in release.files if one.path == name)
    return store / "blobs" / digest[:2] / digest


def test_a_byte_that_was_changed_is_found_and_the_file_named(store, release):
    path = blob(store, release, "model.safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    overwrite(path, bytes(data))

    assert faults(store, release) == [("model.safetensors", "was changed")]
    with pytest.raises(ConfigError, match=r"toy@v1 is not what was published") as refused:
        laid_out(store, release)
    assert "'model.safetensors' was changed" in refused.value.what
    assert "srlr deploy --run /runs/a" in refused.value.hint


def test_a_change_in_the_folder_is_found_too_as_it_is_a_link(store, release):
    folder = laid_out(store, release)
    overwrite(folder / "config.json", b"{}")

    assert faults(store, release) == [("config.json", "was changed")]


@pytest.mark.parametrize(
    ("change", "path", "why"),
    [
        (
            lambda f: os.replace(shutil.copy(f / "README.md", f / "x"), f / "config.json"),
            *("config.json", "was changed in"),
        ),
        (lambda f: (f / "config.json").unlink(), "config.json", "is gone from"),
        (lambda f: (f / "evil.py").touch(), "evil.py", "was put into"),
        (lambda f: (f / "release.json").write_text("{}"), "release.json", "was changed in"),
    ],
)
def test_a_folder_that_is_not_as_it_was_laid_out_is_refused(store, release, change, path, why):
    folder = laid_out(store, release)
    change(folder)
    (found,) = faults(store, release)

    assert found[0] == path
    assert found[1].startswith(why)
    with pytest.raises(ConfigError, match=path) as refused:
        laid_out(store, release)
    assert "laid out anew" in refused.value.hint
    shutil.rmtree(folder)
    assert laid_out(store, release) == folder


def test_a_blob_that_is_gone_or_cut_is_named_and_publishing_again_mends_it(
    store, release, tmp_path
):
    blob(store, release, "config.json").unlink()
    cut = blob(store, release, "model.safetensors")
    overwrite(cut, cut.read_bytes()[:1000])

    assert faults(store, release) == [
        ("config.json", "is gone"),
        ("model.safetensors", "was changed"),
    ]
    publish(store, files(tmp_path / "model"), lineage={"path": "/runs/a"})
    assert faults(store, release) == []


def test_a_row_that_was_changed_is_not_what_was_signed(store, release):
    with sqlite3.connect(store / "releases.sqlite") as database:
        (text,) = database.execute("SELECT text FROM srlr_releases").fetchone()
        forged = json.dumps({**json.loads(text), "gate": "none"})
        database.execute("UPDATE srlr_releases SET text = ?", (forged,))
    with releases.opened(store) as registry:
        release = registry.get("toy")

    assert faults(store, release) == [("release.json", "is not what this store's key has signed")]
    with pytest.raises(ConfigError, match=r"release\.json"):
        laid_out(store, release)


def test_a_row_that_holds_no_release_is_an_error_with_a_fix(store, release):
    with sqlite3.connect(store / "releases.sqlite") as database:
        database.execute("UPDATE srlr_releases SET text = '[]'")
    with pytest.raises(ConfigError, match="is no release"), releases.opened(store) as registry:
        registry.get("toy")


def test_a_release_in_use_is_known_as_long_as_its_process_lives(store, release):
    folder = laid_out(store, release)
    with releases.opened(store) as registry:
        with releases.in_use(folder), releases.in_use(folder):
            assert registry.folders.used(release)

        assert not registry.folders.used(release)


def test_a_folder_without_a_release_cannot_be_in_use(tmp_path):
    with pytest.raises(MissingArtifact, match="holds no release"), releases.in_use(tmp_path):
        pass


def test_a_file_system_without_links_gets_copies(store, release, monkeypatch):
    def refuse(*words):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = laid_out(store, release)

    assert (folder / "model.safetensors").stat().st_nlink == 1
    assert faults(store, release) == []
