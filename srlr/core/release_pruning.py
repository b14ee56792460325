"""What of a store nobody needs any more, and its deletion.

A release is kept that an alias points to, that a process has in use, and of the others the newest
of each role. A blob is kept that a kept release has. Numbers of deleted releases are not given
again, and their rows stay: what a version was can still be said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from srlr.core import release_aliases, release_table
from srlr.core.blobs import storing
from srlr.core.releases import Registry, Release
from srlr.core.runs import size_bytes


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted, or would be."""

    releases: tuple[Release, ...]
    blobs: int
    bytes: int


def prune(
    registry: Registry, *, keep: int, by: str, role: str | None = None, dry_run: bool = False
) -> Pruned:
    """Deletes releases that nobody needs, then files that no release has.

    Args:
        keep: of each role's releases without an alias, so many of the newest stay.
        role: only its releases; files that no release has go whatever it is.

    Raises:
        ResourceError: somebody is publishing, or the store refused.
    """
    with registry.blobs.alone():
        chosen = [
            release
            for name in ([role] if role else registry.roles())
            for release in _unneeded(registry, name, keep)
        ]
        if not dry_run:
            chosen = _forgotten(registry, chosen, by)
        gone = {release.name for release in chosen}
        needed = {
            file.sha256
            for name in registry.roles()
            for release in registry.versions(name)
            if release.name not in gone
            for file in release.files
        }
        stray = [blob for blob in registry.blobs.all() if blob.sha256 not in needed]
        parts = [*registry.blobs.parts(), *registry.folders.parts()]
        freed = sum(blob.bytes for blob in stray) + sum(map(size_bytes, parts))
        if not dry_run:
            for blob in stray:
                registry.blobs.remove(blob.sha256)
            for part in parts:
                _remove(part)
    return Pruned(tuple(chosen), len(stray), freed)


def _unneeded(registry: Registry, role: str, keep: int) -> Iterator[Release]:
    pointed = set(registry.aliases(role).values())
    others = [one for one in registry.versions(role) if one.version not in pointed]
    for release in others[: max(0, len(others) - keep)]:
        if not registry.folders.used(release):
            yield release


def _forgotten(registry: Registry, chosen: list[Release], by: str) -> list[Release]:
    """Those of the releases that are gone now. An alias that was moved to one meanwhile keeps it.

    Rows are marked before a file goes: a kill in between leaves files for the next time.
    """
    if not chosen:
        return []
    gone = []
    with registry.rows.writing() as connection:
        for release in chosen:
            pointed = release_aliases.of(connection, release.role).values()
            if release_table.number(release.version) not in pointed:
                release_table.mark_deleted(connection, release)
                gone.append(release)
        names = [release.name for release in gone]
        registry.audit.append("release.prune", by, "nobody needs them", {"releases": names})
    for release in gone:
        registry.folders.remove(release)
    return gone


def _remove(part: Path) -> None:
    with storing(part):
        if part.is_dir():
            rmtree(part)
        else:
            part.unlink(missing_ok=True)
