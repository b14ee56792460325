"""Releases: what was published, under which version, and which of them is current.

    with opened(settings) as registry:
        release = registry.get("sentiment", "current")
        folder = registry.folder(release)          transformers loads it; release.json lies in it
        registry.point("sentiment", "candidate", "v4", by="ann", why="does well in its tests")

    <store_dir>/releases.sqlite        which there are (or a PostgreSQL)
    <store_dir>/blobs/                 their files, each content once
    <store_dir>/releases/ROLE/vN/      one laid out as a folder, out of hard links to blobs
    <store_dir>/signing/               the keys that sign them and check their signatures
    <store_dir>/audit.jsonl            who published, moved and deleted what, and why

Rows and blobs are the truth; folders are laid out when they are asked for. A version is there when
its row is, in one transaction with the alias that moves to it: a publisher that is killed leaves
blobs, which the next one uses or `prune` deletes. The audit log is written before the transaction
ends, so that nothing is done off the record: a kill in between leaves an entry of what was not
done.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr.core import release as texts
from srlr.core import release_aliases, release_rows, release_table
from srlr.core.audit import FILE as AUDIT
from srlr.core.audit import Audit
from srlr.core.blobs import Blobs
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact, ResourceError
from srlr.core.release import Draft, File, Release
from srlr.core.release_aliases import ALIASES, Alias
from srlr.core.release_folder import Fault, Folders, in_use
from srlr.core.settings import Settings
from srlr.core.signing import Keys

__all__ = ["ALIASES", "Alias", "Draft", "Fault", "File", "Registry", "Release", "in_use", "opened"]

ANY = ""
"""As `expected`: the alias may point anywhere, or nowhere, when it is moved."""


@contextlib.contextmanager
def opened(where: Settings | Path, url_env: str | None = None) -> Iterator["Registry"]:
    """The registry of a store, made if it is not there.

    Args:
        url_env: the environment variable with the address of a PostgreSQL; settings say it
            themselves.

    Raises:
        ConfigError: that variable holds no address of a PostgreSQL.
        MissingArtifact: a package is not installed.
        ResourceError: the store or the database cannot be reached, read or written.
    """
    store = Path(where.store_dir) if isinstance(where, Settings) else where
    if isinstance(where, Settings):
        url_env = url_env or where.deploy.url_env
    blobs = Blobs(store / "blobs")
    folders = Folders(store, blobs, Keys(store / "signing"))
    with release_rows.opened(store, url_env) as found:
        yield Registry(store, found, blobs, folders, Audit(store / AUDIT))


@dataclass(frozen=True, slots=True)
class Registry:
    """All releases of a store. Threads and processes may share it."""

    store: Path
    rows: release_rows.Rows
    blobs: Blobs
    folders: Folders
    audit: Audit

    # -- what there is -----------------------------------------------------------------------------

    def roles(self) -> list[str]:
        """Every role that has a release, sorted."""
        import sqlalchemy as sql

        table = release_rows.tables().releases
        asked = sql.select(table.c.role).where(table.c.deleted.is_(None)).distinct()
        with self.rows.reading() as connection:
            return sorted(connection.execute(asked).scalars())

    def versions(self, role: str) -> list[Release]:
        """Every release of the role, the oldest first; empty where it has none."""
        with self.rows.reading() as connection:
            return [read for _, read in release_table.of(connection, role)]

    def aliases(self, role: str) -> dict[str, str]:
        """Alias → version, of those that point somewhere."""
        with self.rows.reading() as connection:
            return {
                alias: f"v{number}"
                for alias, number in release_aliases.of(connection, role).items()
            }

    def get(self, role: str, which: str = "current") -> Release:
        """The release of that version, or that an alias points to.

        Raises:
            MissingArtifact: there is none; those that are there are named.
        """
        with self.rows.reading() as connection:
            found = dict(release_table.of(connection, role))
            number = release_aliases.of(connection, role).get(which) or release_table.number(which)
        if number is not None and number in found:
            return found[number]
        there = ", ".join(f"v{one}" for one in found)
        raise MissingArtifact(
            f"role {role!r} has no release {which!r}",
            f"one of {there}; `srlr releases list {role}` shows them"
            if there
            else f"publish one: `srlr deploy role={role}`",
        )

    # -- publishing --------------------------------------------------------------------------------

    def publish(
        self,
        draft: Draft,
        files: Mapping[str, Path],
        *,
        by: str,
        why: str,
        alias: str | None = None,
        force: bool = False,
    ) -> Release:
        """The release, there whole and with its alias when this returns. One of the same content
        that is there already is taken, and its files mended.

        Args:
            files: by their place in the release's folder.

        Raises:
            GateFailed: its evaluation's gate failed, and nobody said `force`.
            ConfigError: a file may not be part of a release, or the role has no usable name.
            ResourceError: there is no space, or the database refused; nothing is published.
        """
        if not texts.ROLE.fullmatch(draft.role):
            raise ConfigError(f"{draft.role!r} cannot be a role's name", "use letters and digits")
        if alias is not None:
            release_aliases.known(alias)
        if draft.gate == "failed" and not force:
            raise GateFailed("\n".join(draft.failed), "--force publishes it, on the record")
        texts.checked(files)
        with self.blobs.adding():
            added = {name: self.blobs.add(path) for name, path in sorted(files.items())}
            listed = tuple(File(name, one.sha256, one.bytes) for name, one in added.items())
            with self.rows.writing() as connection:
                release = release_table.kept(
                    connection, draft, listed, by, self.folders.keys, forced=force
                )
                moves = _towards(release_aliases.of(connection, draft.role), alias, release)
                release_aliases.write(connection, draft.role, moves)
                self._noted("release.publish", by, why, release, moves)
        return release

    # -- aliases -----------------------------------------------------------------------------------

    def point(
        self,
        role: str,
        alias: str,
        version: str | None,
        by: str,
        why: str,
        *,
        expected: str | None = ANY,
    ) -> None:
        """The alias points to the version; with None it points nowhere.

        Args:
            expected: where it must point now, None for nowhere.

        Raises:
            MissingArtifact: there is no such version.
            ResourceError: it does not point to `expected` any more; nothing has changed.
        """
        release_aliases.known(alias)
        release = None if version is None else self.get(role, version)

        def moves(now: Mapping[str, int], earlier: list[int]) -> release_aliases.Moves:
            points = f"v{now[alias]}" if alias in now else None
            if expected not in (ANY, points):
                raise ResourceError(
                    f"{alias} of {role!r} is {points}, not {expected}: somebody has moved it",
                    f"see `srlr releases list {role}`, and decide again",
                )
            return {alias: None if release is None else release_table.number(release.version)}

        self._moved("release.point", role, by, why, moves)

    def promote(self, role: str, by: str, why: str, version: str | None = None) -> dict[str, str]:
        """The aliases after the candidate, or that version, has become current."""
        number = None if version is None else release_table.number(self.get(role, version).version)

        def moves(now: Mapping[str, int], earlier: list[int]) -> release_aliases.Moves:
            if number is None:
                return release_aliases.promoted(role, now)
            return release_aliases.moved_up(now, number)

        return self._moved("release.promote", role, by, why, moves)

    def rollback(self, role: str, by: str, why: str) -> dict[str, str]:
        """The aliases after the backup has become current again."""

        def moves(now: Mapping[str, int], earlier: list[int]) -> release_aliases.Moves:
            return release_aliases.rolled_back(role, now, earlier)

        return self._moved("release.rollback", role, by, why, moves)

    def _moved(
        self,
        kind: str,
        role: str,
        by: str,
        why: str,
        decide: Callable[[Mapping[str, int], list[int]], release_aliases.Moves],
    ) -> dict[str, str]:
        """One transaction: what the aliases are is what `decide` sees."""
        with self.rows.writing() as connection:
            before = release_aliases.of(connection, role)
            moves = decide(before, release_aliases.earlier(connection, role))
            there = dict(release_table.of(connection, role))
            for number in moves.values():
                if number is not None and number not in there:
                    raise MissingArtifact(f"{role} v{number} was deleted", "decide again")
            release_aliases.write(connection, role, moves)
            after = release_aliases.of(connection, role)
            what = {"role": role, "from": _named(before), "to": _named(after)}
            self.audit.append(kind, by, why, what)
        return _named(after)

    def _noted(
        self, kind: str, by: str, why: str, release: Release, moves: release_aliases.Moves
    ) -> None:
        what: dict[str, Any] = {"role": release.role, "version": release.version}
        what |= {"digest": release.digest, "gate": release.gate, "forced": release.forced}
        what |= {"run": release.lineage.get("run"), "moved": dict(moves)}
        if release.failed:
            what["failed"] = list(release.failed)
        self.audit.append(kind, by, why, what)

    # -- files -------------------------------------------------------------------------------------

    def verify(self, release: Release) -> list[Fault]:
        """Every file that is not what was signed; empty where the release is whole."""
        return self.folders.faults(release)

    def folder(self, release: Release) -> Path:
        """A folder with all that a worker loads, every byte of it verified now.

        Raises:
            ConfigError: a file is not what was signed; it is named.
            ResourceError: the folder cannot be written.
        """
        return self.folders.lay_out(release)


def _towards(now: Mapping[str, int], alias: str | None, release: Release) -> release_aliases.Moves:
    """What moves when a release is published under an alias; `current` makes the one before it
    the backup.
    """
    number = release_table.number(release.version) or 0
    if alias == "current":
        return release_aliases.moved_up(now, number)
    return {} if alias is None or now.get(alias) == number else {alias: number}


def _named(found: Mapping[str, int]) -> dict[str, str]:
    return {alias: f"v{number}" for alias, number in sorted(found.items())}
