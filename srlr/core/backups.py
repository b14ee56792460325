"""Releases copied whole into a folder of their own, which nothing shares with the store's blobs.

    <store_dir>/backups/sentiment/v3/    release.json  release.sig  model.safetensors …

A copy is there complete or not at all. What is brought back from one is held against its release's
signed list of files first.
"""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from srlr.core.blobs import storing, sync_folder
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.release import SIGNATURE, TEXT, Release, text_of
from srlr.core.release_folder import Fault
from srlr.core.releases import Registry
from srlr.core.rundir import hash_file

FOLDER = "backups"


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of a release."""

    release: Release
    folder: Path


def place(registry: Registry, release: Release) -> Path:
    return registry.store / FOLDER / release.role / release.version


def create(registry: Registry, release: Release, by: str, why: str) -> Backup:
    """The copy, verified and on disk; the alias `backup` points to the release unless it is the
    current one.

    Raises:
        ConfigError: a file of the release, or of its copy, is not what was signed.
        ResourceError: there is no space, or the folder cannot be written.
    """
    source, target = registry.folder(release), place(registry, release)
    with storing(target):
        if not target.exists() or faults(Backup(release, target)):
            _copied(source, target)
    found = Backup(release, target)
    _refuse(found)
    if registry.aliases(release.role).get("current") != release.version:
        registry.point(release.role, "backup", release.version, by, why)
    what = {"role": release.role, "version": release.version, "digest": release.digest}
    registry.audit.append("backup.create", by, why, what)
    return found


def listed(registry: Registry, role: str | None = None) -> list[Backup]:
    """Every copy of a release that is on record, by role and version."""
    return [
        Backup(release, folder)
        for one in ([role] if role else registry.roles())
        for release in registry.versions(one)
        if (folder := place(registry, release)).is_dir()
    ]


def faults(backup: Backup) -> list[Fault]:
    """Every file that is not what was signed, every byte read; empty where the copy is whole."""
    found = []
    for one in backup.release.files:
        path = backup.folder / one.path
        if not path.is_file():
            found.append(Fault(one.path, "is gone"))
        elif path.stat().st_size != one.bytes or hash_file(path) != one.sha256:
            found.append(Fault(one.path, "was changed"))
    texts = {TEXT: text_of(backup.release), SIGNATURE: backup.release.signature}
    for name, text in texts.items():
        path = backup.folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found.append(Fault(name, "was changed"))
    return found


def restore(registry: Registry, release: Release, by: str, why: str) -> Path:
    """The release's folder, whole again: what is damaged in the store comes from the copy.

    Raises:
        MissingArtifact: there is no copy.
        ConfigError: the copy is not what was signed either.
    """
    backup = Backup(release, place(registry, release))
    if not backup.folder.is_dir():
        raise MissingArtifact(
            f"there is no backup of {release.name}", f"`srlr backup create role={release.role}`"
        )
    _refuse(backup)
    with registry.blobs.adding():
        for one in release.files:
            registry.blobs.add(backup.folder / one.path)
    registry.folders.remove(release)
    folder = registry.folder(release)
    what = {"role": release.role, "version": release.version, "digest": release.digest}
    registry.audit.append("backup.restore", by, why, what)
    return folder


def _copied(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, part)
        for path in part.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        os.rename(part, target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refuse(backup: Backup) -> None:
    found = faults(backup)
    if found:
        lines = "".join(f"\n  {one.path!r} {one.why}" for one in found)
        raise ConfigError(
            f"the backup of {backup.release.name} in {str(backup.folder)!r} is not what was "
            f"published:{lines}",
            "`srlr backup create` makes it again from the store, where that is whole",
        )
