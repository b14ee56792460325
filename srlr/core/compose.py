"""From files, environment and command line to one checked Settings: `compose(["tier=gold",
"srl.epochs=2"])`.

    files < environment < command line

Files are, in rising order: the groups' options, conf/config.yaml, the --config-dir's config.yaml,
the recipe. Everything wrong is reported at once, each with its key, value, what is allowed, the
nearest valid name and who said it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from srlr.core import schema, words
from srlr.core.check import checked, value_at
from srlr.core.errors import ConfigError
from srlr.core.layers import (
    GROUPS,
    Layer,
    available,
    config_root,
    find,
    layers,
    shown,
    stamps,
)
from srlr.core.problems import Problem, Source, refuse
from srlr.core.settings import Settings
from srlr.core.tree import (
    RUN_SOURCE,
    Request,
    Tree,
    compose_tree,
    leaf_keys,
    lifted,
    read_file,
)
from srlr.core.tuned import NODES, TUNED, as_tunable, retuned, tuning_of

__all__ = ["Composition", "Source", "available", "compose", "config_root", "with_model"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a composition was made from, so that it can be made again with another model."""

    overrides: tuple[str, ...]
    config_dir: Path | None
    base: Mapping[str, Any] | None
    environ: Mapping[str, str]
    selected: str | None = None


@dataclass(frozen=True, slots=True)
class Composition:
    """A checked configuration.

    Args:
        settings: the whole tree.
        yaml: the same, pasteable: as a run's config.yaml it composes to the same settings. While
        `model=auto` is open,
            what the card may tune stays `${tuned:…}`.
        sources: for each key who set it last; for a group's name, who chose its option.
        asked: what it was made from.
    """

    settings: Settings
    yaml: str
    sources: Mapping[str, Source]
    asked: Asked


def compose(
    overrides: Sequence[str],
    *,
    config_dir: Path | None = None,
    base: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Composition:
    """The settings that bare `key=value` words mean on this machine.

    Args:
        overrides: the command's words, in order; the later wins.
        config_dir: a folder whose options and config.yaml come before the product's.
        base: a run's own config (its config.yaml as a mapping): the words are laid over it, and
        the environment is
            not read again, for the run has recorded what it said.
        environ: os.environ unless given.

    Raises:
        ConfigError: anything that cannot be meant, all of it at once.
    """
    environ = os.environ if environ is None else environ
    return _composed(Asked(tuple(overrides), config_dir, base, environ))


def with_model(
    composition: Composition, card: str, *, config_dir: Path | None = None
) -> Composition:
    """The composition again with the card that select chose in place of `auto`."""
    config_dir = config_dir or composition.asked.config_dir
    return _composed(replace(composition.asked, config_dir=config_dir, selected=card))


def _composed(asked: Asked) -> Composition:
    """A command asks several times for what has not changed; Hydra takes a fifth of a second."""
    places, paths = _places(asked)
    return _remembered(_Same(_state(asked, places), asked, places, paths))


@dataclass(frozen=True, slots=True)
class _Same:
    """What a composition is made from; two with the same state make the same."""

    state: tuple[object, ...]
    asked: Asked = field(compare=False)
    places: tuple[Layer, ...] = field(compare=False)
    paths: Mapping[str, Path] = field(compare=False)


def _state(asked: Asked, places: Sequence[Layer]) -> tuple[object, ...]:
    """All that the result depends on: what was said, and every file as it is now."""
    base = None if asked.base is None else json.dumps(asked.base, default=str)
    environ = (*sorted(asked.environ.items()), *sorted(os.environ.items()))
    said = (asked.overrides, str(asked.config_dir), base, environ, asked.selected)
    return (*said, Path.cwd(), tuple(places), stamps(places))


@lru_cache(maxsize=32)
def _remembered(same: _Same) -> Composition:
    asked, places, paths = same.asked, same.places, same.paths
    options = {
        group: sorted({one for place in places for one in place.options(group)}) for group in GROUPS
    }
    environ = asked.environ if asked.base is None else {}
    ambient, problems = words.from_environment(environ)
    typed, wrong = words.from_command_line(asked.overrides, options)
    said = words.sort([*ambient, *typed], options)
    problems += [*wrong, *said.problems]
    chosen = _from_files(places, asked, said, options, problems)
    base = retuned(asked.base, chosen) if asked.base is not None else None
    choices = {group: word.value or "" for group, word in chosen.items()}
    known = [f"++{key}={words.quoted(str(path))}" for key, path in paths.items()]
    request = Request(places, base, choices)
    try:
        tree = compose_tree(request, [*said.overrides, *known])
    except ConfigError as error:
        refuse([*problems, Problem("configuration", error.what)] if problems else [])
        raise
    sources = _sources(tree, said, chosen, asked)
    settings = checked(tree, sources, problems)
    return Composition(settings, _yaml(settings, tree), sources, asked)


def _places(asked: Asked) -> tuple[tuple[Layer, ...], dict[str, Path]]:
    """The layers, and the absolute paths of those that the user named.

    They decide which files there are, so they are looked up before anything is composed.
    """
    config_dir = asked.config_dir or _said_path("config_dir", asked)
    role_path = _said_path("role_path", asked)
    own = config_dir.expanduser() / "config.yaml" if config_dir else None
    if role_path is None and own and own.is_file():
        written = read_file(own).get("role_path")
        role_path = own.parent / str(written) if written else None
    paths = {"config_dir": config_dir, "role_path": role_path}
    found = {key: path.expanduser().resolve() for key, path in paths.items() if path is not None}
    return layers(config_dir, role_path), found


def _said_path(key: str, asked: Asked) -> Path | None:
    """The folder that the words, else the environment, or a run's own config name."""
    typed = [one.lstrip("+").partition("=") for one in asked.overrides]
    said: Any = [value.strip("'\"") for name, _, value in typed if name == key]
    if said:
        return None if said[-1] in ("", "null") else Path(said[-1])
    kept = asked.base
    said = asked.environ.get(f"SRLR_{key.upper()}") if kept is None else kept.get(key)
    return Path(said) if said else None


def _from_files(
    places: Sequence[Layer],
    asked: Asked,
    said: words.Said,
    options: Mapping[str, Sequence[str]],
    problems: list[Problem],
) -> dict[str, words.Word]:
    """The options chosen by the user's config.yaml, the recipe, the words and select; the later
    wins."""
    chosen: dict[str, words.Word] = {}
    recipe = said.choices.get("recipe")
    names = ["own/config"] if asked.base is None else []
    names += [f"recipe/{recipe.value}"] if recipe else []
    for name in names:
        path = find(places, name)
        if path is None:
            continue
        source = Source("file", shown(path))
        for group, option in lifted(read_file(path))[0].items():
            if option in options[group]:
                chosen[group] = words.Word(group, option, source)
            else:
                problems.append(words.no_such_option(group, option, options[group], source))
    chosen |= said.choices
    if asked.selected is not None:
        by_select = Source("select", f"model={asked.selected}")
        chosen["model"] = words.Word("model", asked.selected, by_select)
    return chosen


def _sources(
    tree: Tree, said: words.Said, chosen: Mapping[str, words.Word], asked: Asked
) -> dict[str, Source]:
    sources = dict(tree.files)
    for key, word in said.values.items():
        sources = {one: by for one, by in sources.items() if not one.startswith(f"{key}.")}
        node = value_at(tree.plain, key)
        sources |= dict.fromkeys(leaf_keys(node, key), word.source) or {key: word.source}
    if asked.config_dir is not None:
        sources["config_dir"] = Source("command line", f"--config-dir {asked.config_dir}")
    for node in NODES:
        content = tree.raw.get(node) or {}
        for name in leaf_keys(content):
            card = tree.files.get(f"model.tuning.{tuning_of(node, content)}.{name}")
            if card and str(value_at(content, name)).startswith(TUNED):
                sources[f"{node}.{name}"] = card
    untold = Source("file", "conf/config.yaml") if asked.base is None else RUN_SOURCE
    told = {above for path in sources for above in accumulate(path.split("."), "{}.{}".format)}
    for leaf in schema.leaves(tree.plain):
        if leaf.path not in told:
            assert leaf.owner is not None, "only the root has none"
            declared = f"{leaf.owner.__module__.replace('.', '/')}.py"
            sources[leaf.path] = Source("default", declared)
    for group in GROUPS:
        sources[group] = chosen[group].source if group in chosen else untold
    return sources


def _yaml(settings: Settings, tree: Tree) -> str:
    import yaml

    content = settings.model_dump(mode="json")
    if settings.model.source is None:
        for node in NODES:
            content[node] = as_tunable(content[node], tree.raw.get(node) or {})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
