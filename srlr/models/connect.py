"""Which model a server has, how it tells tokens, and whether its weights are ours."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from srlr.core.errors import ConfigError, ResourceError
from srlr.models import remote
from srlr.models.local import LocalModel
from srlr.models.remote import NotThere, Refused, Server
from srlr.models.sampling import Sampling
from srlr.models.served import Dialect, Served

PROBE_TOKENS = 16
"""Enough that two hot answers which are equal were not drawn."""


def connect(
    server: Server, wanted: str | None, model: LocalModel, folder: Path, start: Path | None
) -> Served:
    """The server's model, ready to answer in the place of `model`.

    Args:
        wanted: what the server calls it; None: the only one it has.
        start: an adapter that leads from the server's weights to the model's.

    Raises:
        ConfigError: there is no such model, or it has other weights.
    """
    names = _names(server, wanted)
    name = wanted or _only(server, names)
    run = f"srlr-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
    found = Served(server, name, Dialect("token_ids", True), folder, run, start)
    try:
        found = replace(found, dialect=_dialect(found, model))
    except (NotThere, Refused) as error:
        if name in names:
            raise
        raise ConfigError(
            f"{server.url} has no model {name!r}, it has {_list(names)}: {error.what}",
            "rollout.model is the name the server has for it; null where it has one alone",
        ) from error
    if start is None:
        found.agrees(model, _greeting(model), name)
    return found


def _names(server: Server, wanted: str | None) -> list[str]:
    """The models the server tells of, without adapters; none where it cannot tell and need not."""
    try:
        rows = remote.listed(server if wanted is None else replace(server, retries=0))
    except (ConfigError, ResourceError):
        if wanted is None:
            raise
        return []
    return [str(row["id"]) for row in rows if not row.get("parent")]


def _only(server: Server, names: Sequence[str]) -> str:
    if len(names) != 1:
        raise ConfigError(
            f"{server.url} tells of {_list(names)}: which one is meant?",
            f"rollout.model={names[0] if names else 'NAME'}",
        )
    return names[0]


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _dialect(served: Served, model: LocalModel) -> Dialect:
    """How the server tells tokens, found out by asking it for two answers."""
    prompt, how = [_greeting(model)], Sampling(PROBE_TOKENS, samples=2, temperature=2.0)
    for ids in ("token_ids", "logprobs"):
        (body,) = replace(served, dialect=Dialect(ids, True)).bodies(
            model, served.name, prompt, how
        )
        try:
            (choices,) = remote.complete(served.server, [body])
        except Refused:
            continue
        if all(choice.tokens is not None for choice in choices):
            return Dialect(ids, len(choices) == 2)
    both = replace(served, dialect=Dialect("none", False))
    asked = both.bodies(model, served.name, prompt, how)
    one, other = (choices[0].text for choices in remote.complete(served.server, asked))
    return Dialect("none", False, one != other)


def _greeting(model: LocalModel) -> list[int]:
    return model.encode_chat([{"role": "user", "content": "Name three colours and a number."}])
