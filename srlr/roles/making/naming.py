"""Which names a role of one's own may have."""

import importlib.util
import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from srlr.core.errors import ConfigError

LONGEST = 40


def check(name: str, known: Sequence[str], folder: Path) -> None:
    """Raises ConfigError where a module, a YAML and a word role=NAME cannot all have the name.

    Args:
        known: the names of the roles there are, those in `folder` not among them.
    """
    if not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{LONGEST - 1}}}", name):
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:LONGEST]
        fits = plain if plain[:1].isalpha() and not keyword.iskeyword(plain) else "tickets"
        raise ConfigError(
            f"{name!r} cannot be a role's name: small letters, digits and _, a letter first, at "
            f"most {LONGEST}",
            f"srlr roles new {fits}",
        )
    other = f"srlr roles new my_{name}"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ConfigError(f"{name!r} is a word of Python's own and cannot be a module", other)
    if name in known:
        raise ConfigError(f"there is a role {name!r} already", f"{other}, or see `srlr roles list`")
    if _shadows(name, folder):
        raise ConfigError(
            f"{name!r} is an installed module's name, which pytest would take this one for", other
        )


def _shadows(name: str, folder: Path) -> bool:
    if name in sys.stdlib_module_names:
        return True
    found = importlib.util.find_spec(name)
    origin = found.origin if found is not None else None
    return found is not None and (origin is None or Path(origin).parent != folder.resolve())
