"""The real huggingface_hub against a hub on this machine."""

import errno
import hashlib
import json
import os
import sys

import pytest

from srlr.assets import store
from srlr.assets.cache import silent
from srlr.assets.locked import HubAsset
from srlr.assets.sources import locate
from srlr.core.errors import MissingArtifact, ResourceError

COMMIT = "c" * 40
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"a pickle",
    "modeling_own.py": b"code",
}


@pytest.fixture
def hub(serve, monkeypatch, tmp_path):
    """A hub with one repository, org/name."""
    constants = pytest.importorskip("huggingface_hub.constants")
    index = serve()
    monkeypatch.setattr(constants, "ENDPOINT", index.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", index.url + _TEMPLATE)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    info = {"id": "org/name", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
    tree = [
        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
        for name, data in FILES.items()
    ]
    index.pages["/api/models/org/name/revision/main"] = _json(info)
    index.pages[f"/api/models/org/name/revision/{COMMIT}"] = _json(info)
    index.pages[f"/api/models/org/name/tree/{COMMIT}"] = _json(tree)
    for name in FILES:
        put(index, name, FILES[name])
    return index


_TEMPLATE = "/{repo_id}/resolve/{revision}/{filename}"


def _json(value):
    return "application/json", json.dumps(value).encode()


def put(index, name, data):
    path = f"/org/name/resolve/{COMMIT}/{name}"
    index.pages[path] = ("application/octet-stream", data)
    etag = hashlib.sha1(data).hexdigest()
    index.headers[path] = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}


def locked(*names):
    files = {name: hashlib.sha256(FILES[name]).hexdigest() for name in names}
    return HubAsset(name="h", repo="org/name", revision=COMMIT, files=files)


@pytest.mark.parametrize("spec", ["hub:org/name", "hub:org/name@main", f"hub:org/name@{COMMIT}"])
def test_a_repository_comes_without_pickles_and_code(hub, spec, capfd):
    told = []
    folder = locate(spec, progress=lambda *event: told.append(event))

    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert told
    assert capfd.readouterr() == ("", "")


def test_a_warm_hub_cache_is_enough_offline(hub, monkeypatch):
    from huggingface_hub import constants

    folder = locate("hub:org/name")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    assert locate("hub:org/name") == folder


def test_what_cannot_be_had_says_why_and_what_to_do(hub, monkeypatch):
    from huggingface_hub import constants

    with pytest.raises(MissingArtifact, match="'hub:org/gone' is not in the hub's cache") as error:
        locate("hub:org/gone")
    assert "hf auth login" in error.value.hint
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(MissingArtifact, match=r"could not be fetched: .*outgoing traffic") as error:
        locate("hub:org/other@v1")
    assert "path:FOLDER" in error.value.hint


def test_a_name_the_hub_refuses_is_said(hub):
    with pytest.raises(MissingArtifact, match=r"'hub:org/na\.\.me'"):
        locate("hub:org/na..me")


def test_without_huggingface_hub_the_fix_is_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(MissingArtifact, match="'huggingface_hub', which is not installed") as error:
        locate("hub:org/name")
    assert error.value.hint == 'pip install "srlr[train]"'


def test_a_disk_that_refuses_is_not_the_hubs_fault(hub, monkeypatch):
    import huggingface_hub

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(ResourceError, match="No space left") as error:
        locate("hub:org/name")
    assert "HF_HOME" in error.value.hint


def test_locked_files_are_verified_and_nothing_else_is_kept(hub):
    folder = store.obtain(locked("config.json", "model.safetensors"), silent)

    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "srlr-asset.json",
    ]


def test_a_wrong_locked_file_is_refetched_once_and_then_refused(hub):
    put(hub, "config.json", b"{x")

    with pytest.raises(MissingArtifact, match=r"config\.json is corrupt: its sha256 is"):
        store.obtain(locked("config.json"), silent)
    fetched = hub.asked(f"/org/name/resolve/{COMMIT}/config.json")
    assert len(fetched) >= 4  # each time its headers, then its body


def test_locked_files_that_cannot_be_had_are_named(hub):
    asset = locked("config.json").model_copy(update={"repo": "org/gone"})

    with pytest.raises(MissingArtifact) as error:
        store.obtain(asset, silent)
    assert "asset 'h' is not in the cache" in error.value.what
    assert f"needed: config.json of org/gone@{COMMIT}" in error.value.what
    assert "bring the files here and run `srlr assets fetch h --from FOLDER`" in error.value.hint
