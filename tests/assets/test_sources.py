import hashlib

import pytest

from srlr.assets import sources
from srlr.assets.cache import cache_dir
from srlr.assets.sources import locate
from srlr.core.errors import ConfigError, MissingArtifact

SHA = hashlib.sha256(b"hello").hexdigest()


def test_paths_are_used_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)

    for spec in ("model", "./model", "path:model", str(tmp_path / "model"), "~/model"):
        assert locate(spec) == tmp_path / "model"


@pytest.mark.parametrize(
    "spec", ["gone", "path:gone", "path:", "", "c:\\gone", "~nobody/x", "\0", "x" * 300]
)
def test_a_path_that_is_not_there_is_said(spec):
    with pytest.raises(MissingArtifact, match="is not there"):
        locate(spec)


def test_a_name_of_the_catalog_means_the_asset_wherever_one_stands(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(sources, "ensure", lambda name, **_: asked.append(name) or tmp_path)
    (tmp_path / "vader-ground-truth").mkdir()
    monkeypatch.chdir(tmp_path)

    assert locate("vader-ground-truth") == tmp_path
    assert asked == ["vader-ground-truth"]
    assert locate("./vader-ground-truth") == tmp_path / "vader-ground-truth"


def test_a_url_is_fetched_verified_and_cached(index):
    index.pages["/a/hello.txt"] = ("text/plain", b"hello")
    spec = f"url:{index.url}/a/hello.txt#sha256={SHA.upper()}"
    path = locate(spec)

    assert path == cache_dir() / "assets" / f"url-{SHA[:12]}" / SHA[:12] / "hello.txt"
    assert locate(spec).read_bytes() == b"hello"
    assert len(index.seen) == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "file"),
        ("", "file"),
        ("/..", "file"),
        ("/a%5Cb.txt?x=/y", "a_b.txt"),
        ("/%2e", "file"),
    ],
)
def test_a_url_needs_no_proper_file_name(index, path, name):
    index.pages[path or "/"] = ("text/plain", b"hello")

    assert locate(f"url:{index.url}{path}#sha256={SHA}").name == name


@pytest.mark.parametrize(
    ("spec", "said", "fix"),
    [
        ("url:https://me:pw@host/x?token=t", "'url:https://host/x' has no checksum", "#sha256="),
        ("url:https://host/x#sha256=12", "has no checksum", "64 hex digits"),
        (f"url:ftp://host/x#sha256={SHA}", "is not a web address", "https://"),
        (f"url:http:///x#sha256={SHA}", "is not a web address", "https://"),
        ("hub:", "does not name a repository", "hub:org/name"),
        ("hub:a/b/c", "does not name a repository", "hub:org/name"),
        ("hub:org/name@", "does not name a repository", "hub:org/name@revision"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(spec, said, fix):
    with pytest.raises(ConfigError, match=said) as error:
        locate(spec)

    assert fix in error.value.hint
    assert "pw" not in str(error.value)
