import os

import pytest

from srlr.assets import cache, check
from srlr.assets.content import STAMP, forget_digests, read_stamp
from srlr.assets.locked import DerivedAsset, HubAsset, PathAsset


@pytest.fixture
def stored(tiny):
    """A tiny asset whose content is in the cache."""
    world = tiny()
    folder = cache.staging(world.asset)
    (folder / "model.bin").write_bytes(world.payload)
    cache.publish(world.asset, folder, {"name": "tiny"})
    return world


def flip(path, *, keep_time):
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    time = path.stat().st_mtime_ns
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(time, time))


def test_states(stored, tiny):
    assert check.inspect(stored.asset).status == "ready"
    assert check.inspect(tiny(name="other").asset).status == "missing"

    flip(check.content(stored.asset), keep_time=False)
    state = check.inspect(stored.asset)
    assert state.status == "corrupt"
    assert state.why.startswith("model.bin is corrupt: its sha256 is ")


def test_a_small_file_is_hashed_on_every_use_whatever_its_time_says(stored):
    flip(check.content(stored.asset), keep_time=True)

    assert check.inspect(stored.asset).status == "corrupt"


def test_a_large_file_is_believed_while_size_and_time_are_as_recorded(stored):
    path = check.content(stored.asset)
    flip(path, keep_time=True)

    assert check.inspect(stored.asset, hashed_bytes=100).status == "ready"
    assert check.inspect(stored.asset, hashed_bytes=None).status == "corrupt"
    path.write_bytes(path.read_bytes()[:-1])
    assert "truncated" in check.inspect(stored.asset, hashed_bytes=100).why


def test_a_copied_cache_is_hashed_once_and_then_believed_again(stored):
    path = check.content(stored.asset)
    os.utime(path, ns=(1, 1))

    assert check.inspect(stored.asset, hashed_bytes=100).status == "ready"
    assert read_stamp(path.parent)["files"]["model.bin"]["mtime_ns"] == 1
    assert read_stamp(path.parent)["name"] == "tiny"


def test_a_missing_file_or_record_is_noticed(stored):
    asset = stored.asset
    derived = DerivedAsset(
        name="tiny", source=asset, recipe="gguf-to-safetensors", recipe_version=1
    )
    folder = cache.staging(derived)
    (folder / "config.json").write_text("{}")
    made = cache.publish(derived, folder, {})
    assert check.inspect(derived).status == "ready"
    assert check.content(derived) == made

    (made / STAMP).write_text("")
    assert check.inspect(derived).why == f"its record {STAMP} is missing or damaged"
    check.content(asset).unlink()
    assert check.inspect(asset).why == "model.bin is not there"
    assert check.inspect(asset, hashed_bytes=0).why == "model.bin is not there"


def test_a_package_needs_no_record(stored):
    (check.content(stored.asset).parent / STAMP).unlink()

    assert check.inspect(stored.asset).status == "ready"


def test_hub_files_are_checked_against_the_lock(tiny):
    world = tiny()
    files = {"sub/model.bin": world.asset.sha256}
    asset = HubAsset(name="h", repo="org/name", revision="a" * 40, files=files)
    folder = cache.staging(asset)
    (folder / "sub").mkdir()
    (folder / "sub" / "model.bin").write_bytes(world.payload)
    final = cache.publish(asset, folder, {})

    assert check.inspect(asset) == check.State("h", "ready", "", final)
    (final / "sub" / "model.bin").write_bytes(b"x")
    forget_digests()
    assert check.inspect(asset).status == "corrupt"


def test_a_path_is_checked_where_it_is(tiny, tmp_path):
    world = tiny()
    path = tmp_path / "model.bin"
    asset = PathAsset(name="p", path=path, sha256=world.asset.sha256)
    assert check.inspect(asset).status == "missing"

    path.write_bytes(world.payload)
    assert check.inspect(asset).path == path
    assert check.inspect(asset).status == "ready"
    path.write_bytes(b"x")
    assert check.inspect(asset).status == "corrupt"
