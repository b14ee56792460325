"""Where a role's aliases point, and where a promotion or a roll-back moves them.

    promote      candidate → current, current → backup, candidate → nothing
    roll-back    backup → current, the current before that one → backup; candidate stays

The version that is rolled back from gets no alias: what is left for an emergency was good once.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from srlr.core import release_rows
from srlr.core.errors import ConfigError, MissingArtifact

if TYPE_CHECKING:
    from sqlalchemy import Connection

Alias = Literal["current", "candidate", "backup"]
ALIASES: tuple[Alias, ...] = ("current", "candidate", "backup")

Moves = Mapping[str, int | None]
"""Alias → the version it moves to; None: it points nowhere any more."""


def promoted(role: str, now: Mapping[str, int]) -> Moves:
    """Raises MissingArtifact where the role has no candidate."""
    if "candidate" not in now:
        raise MissingArtifact(
            f"role {role!r} has no candidate",
            f"publish one, `srlr deploy role={role}`, or name a version: "
            f"`srlr releases promote {role} vN`",
        )
    return moved_up(now, now["candidate"])


def moved_up(now: Mapping[str, int], version: int) -> Moves:
    """The version becomes current, and what was current the backup."""
    moves: dict[str, int | None] = {"current": version}
    if now.get("candidate") == version:
        moves["candidate"] = None
    if now.get("current") not in (None, version):
        moves["backup"] = now["current"]
    elif now.get("backup") == version:
        moves["backup"] = None
    return moves


def rolled_back(role: str, now: Mapping[str, int], earlier: Sequence[int]) -> Moves:
    """The backup becomes current again.

    Args:
        earlier: versions that were current and still exist, the last one first.

    Raises:
        MissingArtifact: the role has no backup.
    """
    if "backup" not in now or now["backup"] == now.get("current"):
        raise MissingArtifact(
            f"role {role!r} has no backup to roll back to",
            f"name a version: `srlr releases promote {role} vN`; `srlr releases list {role}` "
            "shows them",
        )
    target = now["backup"]
    spare = next((one for one in earlier if one not in (target, now.get("current"))), None)
    return {"current": target, "backup": spare}


def of(connection: "Connection", role: str) -> dict[str, int]:
    """Where every alias of the role points now."""
    import sqlalchemy as sql

    table = release_rows.tables().aliases
    asked = sql.select(table.c.alias, table.c.version).where(table.c.role == role)
    return dict(connection.execute(asked).tuples().all())


def earlier(connection: "Connection", role: str) -> list[int]:
    """Versions that were current and still exist, the last one first."""
    import sqlalchemy as sql

    moves, releases = release_rows.tables().moves, release_rows.tables().releases
    asked = (
        sql.select(moves.c.version)
        .join(
            releases,
            sql.and_(releases.c.role == moves.c.role, releases.c.version == moves.c.version),
        )
        .where(moves.c.role == role, moves.c.alias == "current", releases.c.deleted.is_(None))
        .order_by(moves.c.number.desc())
    )
    return list(dict.fromkeys(connection.execute(asked).scalars()))


def write(connection: "Connection", role: str, moves: Moves) -> None:
    """Moves the aliases, and notes it among the moves."""
    import sqlalchemy as sql

    table, noted = release_rows.tables().aliases, release_rows.tables().moves
    for alias, version in moves.items():
        here = (table.c.role == role) & (table.c.alias == alias)
        connection.execute(sql.delete(table).where(here))
        row = {"role": role, "alias": alias, "version": version}
        if version is not None:
            connection.execute(sql.insert(table), row)
        connection.execute(sql.insert(noted), row)


def known(alias: str) -> None:
    """Raises ConfigError where there is no such alias."""
    if alias not in ALIASES:
        raise ConfigError(f"there is no alias {alias!r}", f"one of {', '.join(ALIASES)}")
