"""The composed tree against the schema: pydantic's complaints, and a card's tuning, in words a
person can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlr.core import schema
from srlr.core.layers import nearest
from srlr.core.problems import Problem, Source, refuse
from srlr.core.settings import Settings
from srlr.core.training import KINDS
from srlr.core.tree import Tree, leaf_keys
from srlr.core.tuned import TUNABLE, keys_of

NO_KEY_OF = "is no key of"
SECRET_NEAR = ("api_key_env", "base_url")
"""Keys whose wrong values may hold a secret: what was typed is not shown."""


def checked(tree: Tree, sources: Mapping[str, Source], problems: list[Problem]) -> Settings:
    """The tree as Settings.

    Raises:
        ConfigError: everything wrong with it, and what was found wrong before it was composed.
    """
    from pydantic import ValidationError

    problems = [*problems, *_tuning(tree.plain, sources)]
    settings = None
    try:
        settings = Settings.model_validate(tree.plain)
    except ValidationError as error:
        problems += _of_another_kind([_problem(one, sources) for one in error.errors()], sources)
    refuse(problems)
    assert settings is not None
    return settings


def _tuning(plain: Mapping[str, Any], sources: Mapping[str, Source]) -> list[Problem]:
    """A card's tuning of a key that does not exist would be ignored silently; it is a problem
    instead."""
    problems = []
    valid = [key for node, model in TUNABLE.items() for key in keys_of(model, node)]
    tuning = (plain.get("model") or {}).get("tuning") or {}
    for key in leaf_keys(tuning):
        if key not in valid:
            path, node = f"model.tuning.{key}", key.partition(".")[0]
            close = nearest(key, [one for one in valid if one.startswith(f"{node}.")] or valid)
            meant = f"model.tuning.{close}" if close else None
            what = f"a card tunes keys of {', '.join(TUNABLE)}; no such key"
            problems.append(Problem(path, what, nearest=meant, source=sources.get(path)))
    return problems


def _problem(error: Any, sources: Mapping[str, Source]) -> Problem:
    """One of pydantic's complaints in our words."""
    key, told_apart = _key(error["loc"])
    if error["type"].startswith("union_tag"):
        key = f"{key}.{error['ctx']['discriminator'].strip(chr(39))}"
        error = {**error, "type": "missing" if "tag" not in error["ctx"] else "literal_error"}
        error["input"] = error["ctx"].get("tag")
    source = _source_of(key, sources)
    if error["type"] == "extra_forbidden":
        if schema.field(key):
            return Problem(key, f"{NO_KEY_OF} {told_apart}", source=source)
        return Problem(key, "no such key", nearest=schema.nearest_key(key), source=source)
    if error["type"] == "missing":
        return Problem(key, "is required and nobody set it", source=source)
    if error["type"] == "value_error":
        what = str(error["ctx"]["error"])
        if key.rpartition(".")[2] in SECRET_NEAR and source is not None:
            source = replace(source, where=key)
        told, _, rest = what.partition(": ")
        if key == "configuration" and schema.field(told):
            return Problem(told, rest, source=_source_of(told, sources))
        return Problem(key, what, source=source)
    here = schema.field(key)
    of_a_mapping = here is not None and here.info is None  # whose bounds pydantic alone knows
    if here is None or (of_a_mapping and error["type"].startswith(("greater_than", "less_than"))):
        return Problem(key, error["msg"].lower(), error["input"], source=source)
    close = nearest(str(error["input"]), schema.choices(here))
    meant = f"{key}={close}" if close else None
    return Problem(key, f"takes {schema.allowed(here)}", error["input"], meant, source)


def _of_another_kind(problems: Sequence[Problem], sources: Mapping[str, Source]) -> list[Problem]:
    """The problems; where a kind was chosen by its key alone, which leaves the other kind's file in
    place, that is the one problem of its node.
    """
    kept = list(problems)
    for node, (by, _) in KINDS.items():
        said = f"{node}.{by}"
        source, strange = sources.get(said), []
        if source and source.kind != "run" and Path(source.where).parent.name != node:
            strange = [
                one
                for one in kept
                if one.key.startswith(f"{node}.") and one.what.startswith(NO_KEY_OF)
            ]
        if strange:
            meant = strange[0].what.removeprefix(f"{NO_KEY_OF} ")
            what = "is chosen with its group, whose file has what else belongs to it"
            kept = [one for one in kept if one not in strange]
            kept.append(Problem(said, what, nearest=meant, source=source))
    return kept


def _key(location: Sequence[str | int]) -> tuple[str, str]:
    """The dotted key, and which of a node's models was meant where it has several."""
    parts, told_apart = [str(part) for part in location], ""
    for end in range(1, len(parts)):
        here = schema.field(".".join(parts[:end]))
        if here is not None and len(here.models) > 1:
            told_apart = f"{'.'.join(parts[:end])}={parts.pop(end)}"
            break
    return ".".join(parts) or "configuration", told_apart


def _source_of(key: str, sources: Mapping[str, Source]) -> Source | None:
    """Who set the key, or the nearest thing above it, or something below it."""
    above = key
    while above:
        if above in sources:
            return sources[above]
        above = above.rpartition(".")[0]
    return next((by for one, by in sources.items() if one.startswith(f"{key}.")), None)


def value_at(tree: Any, key: str) -> Any:
    """What is at a dotted key of nested mappings; None where nothing is."""
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree
