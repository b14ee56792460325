import os

import pytest

from srlr.collaboration import keys
from srlr.core.errors import ConfigError, MissingArtifact

SECRET = "sk-0123456789abcdef"


def written(path, text=SECRET, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_a_key_comes_from_the_environment_or_a_file_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_KEY", f" {SECRET}\n")

    assert keys.read("TOY_KEY", None, "t").reveal() == SECRET
    assert keys.read(None, written(tmp_path / "key", f"{SECRET}\n"), "t").reveal() == SECRET
    assert keys.read(None, None, "t").reveal() is None


def test_printing_a_key_shows_nothing():
    key = keys.Key(SECRET, "$TOY_KEY")

    assert SECRET not in f"{key} {key!r} {[key]}"
    assert key.hide(f"Bearer {SECRET}!") == "Bearer [key]!"
    assert keys.Key("a").hide("a banana") == "a banana"  # too short to be one


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o777])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(ConfigError, match="others than you may read") as told:
        keys.read(None, written(tmp_path / "key", mode=mode), "generate.teacher")

    assert f"mode {mode:04o}" in told.value.what
    assert "chmod 600" in told.value.hint
    assert SECRET not in str(told.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path):
    path = written(tmp_path / "key")
    os.chown(path, 65534, 65534)

    with pytest.raises(ConfigError, match="owner 65534"):
        keys.read(None, path, "t")


@pytest.mark.parametrize(
    ("text", "why"), [("", "is empty"), ("two words", "more than a key"), ("sk-ä", "strange")]
)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path, text, why):
    with pytest.raises(ConfigError, match=why) as told:
        keys.read(None, written(tmp_path / "key", text), "t")

    assert not text or text not in str(told.value)


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(MissingArtifact, match="there is no"):
        keys.read(None, str(tmp_path / "none"), "t")
    with pytest.raises(ConfigError, match="cannot be read"):
        keys.read(None, str(tmp_path), "t")
    path = tmp_path / "bytes"
    path.write_bytes(b"\xff\xfe\xff")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="it is not text"):
        keys.read(None, str(path), "t")
