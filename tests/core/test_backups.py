import numpy as np
import pytest
from published import publish
from safetensors.numpy import load_file, save_file

from srlr.core import backups, releases
from srlr.core.errors import ConfigError, MissingArtifact


@pytest.fixture
def registry(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file({"weights": np.zeros(1000)}, folder / "model.safetensors")
    publish(tmp_path / "store", folder)
    save_file({"weights": np.ones(1000)}, folder / "model.safetensors")
    publish(tmp_path / "store", folder, alias="candidate")
    with releases.opened(tmp_path / "store") as registry:
        yield registry


def damage(path):
    path.chmod(0o644)
    path.write_bytes(b"damaged")


def test_a_backup_is_whole_and_shares_no_file_with_the_store(registry):
    release = registry.get("sentiment", "v2")
    found = backups.create(registry, release, "test", "test")

    assert backups.faults(found) == []
    assert registry.aliases("sentiment") == {"current": "v1", "candidate": "v2", "backup": "v2"}
    assert (found.folder / "model.safetensors").stat().st_nlink == 1
    assert [one.release.version for one in backups.listed(registry)] == ["v2"]


def test_a_backup_of_the_current_release_leaves_the_aliases(registry):
    backups.create(registry, registry.get("sentiment"), "test", "test")

    assert "backup" not in registry.aliases("sentiment")


def test_a_damaged_release_is_mended_from_its_backup(registry):
    release = registry.get("sentiment", "v2")
    backups.create(registry, release, "test", "test")
    for one in release.files:
        damage(registry.blobs.path(one.sha256))
    with pytest.raises(ConfigError):
        registry.folder(release)

    folder = backups.restore(registry, release, "test", "test")

    assert load_file(folder / "model.safetensors")["weights"].sum() == 1000
    assert registry.verify(release) == []


def test_a_damaged_backup_is_named_and_nothing_comes_back_from_it(registry):
    release = registry.get("sentiment", "v2")
    found = backups.create(registry, release, "test", "test")
    damage(found.folder / "model.safetensors")

    assert [fault.path for fault in backups.faults(found)] == ["model.safetensors"]
    with pytest.raises(ConfigError, match=r"'model\.safetensors' was changed"):
        backups.restore(registry, release, "test", "test")

    assert backups.faults(backups.create(registry, release, "test", "again")) == []


def test_what_has_no_backup_cannot_be_restored(registry):
    with pytest.raises(MissingArtifact, match="there is no backup of sentiment@v1"):
        backups.restore(registry, registry.get("sentiment", "v1"), "test", "test")
