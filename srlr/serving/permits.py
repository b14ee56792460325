"""Commands held against the same policy as requests: permit(settings, "deploy", "sentiment")."""

import os
import time
from pathlib import Path

from srlr.core.errors import SrlrError
from srlr.core.settings import Settings


class Denied(SrlrError):
    """A command is not allowed to whoever gave it."""

    exit_code = 4


def permit(settings: Settings, operation: str, role: str | None = None) -> str:
    """Who gives a command, for the audit log: a key's id, or the user's name at this machine.

    With serve.cli_policy=enforce, and once there are keys, a key that allows the operation must be
    in SRLR_API_KEY. Whoever can write to the store's files can go round that: it keeps honest
    people from mistakes and gives decisions a name.

    Raises:
        Denied: no such key.
    """
    who = f"user:{os.environ.get('USER') or os.getuid()}"
    if settings.serve.cli_policy == "open":
        return who
    from srlr.serving.key_store import opened, parts

    with opened(settings.serve.keys, Path(settings.store_dir)) as store:
        known = {key.id: key for key in store.all()}
    if not known:
        return who
    hint = f"export SRLR_API_KEY=KEY, of a key with the scope {operation!r}"
    said = parts(os.environ.get("SRLR_API_KEY", "").strip())
    if said is None:
        raise Denied("serve.cli_policy=enforce, and SRLR_API_KEY holds no key", hint)
    key = known.get(said[0])
    if key is None or not key.is_for(said[1]):
        raise Denied("the key in SRLR_API_KEY is not known", hint)
    state = key.state(time.time())
    why = f"the key {key.id!r} is {state}" if state != "active" else key.forbids(operation, role)
    if why is not None:
        raise Denied(why, hint)
    return f"key:{key.id}"
