import hashlib
import json

import pytest
import yaml
from typer.testing import CliRunner

from srlr.cli.assets import app
from srlr.core.errors import ConfigError, MissingArtifact

DATA = b"hello\n"
NAME = "tiny"


@pytest.fixture
def config_dir(tmp_path, monkeypatch):
    """A --config-dir that locks one asset, which nobody serves but `brought` has."""
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_RETRIES", "0")
    (tmp_path / "conf" / "assets").mkdir(parents=True)
    facts = {
        "kind": "url",
        "url": "http://127.0.0.1:1/hello.txt",
        "filename": "hello.txt",
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "size": len(DATA),
        "licence": "MIT",
        "description": "a greeting",
    }
    (tmp_path / "conf" / "assets" / f"{NAME}.yaml").write_text(yaml.safe_dump(facts))
    (tmp_path / "brought.txt").write_bytes(DATA)
    return str(tmp_path / "conf")


@pytest.fixture
def brought(tmp_path, config_dir):
    return str(tmp_path / "brought.txt")


@pytest.fixture
def srlr(config_dir):
    """Runs `srlr assets ...` with that --config-dir."""

    def run(*words):
        return CliRunner().invoke(app, [*words, "--config-dir", config_dir])

    return run


def data(result):
    answer = json.loads(result.stdout)
    return answer["kind"], answer["data"]


def cached(tmp_path):
    return next((tmp_path / "cache" / "assets" / NAME).glob("*/hello.txt"))


def test_list_shows_what_is_locked_and_what_the_cache_has(srlr, brought, tmp_path):
    result = srlr("list")
    assert result.exit_code == 0
    assert "smollm2-135m-instruct" in result.stdout
    assert "23,703" in result.stdout
    assert f"cache: {tmp_path / 'cache'}" in result.stderr

    srlr("fetch", NAME, "--from", brought)
    kind, listed = data(srlr("list", "--json"))
    assert kind == "assets.list"
    rows = {row["name"]: row for row in listed["assets"]}
    assert rows[NAME] | {"path": ""} == {
        "name": NAME,
        "status": "ready",
        "why": "",
        "kind": "url",
        "size": 6,
        "licence": "MIT",
        "description": "a greeting",
        "path": "",
    }
    assert rows["vader-ground-truth"]["status"] == "missing"


def test_list_shows_what_no_catalog_knows(srlr, tmp_path):
    (tmp_path / "cache" / "assets" / "url-1").mkdir(parents=True)

    assert "also in the cache: url-1" in srlr("list").stderr
    assert data(srlr("list", "--json"))[1]["others"] == ["url-1"]


def test_fetch_prints_the_path_and_nothing_else_on_stdout(srlr, brought, tmp_path):
    result = srlr("fetch", NAME, "--from", brought)

    assert result.exit_code == 0
    assert result.stdout == f"{cached(tmp_path)}\n"
    assert "storing tiny" in result.stderr
    again = srlr("fetch", NAME, "--json")
    assert again.stderr == ""
    assert data(again) == (
        "assets.fetch",
        {"assets": [{"name": NAME, "path": str(cached(tmp_path))}]},
    )


def test_fetch_can_be_quiet(srlr, brought):
    assert srlr("fetch", NAME, "--from", brought, "--quiet").stderr == ""


def test_fetch_offline_says_what_is_missing(srlr):
    result = srlr("fetch", NAME)

    assert isinstance(result.exception, MissingArtifact)
    assert "needed: hello.txt (6 bytes) from http://127.0.0.1:1/hello.txt" in result.exception.what
    assert "srlr assets fetch tiny --from FILE" in result.exception.hint


def test_verify_reads_what_is_cached_and_fails_on_damage(srlr, brought, tmp_path):
    assert "smollm2-135m-instruct missing" in srlr("verify").stdout
    assert srlr("verify").exit_code == 0
    assert srlr("verify", NAME).exit_code == 3

    srlr("fetch", NAME, "--from", brought)
    result = srlr("verify", NAME, "--json")
    assert (result.exit_code, data(result)) == (
        0,
        ("assets.verify", {"assets": [{"name": NAME, "status": "ready", "why": ""}]}),
    )
    cached(tmp_path).write_bytes(b"hellO\n")
    result = srlr("verify")
    assert result.exit_code == 3
    assert f"{NAME} corrupt hello.txt is corrupt: its sha256 is" in result.stdout
    assert "fix: srlr assets fetch tiny" in result.stderr


def test_remove_frees_the_space(srlr, brought, tmp_path):
    srlr("fetch", NAME, "--from", brought)
    path = cached(tmp_path)
    result = srlr("remove", NAME)

    assert result.exit_code == 0
    assert "tiny: " in result.stdout
    assert "freed" in result.stdout
    assert not path.exists()
    kind, removed = data(srlr("remove", NAME, "--json"))
    assert (kind, removed) == ("assets.remove", {"assets": [{"name": NAME, "freed_bytes": 0}]})


def test_remove_takes_what_no_catalog_knows_by_name_or_all(srlr, brought, tmp_path):
    for words in (("url-1",), ("--all",)):
        stray = tmp_path / "cache" / "assets" / "url-1"
        stray.mkdir(parents=True)
        srlr("fetch", NAME, "--from", brought)
        assert srlr("remove", *words).exit_code == 0
        assert not stray.exists()

    assert list((tmp_path / "cache" / "assets").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fetch",), "no asset was named"),
        (("remove",), "no asset was named"),
        (("fetch", NAME, "--all"), "both names and --all"),
        (("fetch", "tinny"), "no asset is called 'tinny'"),
        (("verify", "tinny"), "no asset is called 'tinny'"),
        (("remove", "../.."), r"no asset is called '\.\./\.\.'"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(srlr, words, said):
    result = srlr(*words)

    assert isinstance(result.exception, ConfigError)
    with pytest.raises(ConfigError, match=said):
        raise result.exception


def test_all_fetches_all(srlr, monkeypatch):
    from srlr.assets import store

    asked = []
    monkeypatch.setattr(store, "obtain", lambda asset, progress, source: asked.append(asset.name))

    assert srlr("fetch", "--all").exit_code == 0
    assert asked == [
        "all-minilm-l6-v2",
        "human-eval",
        "smollm2-135m-instruct",
        "smollm2-135m-instruct-gguf",
        NAME,
        "vader-ground-truth",
    ]


def test_a_step_of_known_length_is_shown_as_it_goes(srlr, monkeypatch, tmp_path):
    from srlr.assets import store

    def obtain(asset, progress, source):
        progress("fetching hello.txt", 3, 6)
        progress("fetching hello.txt", 6, 6)
        progress("thinking", 1, None)
        progress("thinking", 2, None)
        return tmp_path

    monkeypatch.setattr(store, "obtain", obtain)
    said = srlr("fetch", NAME).stderr.splitlines()
    assert [line.split(":")[0] for line in said] == [
        "fetching hello.txt",
        "fetching hello.txt",
        "thinking ...",
    ]
