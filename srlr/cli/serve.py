"""srlr serve: the gateway, in the foreground until it is told to stop."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srlr.cli import render
from srlr.core import compose

if TYPE_CHECKING:
    from srlr.core.compose import Composition
    from srlr.core.settings import Settings


def serve(words: Sequence[str], config_dir: Path | None) -> None:
    """Serves what the words say; returns when the last answer is over.

    Raises:
        SrlrError: as `server.serve`.
    """
    from srlr.core import log
    from srlr.serving import admin, backing, dashboard, server

    log.setup(0)
    composition = compose.compose(words, config_dir=config_dir)
    settings = composition.settings

    def reread() -> "Settings":
        return compose.compose(words, config_dir=config_dir).settings

    behind = backing.opened(settings, asked(composition), render.note)
    parts = server.Parts(
        behind, render.note, reread, routers=(admin.router, dashboard.router), jobs=True
    )
    asyncio.run(server.serve(settings, parts))


def asked(composition: "Composition") -> tuple[str, ...]:
    """The roles to serve: the one that `role=` names on the command line, else serve.roles."""
    said = composition.sources["role"]
    if said.kind == "command line":
        return (composition.settings.role.name,)
    return composition.settings.serve.roles
