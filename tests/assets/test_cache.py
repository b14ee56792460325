import errno
import os
import threading
from pathlib import Path

import pytest

from srlr.assets import cache
from srlr.core.errors import ResourceError


@pytest.mark.parametrize(
    ("srlr", "xdg", "found"),
    [
        ("/x/mine", "/x/xdg", "/x/mine"),
        (None, "/x/xdg", "/x/xdg/srlr"),
        ("", "/x/xdg", "/x/xdg/srlr"),
        (None, None, "~/.cache/srlr"),
        (None, "relative/is/ignored", "~/.cache/srlr"),
        ("~/mine", None, "~/mine"),
    ],
)
def test_the_cache_is_where_the_environment_says(monkeypatch, srlr, xdg, found):
    for name, value in (("SRLR_CACHE", srlr), ("XDG_CACHE_HOME", xdg)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)

    assert cache.cache_dir() == Path(found).expanduser()


def test_a_relative_cache_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRLR_CACHE", "here")

    assert cache.cache_dir() == tmp_path / "here"


def test_without_a_home_folder_the_fix_is_srlr_cache(monkeypatch):
    monkeypatch.delenv("SRLR_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does when nobody knows

    with pytest.raises(ResourceError) as error:
        cache.cache_dir()
    assert "SRLR_CACHE" in error.value.hint


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "you can write to"),
        (errno.EROFS, "you can write to"),
    ],
)
def test_a_refusal_of_the_disk_names_cause_folder_and_fix(code, fix):
    with pytest.raises(ResourceError) as error, cache.disk(Path("/some/where")):
        raise OSError(code, os.strerror(code))

    assert "'/some/where'" in error.value.what
    assert os.strerror(code) in error.value.what
    assert fix in error.value.hint
    assert "SRLR_CACHE" in error.value.hint


def test_a_disk_without_room_is_refused_before_anything_is_written(tmp_path):
    cache.need_space(tmp_path / "new", 1)

    with pytest.raises(ResourceError, match=r"too full: 1000000000\.0 GB are needed"):
        cache.need_space(tmp_path, 10**18)


def test_who_waits_for_another_is_told_so():
    told, order = [], []
    waiting = threading.Event()

    def second():
        def progress(what, done, total):
            told.append(what)
            waiting.set()

        with cache.exclusive("tiny", progress):
            order.append("second")

    with cache.exclusive("tiny", cache.silent):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        order.append("first")
    thread.join(60)

    assert order == ["first", "second"]
    assert told == ["waiting for another process to finish tiny"]


def test_publishing_replaces_content_whole_and_takes_leftovers_along(tiny):
    asset = tiny().asset
    for text in ("old", "new"):
        folder = cache.staging(asset)
        (folder / "file").write_text(text)
        (folder / "file").chmod(0o600)
        cache.part(asset).write_text("left by an interrupted download")
        final = cache.publish(asset, folder, {"name": asset.name})

    assert (final / "file").read_text() == "new"
    assert (final / "file").stat().st_mode & 0o044 == final.stat().st_mode & 0o044
    assert [path.name for path in final.parent.iterdir()] == [final.name]


def test_staging_starts_empty_even_after_a_crash(tiny):
    asset = tiny().asset
    (cache.staging(asset) / "half").write_text("of it")

    assert list(cache.staging(asset).iterdir()) == []
