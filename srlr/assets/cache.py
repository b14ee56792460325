"""The cache folder: where it is, who may write to it, and how something gets into it whole.

    <cache>/locks/NAME.lock
    <cache>/assets/NAME/KEY/            the content and its stamp (content.py)
    <cache>/assets/NAME/KEY.part        a download, resumed by the next attempt
    <cache>/assets/NAME/KEY.staging/    the next content of KEY/, not yet verified

KEY changes with the locked content. Everything but the finished KEY/ is touched under the name's
lock only.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from srlr.assets.content import human, walk, write_stamp
from srlr.assets.locked import Asset, key
from srlr.core.errors import ResourceError

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and of how much, if that is known."""


def silent(what: str, done: int, total: int | None) -> None:
    """The progress of someone who does not look."""


def cache_dir() -> Path:
    """$SRLR_CACHE, else $XDG_CACHE_HOME/srlr, else ~/.cache/srlr; absolute, perhaps not there yet.

    Raises:
        ResourceError: there is no home folder and nothing else was said.
    """
    if said := os.environ.get("SRLR_CACHE"):
        return Path(os.path.abspath(os.path.expanduser(said)))
    # The XDG specification: a relative path is invalid and to be ignored.
    if os.path.isabs(xdg := os.environ.get("XDG_CACHE_HOME", "")):
        return Path(xdg) / "srlr"
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        raise ResourceError(
            "there is no home folder for the cache", "set SRLR_CACHE to a folder you can write to"
        )
    return Path(home) / ".cache" / "srlr"


def shelf(name: str) -> Path:
    """The folder of everything that belongs to one name."""
    return cache_dir() / "assets" / name


def entry(asset: Asset) -> Path:
    """The folder of the asset's finished content."""
    return shelf(asset.name) / key(asset)


def part(asset: Asset) -> Path:
    """The file a download of the asset grows in, and is resumed from."""
    return entry(asset).with_suffix(".part")


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Turns the machine's refusals into errors that name the cause, the folder and the fix.

    Raises:
        ResourceError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            fix = "free some space there, or set SRLR_CACHE to a folder with more"
        else:
            fix = "set SRLR_CACHE to a folder you can write to"
        cause = error.strerror or str(error)
        raise ResourceError(f"cannot use the cache folder {str(folder)!r}: {cause}", fix) from error


def need_space(folder: Path, wanted_bytes: int) -> None:
    """Returns only when `folder`'s disk has room for that many bytes.

    Raises:
        ResourceError: it has not; nothing was written.
    """
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if free < wanted_bytes:
        raise ResourceError(
            f"the disk of the cache folder {str(folder)!r} is too full: "
            f"{human(wanted_bytes)} are needed, {human(free)} are free",
            "free some space there, or set SRLR_CACHE to a folder with more",
        )


@contextmanager
def exclusive(name: str, progress: Progress) -> Iterator[None]:
    """This process is the only one that works on that name; others wait, and are told so.

    The system drops the lock of a process that dies, so nothing stale can block.
    """
    folder = cache_dir() / "locks"
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress(f"waiting for another process to finish {name}", 0, None)
            lock.acquire(poll_interval=0.1)
    try:
        yield
    finally:
        lock.release()


def staging(asset: Asset) -> Path:
    """An empty folder to build the asset's next content in; call it under the name's lock."""
    folder = entry(asset).with_suffix(".staging")
    with disk(folder.parent):
        # Whatever is there was left by a process that died.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    return folder


def publish(asset: Asset, folder: Path, facts: Mapping[str, Any]) -> Path:
    """`folder`, stamped and flushed, has become the asset's content; returns where that is.

    A reader sees the old content, none, or the new one, never a mixture: see test_store.py.
    """
    final, old = entry(asset), entry(asset).with_suffix(".old")
    with disk(final.parent):
        readable = folder.stat().st_mode & 0o666
        for path in walk(folder):
            # safetensors writes 0600, which would hide a shared cache's models from everybody else.
            path.chmod(readable)
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        write_stamp(folder, facts)
        shutil.rmtree(old, ignore_errors=True)
        with suppress(FileNotFoundError):
            os.rename(final, old)
        os.rename(folder, final)
        shutil.rmtree(old, ignore_errors=True)
        part(asset).unlink(missing_ok=True)
    return final
