"""srlr keys: who may ask the gateway for what."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srlr.cli import render
from srlr.core.errors import ConfigError

if TYPE_CHECKING:
    from srlr.core.settings import Settings
    from srlr.serving.key_store import Key, Store

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)

UNITS_S = {"m": 60, "h": 3600, "d": 86400}

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings: store_dir=DIR.", show_default=False),
]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]


@app.command()
def create(
    words: Words = None,
    name: Annotated[str, typer.Option("--name", help="Whose it is, for you to know.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="infer, deploy, swap, train, admin; several times."),
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Only this role; several times.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="WHEN", help="12h, 30d or 2027-01-31.")
    ] = None,
    per_minute: Annotated[
        float | None, typer.Option("--per-minute", metavar="N", help="Requests it may make.")
    ] = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    if per_minute is not None and not 1 <= per_minute < float("inf"):
        raise ConfigError(f"--per-minute {per_minute:g} is less than 1", "--per-minute 60")
    until = None if expires is None else when(expires, time.time())
    with _opened(words, config_dir) as (settings, store, by):
        _known(role or (), settings)
        key, text = store.create(
            name, scope or ["infer"], role or (), expires=until, per_minute=per_minute
        )
        _written(settings, "key.create", by, key)

    def human() -> None:
        render.text(text)
        render.note("this is the only time that it is shown; send it as Authorization: Bearer KEY")

    data = {**told(key), "key": text}
    render.emit("keys.create", data, as_json=as_json, human=human)


@app.command("list")
def list_(words: Words = None, config_dir: ConfigDir = None, as_json: Json = False) -> None:
    """Show every key, never its secret."""
    with _opened(words, config_dir) as (_, store, _by):
        rows = [told(key) for key in store.all()]
        where = store.database.where

    def human() -> None:
        if not rows:
            render.note(f"{where} holds no key; a first one: srlr keys create --scope infer")
            return
        columns = ("key", "name", "scopes", "roles", "state", "made", "until", "a minute")
        cells = [
            [
                f"srlr_{row['id']}_…",
                row["name"],
                " ".join(row["scopes"]),
                " ".join(row["roles"]) or "all",
                row["state"],
                row["created"],
                row["expires"] or "",
                row["per_minute"] or "",
            ]
            for row in rows
        ]
        render.table(columns, cells, right=("a minute",), whole=("key", "state"))

    render.emit("keys.list", {"keys": rows}, as_json=as_json, human=human)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="As in `srlr keys list`.")],
    words: Words = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
) -> None:
    """Have a key refused from now on; running gateways know within a second."""
    id = key.removeprefix("srlr_").partition("_")[0]
    with _opened(words, config_dir) as (settings, store, by):
        found = store.revoke(id)
        _written(settings, "key.revoke", by, found)
    human = f"srlr_{found.id}_… is revoked"
    render.emit("keys.revoke", told(found), as_json=as_json, human=human)


def when(text: str, now: float) -> float:
    """The moment that `12h`, `30d` or a date means, in seconds since the epoch.

    Raises:
        ConfigError: it means none, or one that is over.
    """
    match = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if match is not None:
        found = now + int(match[1]) * UNITS_S[match[2]]
    else:
        try:
            said = datetime.fromisoformat(text)
        except ValueError as error:
            raise ConfigError(f"--expires {text!r} is no time", "--expires 30d") from error
        found = (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    if found <= now:
        raise ConfigError(f"--expires {text!r} is over", "--expires 30d")
    return found


def told(key: "Key") -> dict[str, Any]:
    """A key for people and machines: without what is kept of its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "roles": list(key.roles),
        "state": key.state(time.time()),
        "created": _minute(key.created),
        "expires": _minute(key.expires),
        "revoked": _minute(key.revoked),
        "per_minute": key.per_minute,
    }


def _minute(at: float | None) -> str | None:
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ}"


@contextmanager
def _opened(
    words: Sequence[str] | None, config_dir: Path | None
) -> Iterator[tuple["Settings", "Store", str]]:
    """The settings, the keys, and who gives the command, who must be allowed to."""
    from srlr.core import compose
    from srlr.serving import key_store, permits

    settings = compose.compose(words or (), config_dir=config_dir).settings
    by = permits.permit(settings, "admin")
    with key_store.opened(settings.serve.keys, Path(settings.store_dir)) as store:
        yield settings, store, by


def _known(names: Sequence[str], settings: "Settings") -> None:
    """Refuses a misspelt role, for which the key would never work."""
    from srlr.core import compose
    from srlr.core.layers import nearest

    places = [Path(said) if said else None for said in (settings.config_dir, settings.role_path)]
    roles = compose.available(*places)["role"]
    for name in names:
        if name not in roles:
            near = nearest(name, roles)
            hint = f"--role {near}" if near else f"one of {', '.join(roles)}"
            raise ConfigError(f"there is no role {name!r}", hint)


def _written(settings: "Settings", kind: str, by: str, key: "Key") -> None:
    from srlr.core.audit import FILE, Audit

    what = {name: value for name, value in told(key).items() if name != "state"}
    Audit(Path(settings.store_dir) / FILE).append(kind, by, f"key {key.id} {key.name!r}", what)
