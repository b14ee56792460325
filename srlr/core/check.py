"""The composed tree against the schema: pydantic's complaints, and a card's tuning, in words a
person can act on."""

from collections.abc import Mapping
from typing import Any

from srlr.core import schema
from srlr.core.layers import nearest
from srlr.core.problems import Problem, Source, refuse
from srlr.core.settings import Rlvr, Rollout, Settings, Srl, Training
from srlr.core.tree import Tree, leaf_keys

TUNABLE: dict[str, type[Training] | type[Rollout]] = {"srl": Srl, "rlvr": Rlvr, "rollout": Rollout}
"""The nodes whose keys a model card may set under `tuning`."""


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
        problems += [_problem(one, sources) for one in error.errors()]
    refuse(problems)
    assert settings is not None
    return settings


def _tuning(plain: Mapping[str, Any], sources: Mapping[str, Source]) -> list[Problem]:
    """A card's tuning of a key that does not exist would be ignored silently; it is a problem
    instead."""
    problems = []
    valid = [f"{node}.{name}" for node, model in TUNABLE.items() for name in model.model_fields]
    tuning = (plain.get("model") or {}).get("tuning") or {}
    for key in leaf_keys(tuning):
        if key not in valid:
            path, node = f"model.tuning.{key}", key.partition(".")[0]
            close = nearest(key, [one for one in valid if one.startswith(f"{node}.")] or valid)
            meant = f"model.tuning.{close}" if close else None
            what = "a card tunes keys of srl, rlvr and rollout; no such key"
            problems.append(Problem(path, what, nearest=meant, source=sources.get(path)))
    return problems


def _problem(error: Any, sources: Mapping[str, Source]) -> Problem:
    """One of pydantic's complaints in our words."""
    key = ".".join(str(part) for part in error["loc"]) or "configuration"
    source = _source_of(key, sources)
    if error["type"] == "extra_forbidden":
        return Problem(key, "no such key", nearest=schema.nearest_key(key), source=source)
    if error["type"] == "missing":
        return Problem(key, "is required and nobody set it", source=source)
    if error["type"] == "value_error":
        what = str(error["ctx"]["error"])
        told, _, rest = what.partition(": ")
        if key == "configuration" and schema.field(told):
            return Problem(told, rest, source=_source_of(told, sources))
        return Problem(key, what, source=source)
    here = schema.field(key)
    if here is None:
        return Problem(key, error["msg"].lower(), error["input"], source=source)
    close = nearest(str(error["input"]), schema.choices(here))
    meant = f"{key}={close}" if close else None
    return Problem(key, f"takes {schema.allowed(here)}", error["input"], meant, source)


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
