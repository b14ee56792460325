"""What the TAB key offers for bare words: groups with their options, keys with the values they
take.

Lists files and reads the settings' schema; Hydra is never imported. bash splits words at `=`, so
what stands before the cursor arrives as `role`, `=`, `sen` there and as `role=sen` in other shells;
both are understood.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from srlr.core.errors import SrlrError
from srlr.core.layers import GROUPS, available


def complete(ctx: Any, args: Sequence[str], incomplete: str) -> list[str]:
    """The words that can stand at the cursor.

    Args:
        ctx: the command's context; its parameters hold the words before the cursor.
        args: not used; typer passes it empty.
        incomplete: what of the word is typed. For `role=` it is empty, whatever the shell.
    """
    said = next((ctx.params[name] for name in ("words", "overrides") if ctx.params.get(name)), ())
    return offers([str(one) for one in said], incomplete, ctx.params.get("config_dir"))


def offers(before: Sequence[str], incomplete: str, config_dir: Path | str | None) -> list[str]:
    """The completions of `incomplete` after the words `before`."""
    words, pending = joined(before)
    try:
        options = available(Path(config_dir) if config_dir else None, _role_path(words))
    except SrlrError:
        return []  # the command itself will say what is wrong
    if pending is not None and (_is_key(pending) or not before[-1].strip("=")):
        return _starting(values(pending, options), incomplete)
    if "=" in incomplete:
        key, _, start = incomplete.partition("=")
        return [f"{key}={value}" for value in _starting(values(key, options), start)]
    found = _starting(_keys(incomplete), incomplete)
    return _opened(found[0], options) if len(found) == 1 else found


def joined(before: Sequence[str]) -> tuple[list[str], str | None]:
    """`key=value` words put together again, and the key whose value is being typed, if one is.

    A lone `=` is dropped before it comes here when it is the last thing typed, so a word without
    `=` at the end may be
    a key that waits for its value.
    """
    words: list[str] = []
    for part in before:
        if part == "=" or (words and words[-1].endswith("=")):
            words[-1:] = [(words[-1] if words else "") + part]
        else:
            words.append(part)
    last = words[-1] if words else ""
    if last.endswith("="):
        return words[:-1], last[:-1]
    if last and "=" not in last:
        return words[:-1], last
    return words, None


def values(key: str, options: dict[str, list[str]]) -> list[str]:
    """What can stand after `key=`: a group's options, a key's words, else its default."""
    if key in GROUPS:
        return options[key]
    from srlr.core import schema

    field = schema.field(key)
    if field is None:
        return []
    default = schema.default(field)
    plain = [str(default)] if isinstance(default, (int, float)) else []
    return schema.choices(field) or plain


def _keys(start: str) -> Iterable[str]:
    """Groups and top-level keys; the keys below them once something is typed."""
    yield from (f"{group}=" for group in GROUPS)
    if not start:
        yield from ("seed=", "runs_dir=", "role_path=")
        return
    from srlr.core import schema

    yield from (f"{leaf.path}=" for leaf in schema.leaves())


def _opened(word: str, options: dict[str, list[str]]) -> list[str]:
    """A shell puts a space after a single match, which is wrong after `=`: the values are offered
    at once, or two words."""
    if not word.endswith("="):
        return [word]
    full = [word + value for value in values(word[:-1], options)]
    return full if len(full) > 1 or word[:-1] in GROUPS else [*full, word]


def _is_key(word: str) -> bool:
    if word in GROUPS:
        return True
    from srlr.core import schema

    return schema.field(word) is not None


def _starting(words: Iterable[str], start: str) -> list[str]:
    return [word for word in words if word.startswith(start)]


def _role_path(words: Sequence[str]) -> Path | None:
    said = [word.partition("=")[2] for word in words if word.startswith("role_path=")]
    return Path(said[-1]) if said else None
