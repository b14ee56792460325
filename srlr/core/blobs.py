"""Files by what is in them: written once, never changed, shared by all who need the same bytes.

<store>/blobs/ab/ab12…             the file of that SHA-256, read-only
<store>/blobs/.….part              one that is being written, or whose writer was killed
<store>/blobs/.lock                held by many while they add, by one alone while it deletes
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srlr.core.errors import ResourceError
from srlr.core.rundir import hash_file

PART = ".part"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """What a file holds: its SHA-256 in hexadecimal, and its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Blobs:
    """The blobs in a folder, which processes share."""

    folder: Path

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def add(self, source: Path) -> Blob:
        """The file's blob, which is there and whole when this returns; a damaged one is replaced.

        Raises:
            ResourceError: it cannot be written, or `source` not be read; nothing is left of it.
        """
        with storing(source):
            found = Blob(hash_file(source), source.stat().st_size)
        if self.fault(found) is None:
            return found
        with storing(self.folder):
            return self._copied(source)

    def _copied(self, source: Path) -> Blob:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{os.getpid()}-{secrets.token_hex(4)}{PART}"
        digest, size = hashlib.sha256(), 0
        try:
            with open(source, "rb") as read, open(part, "wb") as written:
                while piece := read.read(CHUNK):
                    digest.update(piece)
                    size += written.write(piece)
                written.flush()
                os.fsync(written.fileno())
            blob = Blob(digest.hexdigest(), size)
            final = self.path(blob.sha256)
            final.parent.mkdir(exist_ok=True)
            part.chmod(0o444)
            os.replace(part, final)
            sync_folder(final.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return blob

    def fault(self, blob: Blob) -> str | None:
        """What is wrong with the file of this blob, every byte of it read; None if nothing is.

        Raises:
            ResourceError: it is there and cannot be read.
        """
        path = self.path(blob.sha256)
        with storing(path):
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                return "is gone"
            if size != blob.bytes:
                return f"was changed: it has {size:,} bytes, not {blob.bytes:,}"
            return None if hash_file(path) == blob.sha256 else "was changed"

    def all(self) -> Iterator[Blob]:
        """Every blob by its name and size; none is read."""
        for path in sorted(self.folder.glob("??/*")):
            with contextlib.suppress(FileNotFoundError):
                yield Blob(path.name, path.stat().st_size)

    def remove(self, sha256: str) -> int:
        """Deletes a blob; returns its size. Whoever has it open or linked keeps it."""
        path = self.path(sha256)
        with storing(path):
            size = path.stat().st_size
            path.unlink()
        return size

    def parts(self) -> list[Path]:
        """What killed writers left, or living ones write: `alone` tells which."""
        return sorted(self.folder.glob(f".*{PART}"))

    @contextlib.contextmanager
    def adding(self) -> Iterator[None]:
        """Inside, no blob is deleted."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, nobody adds blobs, and whatever `parts` lists is nobody's.

        Raises:
            ResourceError: somebody is publishing.
        """
        with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with storing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open(self.folder / ".lock", "ab")  # noqa: SIM115
        with file:
            try:
                fcntl.flock(file, how)
            except BlockingIOError:
                raise ResourceError(
                    f"a release is being published in {str(self.folder.parent)!r}",
                    "wait until it is there, then try again",
                ) from None
            yield


def sync_folder(folder: Path) -> None:
    """The names in `folder` are on disk too, not only the files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns the machine's refusals into errors that name the place and the fix.

    Raises:
        ResourceError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise ResourceError(
            f"cannot use {str(path)!r}: {error.strerror or error}",
            "free some space (`srlr releases prune` deletes what nobody uses), or choose another "
            "place with store_dir=DIR"
            if full
            else "let this user read and write there, or choose another place with store_dir=DIR",
        ) from error
