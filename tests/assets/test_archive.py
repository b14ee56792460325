import io
import tarfile
import zipfile

import pytest

from srlr.assets.archive import copy_member
from srlr.assets.cache import silent
from srlr.assets.web import Unavailable


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def link(path, kind):
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("a/b")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    return path


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_one_member_is_copied_and_nothing_else(tmp_path, make):
    archive = make(tmp_path / "archive", {"a/b": b"hello", "../evil": b"x", "setup.py": b"x"})
    out = tmp_path / "out"
    out.mkdir()
    told = []
    copy_member(archive, "a/b", out / "b", 5, lambda *event: told.append(event))

    assert (out / "b").read_bytes() == b"hello"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["archive", "b", "out"]
    assert told == [("unpacking b", 5, 5)]


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("member", ["../evil", "/etc/passwd", "a/../../evil"])
def test_a_member_that_points_outside_is_refused_though_it_is_there(tmp_path, make, member):
    archive = make(tmp_path / "archive", {member: b"x"})

    with pytest.raises(Unavailable, match="points outside the archive"):
        copy_member(archive, member, tmp_path / "out", 1, silent)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_a_member_that_is_no_plain_file_is_refused(tmp_path, kind):
    with pytest.raises(Unavailable, match="is not a plain file"):
        copy_member(link(tmp_path / "archive", kind), "a/b", tmp_path / "out", 1, silent)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_missing_member_is_said(tmp_path, make):
    with pytest.raises(Unavailable, match="has no member 'a/c'"):
        copy_member(make(tmp_path / "archive", {"a/b": b""}), "a/c", tmp_path / "out", 1, silent)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_archive_bomb_writes_one_byte_more_than_was_locked(tmp_path, make):
    archive = make(tmp_path / "archive", {"a/b": bytes(10_000_000)})
    copy_member(archive, "a/b", tmp_path / "out", 100, silent)

    assert (tmp_path / "out").stat().st_size == 101


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_damaged_archives_are_said_wherever_the_damage_is(tmp_path, make):
    members = {"a/b": bytes(range(256)) * 400, "c": b"x"}
    whole = make(tmp_path / "archive", members).read_bytes()
    for at in (0, 5, len(whole) // 2):
        (tmp_path / "archive").write_bytes(whole[:at])
        with pytest.raises(Unavailable):
            copy_member(tmp_path / "archive", "c", tmp_path / "out", 1, silent)


def test_a_flipped_bit_in_a_member_is_said(tmp_path):
    archive = make_zip(tmp_path / "archive", {"a/b": bytes(range(256)) * 40})
    data = bytearray(archive.read_bytes())
    data[60] ^= 0xFF
    archive.write_bytes(data)

    with pytest.raises(Unavailable, match="is damaged"):
        copy_member(archive, "a/b", tmp_path / "out", 256 * 40, silent)
