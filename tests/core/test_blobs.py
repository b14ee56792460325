import pytest

from srlr.core.blobs import Blob, Blobs
from srlr.core.errors import ResourceError

A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # sha256 of "a"


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def test_a_file_is_kept_under_its_sha256_and_cannot_be_written(blobs, tmp_path):
    (tmp_path / "file").write_text("a")
    blob = blobs.add(tmp_path / "file")

    assert blob == Blob(A, 1)
    assert blobs.path(A).read_text() == "a"
    assert blobs.path(A).stat().st_mode & 0o777 == 0o444
    assert list(blobs.all()) == [blob]
    assert blobs.fault(blob) is None


def test_a_blob_that_is_there_is_not_written_again_unless_it_is_damaged(blobs, tmp_path):
    (tmp_path / "file").write_text("a")
    blobs.add(tmp_path / "file")
    before = blobs.path(A).stat().st_ino
    blobs.add(tmp_path / "file")

    assert blobs.path(A).stat().st_ino == before
    blobs.path(A).chmod(0o644)
    blobs.path(A).write_text("b")
    assert blobs.fault(Blob(A, 1)) == "was changed"
    blobs.add(tmp_path / "file")
    assert blobs.fault(Blob(A, 1)) is None


def test_a_source_that_is_not_there_is_named(blobs, tmp_path):
    with pytest.raises(ResourceError, match="nothing-here"):
        blobs.add(tmp_path / "nothing-here")


def test_a_place_that_cannot_be_written_is_named_with_the_fix(tmp_path):
    (tmp_path / "file").write_text("a")
    with pytest.raises(ResourceError, match="Not a directory") as refused:
        Blobs(tmp_path / "file" / "blobs").add(tmp_path / "file")

    assert "store_dir=DIR" in refused.value.hint
