"""API keys: who may do what with which roles.

    srlr_3f9a1c07_wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYabcdef
         the key's id, shown everywhere    its secret, shown once

Only a SHA-256 of the secret is kept. The secret is 256 random bits, so there is no list of likely
ones to try, and a slow hash would buy nothing but 50 ms on every request.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import sqlalchemy as sql

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.layers import nearest
from srlr.core.serving import Keys
from srlr.serving.database import Database, database

FILE = "keys.sqlite"
Scope = Literal["infer", "deploy", "swap", "train", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
"""`admin` is allowed everything."""

_FORM = re.compile(r"srlr_(?P<id>[0-9a-f]{8})_(?P<secret>[A-Za-z0-9_-]{43})")
_TABLES = sql.MetaData()
_KEYS = sql.Table(
    "srlr_keys",
    _TABLES,
    sql.Column("id", sql.String(8), primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("digest", sql.String(64), nullable=False),
    sql.Column("scopes", sql.Text, nullable=False),
    sql.Column("roles", sql.Text, nullable=False),
    sql.Column("created", sql.Float, nullable=False),
    sql.Column("expires", sql.Float),
    sql.Column("revoked", sql.Float),
    sql.Column("per_minute", sql.Float),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept. Times are seconds since the epoch; no `roles` means every role."""

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    created: float
    expires: float | None = None
    revoked: float | None = None
    per_minute: float | None = None

    def state(self, now: float) -> Literal["active", "expired", "revoked"]:
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"

    def is_for(self, secret: str) -> bool:
        return hmac.compare_digest(self.digest, digest(secret))

    def forbids(self, scope: str, role: str | None = None) -> str | None:
        """Why the key may not do this; None where it may."""
        if "admin" not in self.scopes and scope not in self.scopes:
            return f"the key {self.id!r} has not the scope {scope!r}"
        if self.roles and role is None:
            return f"the key {self.id!r} is for {', '.join(self.roles)} alone"
        if self.roles and role not in self.roles:
            return f"the key {self.id!r} is not for the role {role!r}"
        return None


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def parts(text: str) -> tuple[str, str] | None:
    """The id and the secret in a key's text; None for anything else."""
    match = _FORM.fullmatch(text)
    return None if match is None else (match["id"], match["secret"])


@dataclass(frozen=True, slots=True)
class Store:
    """All keys, in a database."""

    database: Database

    def all(self) -> list[Key]:
        """Every key ever made, the oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(sql.select(_KEYS).order_by(_KEYS.c.created, _KEYS.c.id))
            return [_key(row) for row in rows.mappings()]

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        roles: Sequence[str] = (),
        *,
        expires: float | None = None,
        per_minute: float | None = None,
    ) -> tuple[Key, str]:
        """A new key and its text, which is not kept.

        Raises:
            ConfigError: there is no such scope, or none was named.
        """
        for scope in scopes:
            if scope not in SCOPES:
                near = nearest(scope, SCOPES)
                hint = f"--scope {near}" if near else f"one of {', '.join(SCOPES)}"
                raise ConfigError(f"there is no scope {scope!r}", hint)
        if not scopes:
            raise ConfigError("the key would be allowed nothing", f"one of {', '.join(SCOPES)}")
        secret = secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(4),
            name=name,
            digest=digest(secret),
            scopes=tuple(dict.fromkeys(scopes)),
            roles=tuple(dict.fromkeys(roles)),
            created=time.time(),
            expires=expires,
            per_minute=per_minute,
        )
        row = {column.name: getattr(key, column.name) for column in _KEYS.columns}
        row |= {"scopes": ",".join(key.scopes), "roles": ",".join(key.roles)}
        with self.database.writing() as connection:
            connection.execute(sql.insert(_KEYS), row)
        return key, f"srlr_{key.id}_{secret}"

    def revoke(self, id: str) -> Key:
        """The key, which is refused from now on; one that was revoked before stays as it is.

        Raises:
            MissingArtifact: there is no key of this id.
        """
        mark = sql.update(_KEYS).where(_KEYS.c.id == id, _KEYS.c.revoked.is_(None))
        with self.database.writing() as connection:
            connection.execute(mark.values(revoked=time.time()))
            found = connection.execute(sql.select(_KEYS).where(_KEYS.c.id == id)).mappings().first()
        if found is None:
            near = nearest(id, [key.id for key in self.all()])
            raise MissingArtifact(
                f"there is no key {id!r} in {self.database.where}",
                f"srlr keys revoke {near}" if near else "`srlr keys list` shows all",
            )
        return _key(found)


@contextmanager
def opened(node: Keys, store_dir: Path) -> Iterator[Store]:
    """The keys that the settings name, in a database that is made if it is not there.

    Raises:
        ConfigError, MissingArtifact, ResourceError: as `database`.
    """
    path = Path(node.path) if node.path else store_dir / FILE
    found = database(path, node.url_env, "serve.keys.url_env")
    try:
        found.prepare(_TABLES)
        yield Store(found)
    finally:
        found.engine.dispose()


def _key(row: sql.RowMapping) -> Key:
    lists = {name: tuple(filter(None, row[name].split(","))) for name in ("scopes", "roles")}
    return Key(**{**row, **lists})
