import stat
import sys

import pytest

from srlr.assets import pip_settings
from srlr.assets.pip_settings import PipSettings, read
from srlr.core.errors import ConfigError, MissingArtifact

A, B, C = "https://a.example/simple", "https://b.example/simple", "https://c.example/simple"


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ({"PIP_INDEX_URL": A}, PipSettings(indexes=(A,))),
        ({"PIP_PYPI_URL": A}, PipSettings(indexes=(A,))),
        (
            {"PIP_INDEX_URL": A, "PIP_EXTRA_INDEX_URL": f"{B}\n{C}"},
            PipSettings(indexes=(A, B, C)),
        ),
        (
            {"PIP_INDEX_URL": A, "PIP_NO_INDEX": "on", "PIP_FIND_LINKS": "/x ./y"},
            PipSettings(find_links=("/x", "./y"), no_index=True),
        ),
        (
            {"PIP_NO_INDEX": "1", "PIP_TIMEOUT": "3.5", "PIP_RETRIES": "2", "PIP_PROXY": "p:3128"},
            PipSettings(no_index=True, timeout_s=3.5, retries=2, proxy="p:3128"),
        ),
        (
            {"PIP_NO_INDEX": "true", "PIP_CERT": "/c", "PIP_CLIENT_CERT": "/k"},
            PipSettings(no_index=True, cert="/c", client_cert="/k"),
        ),
        (
            {"PIP_NO_INDEX": "1", "REQUESTS_CA_BUNDLE": "/r", "PIP_TRUSTED_HOST": "h h:1"},
            PipSettings(no_index=True, cert="/r", trusted_hosts=("h", "h:1")),
        ),
        ({"PIP_INDEX_URL": A, "PIP_NO_INDEX": "0", "PIP_CERT": ""}, PipSettings(indexes=(A,))),
        (
            {"PIP_NO_INDEX": "1", "PIP_DEFAULT_TIMEOUT": "180"},
            PipSettings(no_index=True, timeout_s=180.0),
        ),
    ],
)
def test_the_environment_says_what_it_says_to_pip(said, settings):
    assert read(said) == settings


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="'soon' where a number belongs"):
        read({"PIP_INDEX_URL": A, "PIP_TIMEOUT": "soon"})


@pytest.fixture
def real_pip(monkeypatch):
    """pip itself is asked, and asked again by the next test."""
    for function in (_FROM_FILES, pip_settings.default_index):
        function.cache_clear()
    monkeypatch.setattr(pip_settings, "_from_files", _FROM_FILES)
    yield
    for function in (_FROM_FILES, pip_settings.default_index):
        function.cache_clear()


_FROM_FILES = pip_settings._from_files


def test_files_are_read_as_pip_reads_them_and_the_environment_wins(real_pip, tmp_path, monkeypatch):
    config = tmp_path / "pip.conf"
    config.write_text(
        f"[global]\nindex-url = {A}\nextra-index-url =\n    {B}\n    {C}\nretries = 3\nquiet = 2\n"
        f"[install]\nindex-url = {B}\n[download]\ntimeout = 7\n[freeze]\ntimeout = 9\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))

    # The machine's own files count too, so only what this one says can be known.
    found = read({})
    assert (found.indexes, found.retries, found.timeout_s) == ((B, B, C), 3, 7.0)
    assert read({"PIP_INDEX_URL": C}).indexes == (C, B, C)


def test_pip_itself_says_what_its_default_index_is(real_pip, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")

    assert pip_settings.default_index().startswith("https://")
    assert pip_settings.default_index().endswith("/simple")


@pytest.fixture
def instead_of_pip(real_pip, tmp_path, monkeypatch):
    """A Python whose pip answers with these words and fails."""

    def install(words: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(program))

    return install


def test_without_pip_the_environment_is_enough(instead_of_pip):
    instead_of_pip("python: No module named pip")

    assert read({"PIP_INDEX_URL": A}).indexes == (A,)
    assert read({}, need_index=False).indexes == ()
    with pytest.raises(MissingArtifact) as error:
        read({})
    assert error.value.hint == "run `python -m ensurepip`, or set PIP_INDEX_URL"


def test_a_configuration_pip_cannot_read_is_pips_to_explain(instead_of_pip):
    instead_of_pip("ERROR: Configuration file could not be loaded.")

    with pytest.raises(ConfigError, match="could not be loaded"):
        read({})
