"""A release laid out as a folder that transformers loads, its files being what was signed.

    <store_dir>/releases/sentiment/v3/    release.json  release.sig  model.safetensors …

Its files are hard links to blobs, or copies where the file system has no links. A folder is there
complete or not at all.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srlr.core.blobs import Blob, Blobs, storing, sync_folder
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.release import SIGNATURE, TEXT, Release, text_of
from srlr.core.rundir import hash_file
from srlr.core.signing import Keys

FOLDER = "releases"


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not what was signed, and how."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of releases in a store."""

    store: Path
    blobs: Blobs
    keys: Keys

    def place(self, release: Release) -> Path:
        return self.store / FOLDER / release.role / release.version

    def faults(self, release: Release) -> list[Fault]:
        """Everything that is wrong with a release, every byte of it read; empty where it is whole.

        Raises:
            MissingArtifact: the public key is not here.
        """
        if not self.keys.verify(text_of(release).encode(), release.signature):
            return [Fault(TEXT, "is not what this store's key has signed")]
        found = [
            Fault(one.path, why)
            for one in release.files
            if (why := self.blobs.fault(Blob(one.sha256, one.bytes)))
        ]
        return found or self._laid_out(release)

    def _laid_out(self, release: Release) -> list[Fault]:
        """What is wrong with the folder; its blobs are whole."""
        folder = self.place(release)
        if not folder.exists():
            return []
        found = []
        for one in release.files:
            path = folder / one.path
            with storing(path):
                if not path.is_file():
                    found.append(Fault(one.path, f"is gone from {str(folder)!r}"))
                elif not _same(path, self.blobs.path(one.sha256), one.sha256):
                    found.append(Fault(one.path, f"was changed in {str(folder)!r}"))
        wanted = {one.path for one in release.files} | {TEXT, SIGNATURE}
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if not path.is_dir() and name not in wanted:
                found.append(Fault(name, f"was put into {str(folder)!r}"))
        for name, said in ((TEXT, text_of(release)), (SIGNATURE, release.signature)):
            with storing(folder / name):
                path = folder / name
                if not path.is_file() or path.read_text(encoding="utf-8") != said:
                    found.append(Fault(name, f"was changed in {str(folder)!r}"))
        return found

    def lay_out(self, release: Release) -> Path:
        """The release's folder, verified; made if it is not there.

        Raises:
            ConfigError: a file is not what was signed; it is named, and nothing can load it.
            ResourceError: the folder cannot be written.
        """
        self.refuse(release, self.faults(release))
        folder = self.place(release)
        if not folder.exists():
            with storing(folder):
                self._build(release, folder)
        return folder

    def _build(self, release: Release, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            for one in release.files:
                target = part / one.path
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(self.blobs.path(one.sha256), target)
            (part / TEXT).write_text(text_of(release), encoding="utf-8")
            (part / SIGNATURE).write_text(release.signature, encoding="utf-8")
            try:
                os.rename(part, folder)
            except OSError:
                if not folder.exists():  # else another process was faster
                    raise
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def refuse(self, release: Release, faults: list[Fault]) -> None:
        """Raises ConfigError naming every fault, if there is one."""
        if faults:
            lines = "".join(f"\n  {one.path!r} {one.why}" for one in faults)
            run = release.lineage.get("path")
            raise ConfigError(
                f"release {release.name} is not what was published:{lines}",
                f"remove the folder {str(self.place(release))!r}, and it is laid out anew"
                if all(str(self.store) in one.why for one in faults)
                else "nothing of it is loaded; "
                + (f"`srlr deploy --run {run}` brings the files back" if run else "publish again"),
            )

    def remove(self, release: Release) -> None:
        """Deletes the folder, if it is there."""
        folder = self.place(release)
        if folder.exists():
            with storing(folder):
                part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
                os.rename(folder, part)
                shutil.rmtree(part)

    def parts(self) -> list[Path]:
        """What killed processes left."""
        return sorted((self.store / FOLDER).glob("*/.*.part"))

    def used(self, release: Release) -> bool:
        """Whether a process has it `in_use` now."""
        try:
            with open(self.place(release) / TEXT, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Inside, the release in this folder is not deleted, however this process ends.

    Raises:
        MissingArtifact: no release lies there.
    """
    try:
        file = open(folder / TEXT, "rb")  # noqa: SIM115
    except OSError as error:
        raise MissingArtifact(
            f"{str(folder)!r} holds no release", "`srlr releases list` shows what there is"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _same(path: Path, blob: Path, digest: str) -> bool:
    """Whether a file holds what its blob does; a link to it does."""
    return path.samefile(blob) or hash_file(path) == digest


def _link(blob: Path, target: Path) -> None:
    try:
        os.link(blob, target)
    except OSError:  # no links here, or too many of them
        shutil.copy2(blob, target)
