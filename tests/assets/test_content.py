import hashlib
import json
import os

import pytest

from srlr.assets.content import STAMP, Wanted, digest, human, read_stamp, write_stamp

ABC = hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("content", "size", "said"),
    [
        (b"abc", 3, None),
        (b"abc", None, None),
        (b"ab", 3, "truncated: 2 bytes where 3 are locked"),
        (b"abcd", 3, "too long: 4 bytes where 3 are locked"),
        (
            b"abd",
            3,
            f"corrupt: its sha256 is {hashlib.sha256(b'abd').hexdigest()}, locked is {ABC}",
        ),
        (
            b"ab",
            None,
            f"corrupt: its sha256 is {hashlib.sha256(b'ab').hexdigest()}, locked is {ABC}",
        ),
    ],
)
def test_a_mismatch_says_how_the_file_differs(tmp_path, content, size, said):
    (tmp_path / "f").write_bytes(content)

    assert Wanted("f", ABC, size).mismatch(tmp_path / "f") == said


def test_a_file_that_cannot_be_read_is_a_mismatch(tmp_path):
    assert Wanted("f", ABC).mismatch(tmp_path / "f") == "not there"
    assert Wanted("f", ABC).mismatch(tmp_path) == "unreadable: Is a directory"


def test_a_changed_file_is_hashed_again(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    before, time = digest(path), path.stat().st_mtime_ns
    path.write_bytes(b"abd")
    os.utime(path, ns=(time, time))  # size and time as before; the change time still tells

    assert (before, digest(path)) == (ABC, hashlib.sha256(b"abd").hexdigest())


def test_a_stamp_records_every_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f").write_bytes(b"abc")
    write_stamp(tmp_path, {"name": "tiny"})
    write_stamp(tmp_path, read_stamp(tmp_path))  # itself excepted, also the second time

    stamp = read_stamp(tmp_path)
    assert stamp["name"] == "tiny"
    assert list(stamp["files"]) == ["sub/f"]
    assert stamp["files"]["sub/f"]["sha256"] == ABC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({"format": 1, "files": {"f": {}}}),
        json.dumps({"format": 1, "files": {"f": {"sha256": 1, "size": 1, "mtime_ns": 1}}}),
        json.dumps({"format": 1, "files": {"f": {"sha256": ABC, "size": "1", "mtime_ns": 1}}}),
        json.dumps({"format": 2, "files": {}}),
        "\udcff",
    ],
)
def test_a_damaged_stamp_says_nothing(tmp_path, text):
    (tmp_path / STAMP).write_bytes(text.encode("utf-8", "surrogateescape"))

    assert read_stamp(tmp_path) == {}


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (2500, "2.5 kB"), (92871040, "92.9 MB"), (3e9, "3.0 GB")],
)
def test_sizes_are_said_as_people_do(size, said):
    assert human(size) == said
