"""Signatures over releases: who can read the store can check one, who holds the key can make one.

    <store>/signing/private.pem   0600, made with the first release; deploy alone needs it
    <store>/signing/public.pem    what everybody else checks with

Ed25519, so that a gateway or another machine checks releases without being able to sign them: give
it the public key alone. With a shared secret, who checks could also forge.

Source: RFC 8032.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srlr.core.blobs import storing, sync_folder
from srlr.core.errors import MissingArtifact, ResourceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PRIVATE, PUBLIC = "private.pem", "public.pem"


@dataclass(frozen=True, slots=True)
class Keys:
    """The pair of keys in a folder."""

    folder: Path

    def sign(self, text: bytes) -> str:
        """The signature in hexadecimal; the keys are made if there are none.

        Raises:
            MissingArtifact: cryptography is not installed, or only the public key is here.
            ResourceError: the private key can be read by others, or cannot be read or written.
        """
        return self._private().sign(text).hex()

    def verify(self, text: bytes, signature: str) -> bool:
        """Whether the holder of the private key signed exactly this text.

        Raises:
            MissingArtifact: there is no public key here.
        """
        with _installed():
            from cryptography.exceptions import InvalidSignature
        try:
            self._public().verify(bytes.fromhex(signature), text)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _private(self) -> "Ed25519PrivateKey":
        with _installed():
            from cryptography.hazmat.primitives import serialization as form
        path = self.folder / PRIVATE
        if not path.exists():
            self._make()
        with storing(path):
            mode, data = path.stat().st_mode, path.read_bytes()
        if mode & 0o077:
            raise ResourceError(
                f"others can read the key that signs releases, {str(path)!r}", f"chmod 600 {path}"
            )
        try:
            key = form.load_pem_private_key(data, None)
        except ValueError as error:
            raise self._damaged(path) from error
        return key  # type: ignore[return-value]

    def _public(self) -> "Ed25519PublicKey":
        with _installed():
            from cryptography.hazmat.primitives import serialization as form
        path = self.folder / PUBLIC
        try:
            with storing(path):
                data = path.read_bytes()
        except ResourceError as error:
            raise MissingArtifact(
                f"releases cannot be checked without the public key {str(path)!r}",
                "bring it back from a copy; without one publish again with `srlr deploy`",
            ) from error
        try:
            return form.load_pem_public_key(data)  # type: ignore[return-value]
        except ValueError as error:
            raise self._damaged(path) from error

    def _make(self) -> None:
        """A new pair, the folder put in place as a whole; another process's, if it was faster."""
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if (self.folder / PUBLIC).exists():
            raise MissingArtifact(
                f"the key that signs releases, {str(self.folder / PRIVATE)!r}, is not here",
                "publish where it is, or bring it from there",
            )
        key, pem = Ed25519PrivateKey.generate(), form.Encoding.PEM
        private = key.private_bytes(pem, form.PrivateFormat.PKCS8, form.NoEncryption())
        public = key.public_key().public_bytes(pem, form.PublicFormat.SubjectPublicKeyInfo)
        part = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.part")
        with storing(self.folder):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True, mode=0o755)
            try:
                _write(part / PRIVATE, private, 0o600)
                _write(part / PUBLIC, public, 0o644)
                with _already_there():
                    os.rename(part, self.folder)
                sync_folder(self.folder.parent)
            finally:
                shutil.rmtree(part, ignore_errors=True)

    def _damaged(self, path: Path) -> MissingArtifact:
        return MissingArtifact(f"{str(path)!r} is no key", "bring it back from a copy")


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _already_there() -> Iterator[None]:
    """Inside, a folder that is in the way is what was wanted."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingArtifact(
            "releases are signed with the package 'cryptography', which is not installed",
            "pip install 'srlr[serve]'",
        ) from error
