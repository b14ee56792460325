"""A role's releases in the registry's rows: read, added, marked as deleted."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from srlr.core import release as texts
from srlr.core import release_rows
from srlr.core.release import Draft, File, Release
from srlr.core.rundir import now
from srlr.core.signing import Keys

if TYPE_CHECKING:
    from sqlalchemy import Connection


def of(
    connection: "Connection", role: str, content: str | None = None
) -> Iterator[tuple[int, Release]]:
    """Every release of the role that is not deleted, by its number, the oldest first."""
    import sqlalchemy as sql

    table = release_rows.tables().releases
    asked = sql.select(table.c.version, table.c.text, table.c.signature).order_by(table.c.version)
    asked = asked.where(table.c.role == role, table.c.deleted.is_(None))
    if content is not None:
        asked = asked.where(table.c.content == content)
    for version, text, signature in connection.execute(asked):
        yield version, texts.read(text, signature, sha256(text.encode()).hexdigest())


def kept(
    connection: "Connection",
    draft: Draft,
    files: tuple[File, ...],
    by: str,
    keys: Keys,
    *,
    forced: bool,
) -> Release:
    """The release of this content: the one there is, or a new one, signed, of the next number."""
    import sqlalchemy as sql

    table, content = release_rows.tables().releases, texts.content(draft, files)
    for _, there in of(connection, draft.role, content):
        return there
    asked = sql.select(sql.func.max(table.c.version)).where(table.c.role == draft.role)
    version = (connection.execute(asked).scalar() or 0) + 1
    release = Release(
        **{name: getattr(draft, name) for name in Draft.__dataclass_fields__},
        version=f"v{version}",
        created=now(),
        by=by,
        forced=forced and draft.gate == "failed",
        files=files,
    )
    text = texts.text_of(release)
    signature = keys.sign(text.encode())
    row = {"role": draft.role, "version": version, "content": content, "text": text}
    connection.execute(sql.insert(table), {**row, "signature": signature})
    return replace(release, digest=sha256(text.encode()).hexdigest(), signature=signature)


def mark_deleted(connection: "Connection", release: Release) -> None:
    """Nobody finds it any more; its row and its number stay."""
    import sqlalchemy as sql

    table = release_rows.tables().releases
    here = (table.c.role == release.role) & (table.c.version == number(release.version))
    connection.execute(sql.update(table).where(here).values(deleted=now()))


def number(version: str) -> int | None:
    """3 of "v3"; None of what is no version."""
    digits = version.removeprefix("v")
    known = version.startswith("v") and digits.isascii() and digits.isdigit()
    return int(digits) if known else None
