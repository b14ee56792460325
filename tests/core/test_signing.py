import multiprocessing
import stat

import pytest

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.signing import PRIVATE, PUBLIC, Keys


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path / "signing")


def test_a_signature_holds_for_exactly_this_text(keys):
    signature = keys.sign(b"a text")

    assert keys.verify(b"a text", signature)
    assert not keys.verify(b"a tex", signature)
    assert not keys.verify(b"a text", signature[:-2] + "00")
    assert not keys.verify(b"a text", "no signature")


def test_the_public_key_alone_checks_and_cannot_sign(keys):
    signature = keys.sign(b"a text")
    (keys.folder / PRIVATE).unlink()

    assert keys.verify(b"a text", signature)
    with pytest.raises(MissingArtifact, match="the key that signs releases"):
        keys.sign(b"a text")


def test_another_stores_signature_is_none(keys, tmp_path):
    keys.sign(b"a text")

    assert not keys.verify(b"a text", Keys(tmp_path / "other").sign(b"a text"))


def test_nobody_else_reads_the_private_key(keys):
    keys.sign(b"a text")
    private = keys.folder / PRIVATE

    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    private.chmod(0o644)
    with pytest.raises(ResourceError, match="others can read") as refused:
        keys.sign(b"a text")
    assert refused.value.hint == f"chmod 600 {private}"


def test_a_damaged_or_missing_key_is_named(keys):
    signature = keys.sign(b"a text")
    (keys.folder / PRIVATE).write_text("no key")
    with pytest.raises(MissingArtifact, match=f"{PRIVATE}' is no key"):
        keys.sign(b"a text")
    (keys.folder / PUBLIC).write_text("no key")
    with pytest.raises(MissingArtifact, match=f"{PUBLIC}' is no key"):
        keys.verify(b"a text", signature)
    (keys.folder / PUBLIC).unlink()
    with pytest.raises(MissingArtifact, match="without the public key"):
        keys.verify(b"a text", signature)


def test_processes_that_sign_first_at_once_share_one_pair(keys):
    fork = multiprocessing.get_context("fork")
    with fork.Pool(4) as pool:
        signatures = pool.map(keys.sign, [b"a text"] * 8)

    assert len(set(signatures)) == 1  # Ed25519 draws nothing
    assert keys.verify(b"a text", signatures[0])
    assert not list(keys.folder.parent.glob(".*"))
