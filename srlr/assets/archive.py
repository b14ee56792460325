"""One member of an archive, copied out; nothing else of it is unpacked, imported or run."""

import tarfile
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO

from srlr.assets.cache import Progress, disk
from srlr.assets.content import CHUNK_BYTES
from srlr.assets.web import Unavailable

# What the standard library raises for archives that are cut, flipped, encrypted or too new for it.
_DAMAGED = (OSError, EOFError, RuntimeError, zlib.error, tarfile.TarError, zipfile.BadZipFile)


def copy_member(archive: Path, member: str, target: Path, size: int, progress: Progress) -> None:
    """`target` holds the member's bytes.

    At most one more than `size` of them, so that no archive can fill the disk.

    Raises:
        Unavailable: the archive is damaged, has no such member, or that is not a plain file in it.
        ResourceError: this machine cannot store it.
    """
    if member.startswith("/") or ".." in PurePosixPath(member).parts:
        raise Unavailable(f"{archive.name}: the member {member!r} points outside the archive")
    done = 0
    with ExitStack() as stack:
        source = _source(stack, archive, member)
        with disk(target.parent), open(target, "wb") as file:
            while chunk := _read(source, min(CHUNK_BYTES, size + 1 - done), archive):
                file.write(chunk)
                done += len(chunk)
                progress(f"unpacking {PurePosixPath(member).name}", done, size)


def _source(stack: ExitStack, archive: Path, member: str) -> IO[bytes]:
    try:
        if zipfile.is_zipfile(archive):
            wheel = stack.enter_context(zipfile.ZipFile(archive))
            return stack.enter_context(wheel.open(member))
        sdist = stack.enter_context(tarfile.open(archive))  # noqa: SIM115  the stack closes it
        info = sdist.getmember(member)
        # Links are refused unread: a link's target may be any file of this machine.
        source = sdist.extractfile(info) if info.isfile() else None
        if source is None:
            raise Unavailable(f"{archive.name}: the member {member!r} is not a plain file")
        return stack.enter_context(source)
    except KeyError:
        raise Unavailable(f"{archive.name}: has no member {member!r}") from None
    except _DAMAGED as error:
        raise Unavailable(f"{archive.name}: is not a readable archive: {error}") from error


def _read(source: IO[bytes], count: int, archive: Path) -> bytes:
    try:
        return source.read(count)
    except _DAMAGED as error:
        raise Unavailable(f"{archive.name}: is damaged: {error}") from error
